/* The part of a decision record that tells who may send as whom, in its written forms. */
#ifndef POLICY_DECISION_IDENTITY_H
#define POLICY_DECISION_IDENTITY_H

struct base_json;
struct base_log_line;
struct policy_decision;

/* [unowned]: the parts that the login does not own, joined by commas. */
void policy_decision_log_identity(const struct policy_decision *decision,
                                  struct base_log_line *line);
/* "identity": an object a part, {"owned","by","address","fault"}, or null. */
void policy_decision_json_identity(const struct policy_decision *decision,
                                   struct base_json *object);

#endif
