/* The texts of a rule with facts in them: the lines of its reply. */
#ifndef POLICY_RULES_TEXT_H
#define POLICY_RULES_TEXT_H

#include <stdbool.h>

#include "base/error.h"

struct base_arena;
struct conf_section;
struct policy_rule;
struct policy_rule_facts;

/* Lines of one reply. */
#define POLICY_RULE_LINES_MAX 8

/* False and *error_r (file, line, rule, option, value, mend) on the first fault. */
__attribute__((warn_unused_result)) bool policy_rule_compile_text(
    struct policy_rule *rule, const struct conf_section *section, struct base_error *error_r);
void policy_rule_destroy_text(struct policy_rule *rule);

/* The rule's lines with LF between them, each at most 480 octets, in `arena`; NULL when that is
 * exhausted. Only for a rule that has lines. */
const char *policy_rule_expand_text(const struct policy_rule *rule,
                                    const struct policy_rule_facts *facts,
                                    struct base_arena *arena);

#endif
