/* The part of a decision record that inbound evaluation fills, in its written forms; shared with
 * the commands that show one evaluator alone. */
#ifndef POLICY_DECISION_INBOUND_H
#define POLICY_DECISION_INBOUND_H

struct base_json;
struct base_log_line;
struct dkim_verdicts;
struct dmarc_outcome;
struct policy_decision;
struct spf_outcome;

void policy_decision_log_inbound(const struct policy_decision *decision,
                                 struct base_log_line *line);
void policy_decision_json_inbound(const struct policy_decision *decision, struct base_json *object);

/* New values, the caller's; NULL in gives JSON's null (for `dkim` an empty list). `identity`:
 * "mailfrom" or "helo". */
struct base_json *policy_spf_json(const struct spf_outcome *outcome, const char *identity);
struct base_json *policy_dkim_json(const struct dkim_verdicts *verdicts);
struct base_json *policy_dmarc_json(const struct dmarc_outcome *outcome);

#endif
