/* Proof of a key: it signs a small message in its block's own way, and libopendkim, which shares no
 * code with our signing, must verify it with the record that we would publish. */
#ifndef POLICY_DKIM_PROBE_H
#define POLICY_DKIM_PROBE_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/dkim/keyring.h"

/* False and *error_r when the signature does not verify. */
__attribute__((warn_unused_result)) bool dkim_probe_signer(const struct dkim_sign_block *block,
                                                           const struct dkim_signer *signer,
                                                           struct base_error *error_r);

#endif
