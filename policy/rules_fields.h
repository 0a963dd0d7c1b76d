/* Header fields that a rule adds or replaces: `header = "X-Name: text"`. */
#ifndef POLICY_RULES_FIELDS_H
#define POLICY_RULES_FIELDS_H

#include <stdbool.h>

#include "base/error.h"

struct base_arena;
struct conf_section;
struct policy_rule;
struct policy_rule_facts;

/* Fields of one rule. */
#define POLICY_RULE_FIELDS_MAX 8
/* Octets of a field's name. */
#define POLICY_RULE_NAME_MAX 64

/* False and *error_r (file, line, rule, option, value, mend) on the first fault: no name, or one
 * that others own: trace fields, signatures, results, and what signatures cover (RFC 6376 section
 * 5.4.1). */
__attribute__((warn_unused_result)) bool policy_rule_compile_fields(
    struct policy_rule *rule, const struct conf_section *section, struct base_error *error_r);
void policy_rule_destroy_fields(struct policy_rule *rule);

/* Hands each of them, expanded in `arena`, to facts->add_field(). */
void policy_rule_add_fields(const struct policy_rule *rule, const struct policy_rule_facts *facts,
                            struct base_arena *arena);

#endif
