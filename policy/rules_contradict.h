/* Conditions of one rule that exclude each other, whatever the message is. */
#ifndef POLICY_RULES_CONTRADICT_H
#define POLICY_RULES_CONTRADICT_H

#include <stdbool.h>
#include <stddef.h>

struct policy_rule;

/* True and why, in words with the mend, in `out`. */
bool policy_rule_contradicts(const struct policy_rule *rule, char *out, size_t size);

#endif
