/* The part of a decision record that tells of the SMTP session, in its written forms. */
#ifndef POLICY_DECISION_SESSION_H
#define POLICY_DECISION_SESSION_H

struct base_json;
struct base_log_line;
struct policy_decision;

/* [daemon] [port] client [client-name] [helo] [tls] ... [auth-author] */
void policy_decision_log_session(const struct policy_decision *decision,
                                 struct base_log_line *line);
/* "client", "mta", "tls", "auth", "declared_size" */
void policy_decision_json_session(const struct policy_decision *decision, struct base_json *object);

#endif
