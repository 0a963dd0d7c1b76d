/* One `rule` block, as written: what is wrong with it whatever the others say. */
#ifndef POLICY_RULES_CHECK_H
#define POLICY_RULES_CHECK_H

#include <stdbool.h>

#include "base/error.h"

struct conf_section;

/* For struct conf_table. */
bool policy_rule_check(struct conf_section *section, struct base_error *error_r);

#endif
