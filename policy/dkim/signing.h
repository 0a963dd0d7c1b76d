/* Signing one message (RFC 6376 section 5): one pass over the body as it streams by, no copy of it
 * kept; one DKIM-Signature for each key of the block. Not thread-safe. */
#ifndef POLICY_DKIM_SIGNING_H
#define POLICY_DKIM_SIGNING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/dkim/keyring.h"

struct base_arena;
struct dkim_signing;
struct policy_edits;
struct policy_header;
struct policy_signature;

/* At the end of the header. Lives in `arena`, but holds a digest context: dkim_signing_end() must
 * be called before the arena is reset. `block` is borrowed. NULL when the arena is exhausted. */
struct dkim_signing *dkim_signing_begin(struct base_arena *arena,
                                        const struct dkim_sign_block *block);
/* The MTA is Sendmail: what it will write is signed, not what it has shown us. */
void dkim_signing_expect_sendmail(struct dkim_signing *signing);
/* CRLF line ends; broken anywhere. */
void dkim_signing_body(struct dkim_signing *signing, struct base_text chunk);
/* Signs `header` as it stands (all other edits made before) and inserts the signatures at the top,
 * through `edits`. Returns the list for the record, one entry a key, in the arena; each entry's
 * `fault` says if that one failed. NULL only when the arena is exhausted. */
struct policy_signature *dkim_signing_finish(struct dkim_signing *signing,
                                             struct policy_header *header,
                                             struct policy_edits *edits, int64_t now_s);
/* After dkim_signing_finish(): which of the fields to be signed Sendmail may rewrite in a way that
 * cannot be foretold, in words for the record, in the arena; NULL: none. All but From are not
 * signed. */
const char *dkim_signing_left_out(const struct dkim_signing *signing);
/* d= */
const struct dns_name *dkim_signing_domain(const struct dkim_signing *signing);
/* As the header stands, all fields of these names (lower case) would be in h=. Takes memory of the
 * arena. */
bool dkim_signing_covers(struct dkim_signing *signing, const struct policy_header *header,
                         const struct base_text *names, size_t count);
/* Frees what is not in the arena; sets *signing to NULL; NULL inside is fine; idempotent. */
void dkim_signing_end(struct dkim_signing **signing);

#endif
