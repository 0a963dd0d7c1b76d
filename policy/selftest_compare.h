/* What `expect` says, against what came out. */
#ifndef POLICY_SELFTEST_COMPARE_H
#define POLICY_SELFTEST_COMPARE_H

#include "base/text.h"

struct base_arena;
struct conf_section;
struct policy_decision;
struct policy_edits;
struct policy_selftest_difference;
struct policy_verdict;

struct selftest_outcome {
    const struct policy_decision *decision;
    const struct policy_edits *edits;
    /* The one that ended the message; never NULL. */
    const struct policy_verdict *verdict;
    /* Recipients that were refused at RCPT. */
    const struct base_text *refused;
    size_t refused_count;
    /* Of all messages of the case. */
    int64_t accepted;
};

/* The differences, in the order of the options' table; NULL: none. In `arena`. */
struct policy_selftest_difference *selftest_compare(const struct conf_section *expect,
                                                    const struct selftest_outcome *outcome,
                                                    struct base_arena *arena);

#endif
