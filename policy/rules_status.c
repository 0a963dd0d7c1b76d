#include "policy/rules_status.h"

#include "base/json.h"
#include "policy/counters.h"
#include "policy/rules-private.h"
#include "policy/snapshot-private.h"

struct base_json *policy_rules_status_at(const struct policy_snapshot *snapshot, size_t index,
                                         const struct policy_counters *counters)
{
    const struct policy_rule *rule;
    struct base_json *row;

    if (index >= snapshot->rules->count)
        return NULL;
    rule = &snapshot->rules->items[index];
    row = base_json_object();
    base_json_set_cstr(row, "rule", rule->name);
    base_json_set_cstr(row, "stage", policy_stage_text(rule->stage));
    base_json_set_cstr(row, "mode",
                       policy_rule_mode_text((enum policy_rule_mode)rule->options->mode));
    base_json_set_cstr(row, "action", policy_action_text(rule->action));
    for (int i = 0; i < POLICY_COUNTER_COUNT; i++)
        base_json_set_int(row, policy_counter_text((enum policy_counter)i),
                          (int64_t)policy_counters_read(counters, rule->name, rule->stage,
                                                        (enum policy_counter)i));
    return row;
}
