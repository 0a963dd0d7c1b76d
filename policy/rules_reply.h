/* What the client is told when a rule decides. */
#ifndef POLICY_RULES_REPLY_H
#define POLICY_RULES_REPLY_H

struct base_arena;
struct policy_rule;
struct policy_rule_facts;
struct policy_verdict;

/* The reply of a rule that decided; in `arena`, NULL when that is exhausted. */
const struct policy_verdict *policy_rule_reply(const struct policy_rule *rule,
                                               const struct policy_rule_facts *facts,
                                               struct base_arena *arena);

#endif
