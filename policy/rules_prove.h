/* What can be proved of rules from their constants alone: that one can never match, or which of its
 * values those before it have taken. What is said to be impossible is; what is not said may be. */
#ifndef POLICY_RULES_PROVE_H
#define POLICY_RULES_PROVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct policy_condition;
struct policy_rule;
struct policy_rule_condition;
struct policy_rules;

enum {
    POLICY_PROOF_TAKERS_MAX = 16,
    POLICY_PROOF_CONDITIONS_MAX = 128
};

struct policy_rule_proof {
    /* Its own conditions exclude each other; in words. "" if they do not. */
    char contradiction[256];
    /* Those before it take all that it could match, or it has a contradiction. */
    bool is_impossible;
    /* Rules that take something of it, in the order of the file; enforced ones, for all mail. */
    const struct policy_rule *takers[POLICY_PROOF_TAKERS_MAX];
    size_t taker_count;
    /* A place each of the rule's conditions: the words that it can still match, as bits; of options
     * that are no WORD, WORDS or BOOL: 0 or not 0; of a LIST of at most 64: its items. */
    uint64_t left[POLICY_PROOF_CONDITIONS_MAX];
};

/* Which rules take from one, beside those before it at its stage; bits. */
enum policy_proof_scope {
    /* Those that refuse or accept at an earlier stage that each message passes. Not while
     * `mode = observe` refuses nothing. */
    POLICY_PROOF_STAGES = 1,
    /* With that: those at HELO, which a client may leave out. */
    POLICY_PROOF_HELO = 2,
    /* Lists are as their files (`file:`) are now. */
    POLICY_PROOF_FILES = 4,
};

/* Of rule `index`. */
void policy_rule_prove(const struct policy_rules *rules, size_t index, unsigned scope,
                       struct policy_rule_proof *proof_r);

/* All enforced rules for all mail: false and *error_r (both rules with file and line, and the mend)
 * for the first that can never match. */
__attribute__((warn_unused_result)) bool policy_rules_prove(const struct policy_rules *rules,
                                                            unsigned scope,
                                                            struct base_error *error_r);

/* All that the condition asks for, as bits of that kind; and its values among such bits, in the
 * words of the configuration, each told to `each`, for as long as the call. */
uint64_t policy_rule_condition_bits(const struct policy_rule_condition *condition);
void policy_rule_condition_each(const struct policy_rule_condition *condition, uint64_t bits,
                                void (*each)(void *context, const char *value), void *context);

/* The error of one rule that is impossible. */
void policy_rule_proof_error(const struct policy_rule *rule, const struct policy_rule_proof *proof,
                             struct base_error *error_r);

#endif
