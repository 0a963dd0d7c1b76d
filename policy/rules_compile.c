/* `rule` blocks: the table, and what is proved about them before they are used. */
#include "policy/rules_compile.h"

#include <string.h>

#include "base/mem.h"
#include "policy/rules-private.h"

/* Octets of a reply's text. */
#define TEXT_MAX  200
#define MINUTE_MS INT64_C(60000)

static const char *const stage_words[] = {"connect", "helo", "mail", "rcpt",
                                          "data",    "eoh",  "eom",  NULL};
static const enum policy_stage stages[] = {
    POLICY_STAGE_CONNECT, POLICY_STAGE_HELO, POLICY_STAGE_MAIL, POLICY_STAGE_RCPT,
    POLICY_STAGE_DATA,    POLICY_STAGE_EOH,  POLICY_STAGE_EOM,
};
static const char *const action_words[] = {"continue", "accept", "reject",     "tempfail",
                                           "discard",  "mark",   "hold-queue", NULL};
static const char *const mode_words[] = {"enforce", "observe", "off", NULL};
static const struct conf_option rule_options[] = {
    POLICY_CONDITION_OPTION("stage", CONF_WORD, stage, stage_words),
    POLICY_CONDITION_OPTION("action", CONF_WORD, action, action_words),
    POLICY_CONDITION_OPTION("mode", CONF_WORD, mode, mode_words),
    POLICY_CONDITION_OPTION("code", CONF_STRING, code, NULL),
    POLICY_CONDITION_OPTION("enhanced-code", CONF_STRING, enhanced_code, NULL),
    POLICY_CONDITION_OPTION("text", CONF_STRING, text, NULL),
    {.name = "tempfail-for",
     .type = CONF_DURATION,
     .offset = offsetof(struct policy_rule_options, tempfail_for),
     .min = MINUTE_MS,
     .max = 7 * 24 * 60 * MINUTE_MS},
};

/* The row behind the options above that is a condition. */
static const struct policy_condition *condition_at(size_t index)
{
    size_t own = sizeof(rule_options) / sizeof(rule_options[0]);

    return (const void *)conf_table_option_at(&policy_rule_table, own + index);
}

static size_t condition_count(void)
{
    return conf_table_option_count(&policy_rule_table) -
           sizeof(rule_options) / sizeof(rule_options[0]);
}

static bool is_given(const struct conf_section *section, const struct policy_condition *condition)
{
    return conf_section_where(section, condition->option.name).line != 0;
}

static bool require(struct conf_section *section, const char *option, struct base_error *error_r)
{
    if (conf_section_where(section, option).line != 0)
        return true;
    conf_error_at(error_r, section->where,
                  "rule \"%s\" has no `%s`: add one, for example `%s = %s`", section->title, option,
                  option, strcmp(option, "stage") == 0 ? "eom" : "reject");
    return false;
}

static bool check_stage(struct conf_section *section, enum policy_stage stage,
                        struct base_error *error_r)
{
    for (size_t i = 0; i < condition_count(); i++) {
        const struct policy_condition *condition = condition_at(i);

        if (!is_given(section, condition) || stage >= condition->known_from)
            continue;
        conf_error_at(error_r, conf_section_where(section, condition->option.name),
                      "rule \"%s\": `%s` is not known yet at stage \"%s\": use `stage = %s` or a "
                      "later one",
                      section->title, condition->option.name, policy_stage_text(stage),
                      policy_stage_text(condition->known_from));
        return false;
    }
    return true;
}

static bool is_code(const char *text, char first)
{
    return strlen(text) == 3 && text[0] == first && base_ascii_is_digit(text[1]) &&
           base_ascii_is_digit(text[2]) && text[1] <= '5';
}

/* RFC 3463 section 2: class "." 1*3digit "." 1*3digit, no leading zeros. */
static bool is_enhanced_code(const char *text, char first)
{
    struct base_text rest = base_text_of(text);
    struct base_text class = base_text_split(&rest, '.');

    if (class.length != 1 || class.data[0] != first)
        return false;
    for (int i = 0; i < 2; i++) {
        struct base_text part;
        uint64_t value;

        if (rest.data == NULL)
            return false;
        part = base_text_split(&rest, '.');
        if (!base_text_to_uint(part, 999, &value) || (part.length > 1 && part.data[0] == '0'))
            return false;
    }
    return rest.data == NULL;
}

