/* One `rule` block, as written: what is wrong with it whatever the others say. */
#ifndef POLICY_RULES_CHECK_H
#define POLICY_RULES_CHECK_H

#include <stdbool.h>

#include "base/error.h"

struct conf_section;
struct policy_condition;

/* For struct conf_table. */
bool policy_rule_check(struct conf_section *section, struct base_error *error_r);

/* Whether the condition, which was given, asks for "temperror" and can tell when that is over;
 * `values` are the section's. */
bool policy_rule_can_wait(const struct policy_condition *condition, const void *values);

#endif
