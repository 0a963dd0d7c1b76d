/* The rules of a configuration with their numbers, for the control socket. */
#ifndef POLICY_RULES_STATUS_H
#define POLICY_RULES_STATUS_H

#include <stddef.h>

struct base_json;
struct policy_counters;
struct policy_snapshot;

/* A new object for the index-th rule, in the order in which they are asked: rule (its name), stage,
 * mode, action, and each number of policy_counter_text(). NULL past the end. Rules that are off are
 * not among them. */
struct base_json *policy_rules_status_at(const struct policy_snapshot *snapshot, size_t index,
                                         const struct policy_counters *counters);

#endif