/* What goes through an MTA as it is (filter/reply.h). */
static bool is_text(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        if (!base_ascii_is_print(text[i]))
            return false;
    return length > 0 && length <= TEXT_MAX;
}

static bool check_reply(struct conf_section *section, const struct policy_rule_options *options,
                        enum policy_action action, struct base_error *error_r)
{
    char first = action == POLICY_ACTION_TEMPFAIL ? '4' : '5';

    if (action != POLICY_ACTION_TEMPFAIL && action != POLICY_ACTION_REJECT) {
        static const char *const names[] = {"code", "enhanced-code", "text"};

        for (size_t i = 0; i < 3; i++) {
            struct conf_where where = conf_section_where(section, names[i]);

            if (where.line == 0)
                continue;
            conf_error_at(error_r, where,
                          "rule \"%s\": `%s` goes only with `action = reject` or `tempfail`",
                          section->title, names[i]);
            return false;
        }
        return true;
    }
    if (options->text != NULL && !is_text(options->text)) {
        conf_error_at(error_r, conf_section_where(section, "text"),
                      "rule \"%s\": `text` is one line of at most %d printable ASCII characters: "
                      "make it shorter or simpler",
                      section->title, TEXT_MAX);
        return false;
    }
    if (options->code != NULL && !is_code(options->code, first)) {
        conf_error_at(error_r, conf_section_where(section, "code"),
                      "rule \"%s\": `code = \"%s\"` does not go with `action = %s`: it takes %cyz",
                      section->title, options->code, policy_action_text(action), first);
        return false;
    }
    if (options->enhanced_code != NULL && !is_enhanced_code(options->enhanced_code, first)) {
        conf_error_at(error_r, conf_section_where(section, "enhanced-code"),
                      "rule \"%s\": `enhanced-code = \"%s\"` does not go with `action = %s`: it "
                      "takes %c.y.z",
                      section->title, options->enhanced_code, policy_action_text(action), first);
        return false;
    }
    return true;
}

/* Whether the condition, which was given, asks for "temperror" and can tell when that is over. */
static bool can_wait(const struct policy_condition *condition, const void *values)
{
    const uint64_t *bits = (const void *)((const char *)values + condition->option.offset);

    for (unsigned i = 0; condition->is_passed != NULL && condition->option.words[i] != NULL; i++)
        if (strcmp(condition->option.words[i], "temperror") == 0)
            return (*bits & UINT64_C(1) << i) != 0;
    return false;
}

/* Nothing but an error that passes by is worth waiting for. */
static bool check_tempfail_for(struct conf_section *section,
                               const struct policy_rule_options *options,
                               struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, "tempfail-for");

    if (where.line == 0)
        return true;
    if ((enum policy_action)options->action != POLICY_ACTION_TEMPFAIL) {
        conf_error_at(error_r, where,
                      "rule \"%s\": `tempfail-for` goes only with `action = tempfail`",
                      section->title);
        return false;
    }
    for (size_t i = 0; i < condition_count(); i++)
        if (is_given(section, condition_at(i)) && can_wait(condition_at(i), options))
            return true;
    conf_error_at(error_r, where,
                  "rule \"%s\": `tempfail-for` bounds how long a temperror is waited for: add "
                  "`dmarc = { temperror }`, or the same of dkim, spf or helo-spf",
                  section->title);
    return false;
}

static bool check_rule(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_rule_options *options = section->values;
    enum policy_stage stage = stages[options->stage];
    enum policy_action action = (enum policy_action)options->action;

    if (!require(section, "stage", error_r) || !require(section, "action", error_r))
        return false;
    if (action == POLICY_ACTION_DISCARD && stage == POLICY_STAGE_RCPT) {
        conf_error_at(error_r, conf_section_where(section, "action"),
                      "rule \"%s\": `discard` at stage \"rcpt\" would throw the message away for "
                      "all recipients: use `stage = data` or a later one",
                      section->title);
        return false;
    }
    if (action == POLICY_ACTION_DISCARD && stage < POLICY_STAGE_MAIL) {
        conf_error_at(
            error_r, conf_section_where(section, "action"),
            "rule \"%s\": `discard` cannot be done at stage \"%s\": use `stage = mail` or a "
            "later one",
            section->title, policy_stage_text(stage));
        return false;
    }
    return check_stage(section, stage, error_r) && check_tempfail_for(section, options, error_r) &&
           check_reply(section, options, action, error_r);
}

