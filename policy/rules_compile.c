/* `rule` blocks: the table, and what is proved about them before they are used. */
#include "policy/rules_compile.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/rules-private.h"
#include "policy/rules_check.h"
#include "policy/rules_contradict.h"
#include "policy/rules_fields.h"
#include "policy/rules_prove.h"
#include "policy/rules_share.h"
#include "policy/rules_text.h"

#define SECOND_MS INT64_C(1000)
/* In the order of enum policy_percent_key. */
static const char *const percent_key_words[] = {"client-ip", "sender-domain", "author-domain",
                                                "login", NULL};

static const char *const bypass_words[] = {"none", "all", NULL};
static const char *const stage_words[] = {"connect", "helo", "mail",    "rcpt", "data",
                                          "eoh",     "eom",  "unknown", NULL};
static const char *const action_words[] = {
    "continue",   "accept",         "reject",     "tempfail",       "discard", "mark", "hold-queue",
    "add-header", "replace-header", "add-sender", "replace-sender", "no-sign", NULL};
static const char *const mode_words[] = {"enforce", "observe", "off", NULL};
static const struct conf_option rule_options[] = {
    POLICY_CONDITION_OPTION("stage", CONF_WORD, stage, stage_words),
    POLICY_CONDITION_OPTION("action", CONF_WORD, action, action_words),
    POLICY_CONDITION_OPTION("mode", CONF_WORD, mode, mode_words),
    POLICY_CONDITION_OPTION("code", CONF_STRING, code, NULL),
    POLICY_CONDITION_OPTION("enhanced-code", CONF_STRING, enhanced_code, NULL),
    POLICY_CONDITION_OPTION("text", CONF_LIST, text, NULL),
    POLICY_CONDITION_OPTION("header", CONF_LIST, header, NULL),
    POLICY_CONDITION_OPTION("bypass", CONF_WORD, bypass, bypass_words),
    POLICY_CONDITION_OPTION("percent-key", CONF_WORD, percent_key, percent_key_words),
    {.name = "enforce-percent",
     .type = CONF_INT,
     .offset = offsetof(struct policy_rule_options, enforce_percent),
     .fallback = "100",
     .min = 0,
     .max = 100},
    {.name = "tempfail-for",
     .type = CONF_DURATION,
     .offset = offsetof(struct policy_rule_options, tempfail_for),
     .min = SECOND_MS,
     .max = 7 * 24 * 60 * 60 * SECOND_MS},
};

const struct conf_table policy_rule_table = {
    .name = "rule",
    .has_title = true,
    .struct_size = sizeof(struct policy_rule_options),
    .options = rule_options,
    .option_count = sizeof(rule_options) / sizeof(rule_options[0]),
    .groups = policy_conditions,
    .check = policy_rule_check,
};

/* In the order of cost; rows of the same cost stay in theirs. */
static void insert_condition(struct policy_rule *rule, struct policy_rule_condition condition)
{
    size_t at = rule->condition_count++;

    for (; at > 0 && rule->conditions[at - 1].row->cost > condition.row->cost; at--)
        rule->conditions[at] = rule->conditions[at - 1];
    rule->conditions[at] = condition;
}

static const struct policy_rule_condition *find_condition(const struct policy_rule *rule,
                                                          const struct policy_condition *row)
{
    const struct policy_rule_condition *condition = rule->conditions;

    while (condition->row != row)
        condition++;
    return condition;
}

/* The rows stand in the order of how telling they are. */
static void choose_spokesmen(struct policy_rule *rule, const struct conf_section *section)
{
    for (size_t i = policy_condition_count(); i > 0; i--) {
        const struct policy_condition *row = policy_condition_at(i - 1);

        if (!policy_condition_is_given(row, section))
            continue;
        if (row->reply != NULL || row->fixed_reply.code != NULL)
            rule->telling = find_condition(rule, row);
        if (row->is_passed != NULL && policy_rule_can_wait(row, section->values))
            rule->waits_for = find_condition(rule, row);
    }
}

