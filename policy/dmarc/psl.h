/* The organizational domain as RFC 7489 section 3.2 found it, by the public suffix list: for
 * `dmarc-method = psl` and `compare`. The only user of libpsl. */
#ifndef POLICY_DMARC_PSL_H
#define POLICY_DMARC_PSL_H

#include "base/error.h"

struct dmarc_psl;
struct dns_name;

/* The system's list, or libpsl's own where that is newer. NULL and *error_r if there is neither.
 * Blocks on the disk. */
__attribute__((warn_unused_result)) struct dmarc_psl *dmarc_psl_create(struct base_error *error_r);
/* Sets *psl to NULL; NULL inside is fine. */
void dmarc_psl_destroy(struct dmarc_psl **psl);

/* The public suffix of `name` and one label more; `name` itself where it has no more. Thread-safe,
 * does not block. */
void dmarc_psl_organizational(const struct dmarc_psl *psl, const struct dns_name *name,
                              struct dns_name *organizational_r);

#endif
