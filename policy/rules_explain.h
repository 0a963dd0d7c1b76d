/* The rules as a table, for the administrator (`postseal check --explain`). */
#ifndef POLICY_RULES_EXPLAIN_H
#define POLICY_RULES_EXPLAIN_H

struct base_buf;
struct base_json;
struct policy_snapshot;

/* Appends the rules by stage, in the order in which they are tried: mode, action, what each matches
 * and, where those before it take some of that, what it can still match; and a warning of each that
 * can never match. Lines end in LF; what the configuration says is printable. */
void policy_rules_explain(const struct policy_snapshot *snapshot, struct base_buf *out);
/* The same as one object, as postseal(1) tells its members; never NULL. */
struct base_json *policy_rules_explain_json(const struct policy_snapshot *snapshot);

#endif