bool policy_rule_set_conditions(struct policy_rule *rule, const struct conf_section *section,
                                struct base_error *error_r)
{
    rule->conditions = base_mem_alloc_zero(policy_condition_count(), sizeof(rule->conditions[0]));
    for (size_t i = 0; i < policy_condition_count(); i++) {
        struct policy_rule_condition condition = {.row = policy_condition_at(i), .rule = rule};

        if (!policy_condition_is_given(condition.row, section))
            continue;
        condition.value = (const char *)section->values + condition.row->option.offset;
        if (condition.row->compile != NULL) {
            condition.compiled = condition.row->compile(condition.row, condition.value, error_r);
            if (condition.compiled == NULL)
                return false;
        }
        rule->topics |= condition.row->topics;
        insert_condition(rule, condition);
    }
    choose_spokesmen(rule, section);
    return true;
}

static bool check_is_idle(const struct policy_rule *rule, const struct conf_section *section,
                          struct base_error *error_r)
{
    char why[256];

    if (!policy_rule_is_idle(rule, why, sizeof(why)))
        return true;
    conf_error_at(error_r, conf_section_where(section, "action"), "rule \"%s\" can do nothing: %s",
                  rule->name, why);
    return false;
}

static bool compile(struct policy_rule *rule, const struct conf_section *section,
                    struct base_error *error_r)
{
    rule->name = section->title;
    rule->where = section->where;
    rule->options = section->values;
    rule->stage = policy_rule_stage(rule->options);
    rule->action = (enum policy_action)rule->options->action;
    return policy_rule_set_conditions(rule, section, error_r) &&
           check_is_idle(rule, section, error_r) &&
           policy_rule_compile_text(rule, section, error_r) &&
           policy_rule_compile_fields(rule, section, error_r);
}

void policy_rule_deinit(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (rule->conditions[i].row->destroy != NULL)
            rule->conditions[i].row->destroy(rule->conditions[i].compiled);
    base_mem_free(rule->conditions);
    policy_rule_destroy_text(rule);
    policy_rule_destroy_fields(rule);
    *rule = (struct policy_rule){.name = NULL};
}

struct policy_rules *policy_rules_compile(const struct conf_snapshot *conf,
                                          struct base_error *error_r)
{
    struct policy_rules *rules = base_mem_alloc_zero(1, sizeof(*rules));
    size_t count = conf_snapshot_count(conf, &policy_rule_table);

    rules->items = base_mem_alloc_zero(count, sizeof(*rules->items));
    for (size_t i = 0; i < count; i++) {
        const struct conf_section *section = conf_snapshot_at(conf, &policy_rule_table, i);
        const struct policy_rule_options *options = section->values;

        struct policy_rule *rule = &rules->items[rules->count++];

        if (!compile(rule, section, error_r)) {
            policy_rules_destroy(&rules);
            return NULL;
        }
        /* Checked as the others, so that it can be switched on at any time. */
        if (options->mode == POLICY_RULE_OFF) {
            policy_rule_deinit(rule);
            rules->count--;
        }
    }
    return rules;
}

struct policy_rules *policy_rules_create(const struct conf_snapshot *conf, unsigned scope,
                                         struct base_error *error_r)
{
    struct policy_rules *rules = policy_rules_compile(conf, error_r);

    if (rules != NULL && !policy_rules_prove(rules, scope, error_r))
        policy_rules_destroy(&rules);
    return rules;
}

bool policy_rules_check_identity(const struct policy_rules *rules, struct base_error *error_r)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->items[i];

        if ((rule->topics & POLICY_TOPIC_IDENTITY) == 0)
            continue;
        conf_error_at(error_r, rule->where,
                      "rule \"%s\" asks who owns an address, and nothing says so: add "
                      "`sender-login-maps = { \"file:...\" }` or `login-is-address = yes`",
                      rule->name);
        return false;
    }
    return true;
}

void policy_rules_destroy(struct policy_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < (*rules)->count; i++)
        policy_rule_deinit(&(*rules)->items[i]);
    base_mem_free((*rules)->items);
    base_mem_free(*rules);
    *rules = NULL;
}

void policy_rules_warn(const struct policy_rules *rules,
                       void (*warn)(void *context, const char *text), void *context)
{
    char text[512];

    for (size_t i = 0; warn != NULL && i < rules->count; i++) {
        const struct policy_rule *rule = &rules->items[i];

        if (rule->options->bypass == 0)
            continue;
        (void)snprintf(
            text, sizeof(text),
            "%s:%d: rule \"%s\": bypass = all: what these clients send is neither judged "
            "nor signed, and leaves no record",
            rule->where.file, rule->where.line, rule->name);
        warn(context, text);
    }
}
