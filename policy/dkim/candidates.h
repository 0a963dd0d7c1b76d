/* Which key records a signature may be verified with: from an answer of DNS to what the library is
 * given, which is written by ourselves. */
#ifndef POLICY_DKIM_CANDIDATES_H
#define POLICY_DKIM_CANDIDATES_H

#include <stdbool.h>
#include <stddef.h>

struct base_arena;
struct dkim_signature;
struct dns_answer;

/* Keys at one name that are tried at most. */
#define DKIM_CANDIDATES_MAX 4

struct dkim_candidates {
    struct {
        /* For the library, NUL-terminated. */
        const char *record;
        /* DKIM_FLAG_TEST_KEY, DKIM_FLAG_STRICT_KEY */
        unsigned flags;
    } items[DKIM_CANDIDATES_MAX];
    size_t count;
};

/* At least one, or the signature's verdict says why there is none. False only when the arena is
 * exhausted. */
__attribute__((warn_unused_result)) bool dkim_candidates_find(struct base_arena *arena,
                                                              const struct dns_answer *answer,
                                                              struct dkim_signature *signature,
                                                              struct dkim_candidates *candidates_r);

#endif
