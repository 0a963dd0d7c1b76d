/* The rules of one stage, run for a session: latching, observation, mailboxes that stay reachable.
 */
#ifndef POLICY_STAGE_RULES_H
#define POLICY_STAGE_RULES_H

#include <stdbool.h>

#include "policy/rules.h"
#include "policy/verdict.h"

struct policy_address;
struct policy_session;

/* What rules, and rates, ask of the session; valid until its next stage. */
struct policy_rule_facts policy_session_facts(struct policy_session *session,
                                              const struct policy_address *recipient);
/* The recipient, or with NULL all of them, stays reachable whatever rules say (RFC 5321 section
 * 4.5.1). */
bool policy_session_is_for_reserved(const struct policy_session *session,
                                    const struct policy_address *recipient);

/* The rule that accepted the message, so that no later one decides about it; NULL: none has. */
const struct policy_verdict *policy_session_accepted_by(const struct policy_session *session,
                                                        enum policy_stage stage);

/* At stage unknown: the rules about a command. The verdict lives until the next one. */
const struct policy_verdict *policy_session_run_command_rules(struct policy_session *session,
                                                              struct base_text command);
/* `recipient`: at RCPT, else NULL. Returns the verdict to be answered at this stage: reject,
 * tempfail, discard, or (at end of message) hold-queue and mark; an accept only with is_bypass;
 * else continue. What the stage cannot do is remembered for end of message. May wait for DNS. */
const struct policy_verdict *policy_session_run_rules(struct policy_session *session,
                                                      enum policy_stage stage,
                                                      const struct policy_address *recipient);

#endif
