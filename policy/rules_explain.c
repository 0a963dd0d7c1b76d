#include "policy/rules_explain.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "conf/conf.h"
#include "policy/options.h"
#include "policy/rules-private.h"
#include "policy/rules_compile.h"
#include "policy/rules_prove.h"
#include "policy/snapshot-private.h"

enum {
    /* Items of a list that are shown. */
    ITEMS_MAX = 4,
};

/* Values after one another, and how many of a list are not shown. */
struct shown {
    struct base_buf *out;
    size_t count;
    size_t max;
};

static void show(void *context, const char *value)
{
    struct shown *shown = context;

    if (shown->count++ >= shown->max)
        return;
    base_buf_appendf(shown->out, "%s%s", shown->count == 1 ? "" : " | ", value);
}

/* `bits` as struct policy_rule_proof has them. */
static void append_condition(const struct policy_rule_condition *condition, uint64_t bits,
                             struct base_buf *out)
{
    const struct conf_option *option = &condition->row->option;
    struct shown shown = {out, 0, option->type == CONF_LIST ? ITEMS_MAX : SIZE_MAX};

    base_buf_appendf(out, "%s = ", option->name);
    policy_rule_condition_each(condition, bits, show, &shown);
    if (shown.count > shown.max)
        base_buf_appendf(out, " | %zu more", shown.count - shown.max);
}

static void append_matches(const struct policy_rule *rule, struct base_buf *out)
{
    if (rule->condition_count == 0)
        base_buf_append_cstr(out, "all");
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (i > 0)
            base_buf_append_cstr(out, ", ");
        append_condition(&rule->conditions[i], policy_rule_condition_bits(&rule->conditions[i]),
                         out);
    }
}

static bool is_less(const struct policy_rule_condition *condition, uint64_t left)
{
    uint64_t all = policy_rule_condition_bits(condition);

    return (left & all) != all;
}

static void append_takers(const struct policy_rule_proof *proof, struct base_buf *out)
{
    for (size_t i = 0; i < proof->taker_count; i++)
        base_buf_appendf(out, "%s\"%s\"", i == 0 ? "" : ", ", proof->takers[i]->name);
}

/* Only what is less than was asked for; the rest of what others take is not told apart. */
static void append_left(const struct policy_rule *rule, const struct policy_rule_proof *proof,
                        struct base_buf *out)
{
    bool is_any = false;

    if (proof->taker_count == 0)
        return;
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (!is_less(&rule->conditions[i], proof->left[i]))
            continue;
        base_buf_append_cstr(out, is_any ? ", " : "      can still match: ");
        append_condition(&rule->conditions[i], proof->left[i], out);
        is_any = true;
    }
    base_buf_append_cstr(out, is_any ? "; the rest goes to " : "      some of it goes to ");
    append_takers(proof, out);
    base_buf_append_char(out, '\n');
}

static void append_warning(void *context, const char *text)
{
    base_buf_appendf(context, "      warning: %s\n", text);
}

/* What is proved of the rule, each warning told to `warn`. */
static void examine(const struct policy_snapshot *snapshot, size_t index,
                    struct policy_rule_proof *proof, void (*warn)(void *context, const char *text),
                    void *context)
{
    const struct policy_rule *rule = &snapshot->rules->items[index];
    unsigned scope = POLICY_PROOF_FILES;
    struct base_error error = {""};

    if (snapshot->options->mode == POLICY_MODE_ENFORCE)
        scope |= POLICY_PROOF_STAGES | POLICY_PROOF_HELO;
    policy_rule_prove(snapshot->rules, index, scope, proof);
    if (proof->is_impossible) {
        policy_rule_proof_error(rule, proof, &error);
        warn(context, error.text);
    }
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_rule_condition *condition = &rule->conditions[i];
        char room[512];
        struct base_buf doubt;

        if (condition->row->doubt == NULL)
            continue;
        base_buf_init_fixed(&doubt, room, sizeof(room));
        condition->row->doubt(condition, snapshot->options, &doubt);
        if (doubt.length == 0)
            continue;
        conf_error_at(&error, rule->where, "rule \"%s\": %s", rule->name, base_buf_cstr(&doubt));
        warn(context, error.text);
    }
}

static void append_rule(const struct policy_snapshot *snapshot, size_t index, struct base_buf *out)
{
    const struct policy_rule *rule = &snapshot->rules->items[index];
    struct policy_rule_proof *proof = base_mem_alloc(sizeof(*proof));

    base_buf_appendf(out, "  \"%s\" (%s:%d): %s", rule->name, rule->where.file, rule->where.line,
                     policy_action_text(rule->action));
    if (rule->options->mode == POLICY_RULE_OBSERVE)
        base_buf_append_cstr(out, ", observed");
    else if (!policy_rule_is_certain(rule))
        base_buf_appendf(out, ", for %" PRId64 "%%", rule->options->enforce_percent);
    base_buf_append_cstr(out, "\n      matches: ");
    append_matches(rule, out);
    base_buf_append_char(out, '\n');
    examine(snapshot, index, proof, append_warning, out);
    if (!proof->is_impossible)
        append_left(rule, proof, out);
    base_mem_free(proof);
}

