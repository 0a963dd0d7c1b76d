/* The texts of a rule with facts in them: the lines of its reply. */
#ifndef POLICY_RULES_TEXT_H
#define POLICY_RULES_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct base_arena;
struct conf_item;
struct conf_section;
struct policy_rule;
struct policy_rule_facts;
struct policy_template;

/* Lines of one reply. */
#define POLICY_RULE_LINES_MAX 8

/* False and *error_r (file, line, rule, option, value, mend) on the first fault. */
__attribute__((warn_unused_result)) bool policy_rule_compile_text(
    struct policy_rule *rule, const struct conf_section *section, struct base_error *error_r);
void policy_rule_destroy_text(struct policy_rule *rule);

/* One text of the rule: `item` is what was written, `text` that or a part of it. NULL and *error_r
 * on a fault, a fact that the rule's stage does not know yet among them. */
__attribute__((warn_unused_result)) struct policy_template *policy_rule_compile_line(
    const struct policy_rule *rule, const struct conf_item *item, const char *option,
    const char *text, struct base_error *error_r);

/* The lines with LF between them, each at most 480 octets, in `arena`; NULL when that is exhausted.
 * `count` is at least 1. */
const char *policy_rule_expand_lines(const struct policy_rule *rule,
                                     struct policy_template *const *lines, size_t count,
                                     const struct policy_rule_facts *facts,
                                     struct base_arena *arena);

#endif
