/* `rule` blocks of the configuration, checked and compiled. */
#ifndef POLICY_RULES_COMPILE_H
#define POLICY_RULES_COMPILE_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/rules_prove.h"

struct conf_snapshot;
struct conf_table;
struct policy_rules;

extern const struct conf_table policy_rule_table;

/* NULL and *error_r (file, line, rule, option, value, mend) on the first fault, and where an
 * enforced rule can never match, by what `scope` (bits of rules_prove.h's) lets be proved. */
__attribute__((warn_unused_result)) struct policy_rules *policy_rules_create(
    const struct conf_snapshot *conf, unsigned scope, struct base_error *error_r);
/* For a configuration that says of no address whose it is: an error if a rule asks. */
__attribute__((warn_unused_result)) bool policy_rules_check_identity(
    const struct policy_rules *rules, struct base_error *error_r);
/* The same without that proof (rules_prove.h). */
__attribute__((warn_unused_result)) struct policy_rules *policy_rules_compile(
    const struct conf_snapshot *conf, struct base_error *error_r);
/* Calls `warn`, which may be NULL, for each rule that lets clients pass by everything. */
void policy_rules_warn(const struct policy_rules *rules,
                       void (*warn)(void *context, const char *text), void *context);
void policy_rules_destroy(struct policy_rules **rules);

#endif
