/* Verifying the signatures of one message (RFC 6376 section 6): libopendkim verifies, behind the
 * caps and checks that it needs, and each signature is judged by itself. Not thread-safe. */
#ifndef POLICY_DKIM_VERIFY_H
#define POLICY_DKIM_VERIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/dkim/result.h"

struct base_arena;
struct dkim_library;
struct dkim_verification;
struct dns_lookups;
struct dns_name;
struct policy_header;

struct dkim_verify_options {
    /* All borrowed; must outlive the verification. */
    struct dkim_library *library;
    struct dns_lookups *lookups;
    /* Where more signatures are than may be verified, those that could be aligned with it come
     * first. NULL: not known. */
    const struct dns_name *author_domain;
    int64_t now_s;
    /* `dkim-signatures` (10) and `dkim-names` (200): caps of this message. */
    size_t max_signatures;
    size_t max_names;
};

/* At the end of the header, which is borrowed until the end and may not change but by
 * policy/edits.h: what is verified is the message as it came, whatever we add or remove. Starts the
 * questions for all keys; does not wait. Lives in `arena`, but holds memory of the library: call
 * dkim_verification_end() before the arena is reset. NULL when the arena is exhausted. */
struct dkim_verification *dkim_verification_begin(struct base_arena *arena,
                                                  const struct dkim_verify_options *options,
                                                  const struct policy_header *header);
/* Somebody wants the body: there is a signature that may still pass. */
bool dkim_verification_wants_body(const struct dkim_verification *verification);
/* CRLF line ends; broken anywhere. */
void dkim_verification_body(struct dkim_verification *verification, struct base_text chunk);
/* Waits for the keys (within the lookups' budget) and judges. In the arena; count 0: the message
 * has no signature. NULL when the arena is exhausted. */
const struct dkim_verdicts *dkim_verification_finish(struct dkim_verification *verification);
/* Frees what is not in the arena; sets *verification to NULL; NULL inside is fine; idempotent. */
void dkim_verification_end(struct dkim_verification **verification);

#endif
