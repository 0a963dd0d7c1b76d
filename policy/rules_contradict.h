/* Conditions of one rule that exclude each other, whatever the message is. */
#ifndef POLICY_RULES_CONTRADICT_H
#define POLICY_RULES_CONTRADICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct policy_condition;
struct policy_rule;

/* True and why, in words with the mend, in `out`. `want_files`: a list is as its files are now. */
bool policy_rule_contradicts(const struct policy_rule *rule, bool want_files, char *out,
                             size_t size);
/* It may match, but its action does nothing to what it matches. True and why, as above. */
bool policy_rule_is_idle(const struct policy_rule *rule, char *out, size_t size);
/* Of the words of an option that the rule does not have, as bits: those that its conditions leave
 * possible. */
uint64_t policy_rule_possible_words(const struct policy_rule *rule,
                                    const struct policy_condition *row, uint64_t words);

#endif