const struct conf_table policy_rule_table = {
    .name = "rule",
    .has_title = true,
    .struct_size = sizeof(struct policy_rule_options),
    .options = rule_options,
    .option_count = sizeof(rule_options) / sizeof(rule_options[0]),
    .groups = policy_conditions,
    .check = check_rule,
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
    for (size_t i = condition_count(); i > 0; i--) {
        const struct policy_condition *row = condition_at(i - 1);

        if (!is_given(section, row))
            continue;
        if (row->reply != NULL)
            rule->telling = find_condition(rule, row);
        if (row->is_passed != NULL)
            rule->waits_for = find_condition(rule, row);
    }
}

static bool compile(struct policy_rule *rule, const struct conf_section *section,
                    struct base_error *error_r)
{
    rule->name = section->title;
    rule->where = section->where;
    rule->options = section->values;
    rule->stage = stages[rule->options->stage];
    rule->action = (enum policy_action)rule->options->action;
    rule->conditions = base_mem_alloc_zero(condition_count(), sizeof(rule->conditions[0]));
    for (size_t i = 0; i < condition_count(); i++) {
        struct policy_rule_condition condition = {.row = condition_at(i), .rule = rule};

        if (!is_given(section, condition.row))
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

static void rule_deinit(struct policy_rule *rule)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (rule->conditions[i].row->destroy != NULL)
            rule->conditions[i].row->destroy(rule->conditions[i].compiled);
    base_mem_free(rule->conditions);
    *rule = (struct policy_rule){.name = NULL};
}

/* A rule without a condition that decides leaves nothing to those behind it. */
static bool takes_all(const struct policy_rule *rule)
{
    return rule->options->mode == POLICY_RULE_ENFORCE && rule->condition_count == 0 &&
           rule->action != POLICY_ACTION_CONTINUE;
}

/* The rule compiled last, if it is enforced, can decide something. */
static bool is_reachable(const struct policy_rules *rules, struct base_error *error_r)
{
    const struct policy_rule *last = &rules->items[rules->count - 1];

    for (const struct policy_rule *rule = rules->items; rule < last; rule++) {
        if (last->options->mode != POLICY_RULE_ENFORCE || rule->stage != last->stage ||
            !takes_all(rule))
            continue;
        conf_error_at(error_r, last->where,
                      "rule \"%s\" can never decide: rule \"%s\" before it, without a condition, "
                      "takes all at stage \"%s\": put \"%s\" last",
                      last->name, rule->name, policy_stage_text(rule->stage), rule->name);
        return false;
    }
    return true;
}

struct policy_rules *policy_rules_create(const struct conf_snapshot *conf,
                                         struct base_error *error_r)
{
    struct policy_rules *rules = base_mem_alloc_zero(1, sizeof(*rules));
    size_t count = conf_snapshot_count(conf, &policy_rule_table);

    rules->items = base_mem_alloc_zero(count, sizeof(*rules->items));
    for (size_t i = 0; i < count; i++) {
        const struct conf_section *section = conf_snapshot_at(conf, &policy_rule_table, i);
        const struct policy_rule_options *options = section->values;

        struct policy_rule *rule = &rules->items[rules->count++];

        if (!compile(rule, section, error_r) || !is_reachable(rules, error_r)) {
            policy_rules_destroy(&rules);
            return NULL;
        }
        /* Checked as the others, so that it can be switched on at any time. */
        if (options->mode == POLICY_RULE_OFF) {
            rule_deinit(rule);
            rules->count--;
        }
    }
    return rules;
}

void policy_rules_destroy(struct policy_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < (*rules)->count; i++)
        rule_deinit(&(*rules)->items[i]);
    base_mem_free((*rules)->items);
    base_mem_free(*rules);
    *rules = NULL;
}