static void append_off(const struct policy_snapshot *snapshot, struct base_buf *out)
{
    bool is_first = true;

    for (size_t i = 0; i < conf_snapshot_count(snapshot->conf, &policy_rule_table); i++) {
        const struct conf_section *section =
            conf_snapshot_at(snapshot->conf, &policy_rule_table, i);
        const struct policy_rule_options *options = section->values;

        if (options->mode != POLICY_RULE_OFF)
            continue;
        base_buf_appendf(out, "%s  \"%s\" (%s:%d)\n", is_first ? "off\n" : "", section->title,
                         section->where.file, section->where.line);
        is_first = false;
    }
}

void policy_rules_explain(const struct policy_snapshot *snapshot, struct base_buf *out)
{
    const struct policy_rules *rules = snapshot->rules;

    if (snapshot->options->mode == POLICY_MODE_OBSERVE)
        base_buf_append_cstr(out, "mode = observe: no rule refuses anything\n");
    if (rules->count == 0)
        base_buf_append_cstr(out, "no rules: no rule refuses anything\n");
    for (int stage = 0; stage < POLICY_STAGE_COUNT; stage++) {
        if ((policy_rules_stages(rules) & 1U << stage) == 0)
            continue;
        base_buf_appendf(out, "%s\n", policy_stage_text((enum policy_stage)stage));
        for (size_t i = 0; i < rules->count; i++)
            if ((int)rules->items[i].stage == stage)
                append_rule(snapshot, i, out);
    }
    append_off(snapshot, out);
}

/* --- the same for programs -----------------------------------------------------------------------
 */

static void add_text(void *context, const char *text)
{
    base_json_append_text(context, base_text_of(text));
}

/* NULL: all that they ask for. */
static struct base_json *conditions_json(const struct policy_rule *rule, const uint64_t *bits)
{
    struct base_json *object = base_json_object();

    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_rule_condition *condition = &rule->conditions[i];
        struct base_json *values = base_json_array();

        policy_rule_condition_each(condition,
                                   bits == NULL ? policy_rule_condition_bits(condition) : bits[i],
                                   add_text, values);
        base_json_set(object, condition->row->option.name, values);
    }
    return object;
}

static struct base_json *named_json(const char *name, struct conf_where where)
{
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "name", name);
    base_json_set_cstr(object, "file", where.file);
    base_json_set_int(object, "line", where.line);
    return object;
}

static struct base_json *rule_json(const struct policy_snapshot *snapshot, size_t index)
{
    const struct policy_rule *rule = &snapshot->rules->items[index];
    struct policy_rule_proof *proof = base_mem_alloc(sizeof(*proof));
    struct base_json *object = named_json(rule->name, rule->where);
    struct base_json *takers = base_json_array();
    struct base_json *warnings = base_json_array();

    base_json_set_cstr(object, "stage", policy_stage_text(rule->stage));
    base_json_set_cstr(object, "action", policy_action_text(rule->action));
    base_json_set_cstr(object, "mode",
                       policy_rule_mode_text((enum policy_rule_mode)rule->options->mode));
    base_json_set_int(object, "percent", rule->options->enforce_percent);
    examine(snapshot, index, proof, add_text, warnings);
    for (size_t i = 0; i < proof->taker_count; i++)
        base_json_append_text(takers, base_text_of(proof->takers[i]->name));
    base_json_set(object, "matches", conditions_json(rule, NULL));
    if (proof->is_impossible)
        base_json_set_null(object, "left");
    else
        base_json_set(object, "left", conditions_json(rule, proof->left));
    base_json_set(object, "taken_by", takers);
    base_json_set(object, "warnings", warnings);
    base_mem_free(proof);
    return object;
}

struct base_json *policy_rules_explain_json(const struct policy_snapshot *snapshot)
{
    const struct policy_rules *rules = snapshot->rules;
    struct base_json *object = base_json_object();
    struct base_json *tried = base_json_array();
    struct base_json *off = base_json_array();

    for (int stage = 0; stage < POLICY_STAGE_COUNT; stage++)
        for (size_t i = 0; i < rules->count; i++)
            if ((int)rules->items[i].stage == stage)
                base_json_append(tried, rule_json(snapshot, i));
    for (size_t i = 0; i < conf_snapshot_count(snapshot->conf, &policy_rule_table); i++) {
        const struct conf_section *section =
            conf_snapshot_at(snapshot->conf, &policy_rule_table, i);

        if (((const struct policy_rule_options *)section->values)->mode == POLICY_RULE_OFF)
            base_json_append(off, named_json(section->title, section->where));
    }
    base_json_set_cstr(object, "mode",
                       snapshot->options->mode == POLICY_MODE_OBSERVE ? "observe" : "enforce");
    base_json_set(object, "rules", tried);
    base_json_set(object, "off", off);
    return object;
}
