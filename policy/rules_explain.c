#include "policy/rules_explain.h"

#include <inttypes.h>

#include "base/error.h"
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

static void append_words(const char *const *words, uint64_t bits, struct base_buf *out)
{
    bool is_first = true;

    for (unsigned i = 0; words[i] != NULL; i++) {
        if ((bits & UINT64_C(1) << i) == 0)
            continue;
        base_buf_appendf(out, "%s%s", is_first ? "" : " | ", words[i]);
        is_first = false;
    }
}

static void append_items(const struct conf_list *list, uint64_t bits, struct base_buf *out)
{
    size_t shown = 0, count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (i < 64 && list->count <= 64 && (bits & UINT64_C(1) << i) == 0)
            continue;
        if (count++ >= ITEMS_MAX)
            continue;
        base_buf_appendf(out, "%s%s", shown == 0 ? "" : " | ", list->items[i].text);
        shown++;
    }
    if (count > shown)
        base_buf_appendf(out, " | %zu more", count - shown);
}

/* `bits` as struct policy_rule_proof has them. */
static void append_condition(const struct policy_rule_condition *condition, uint64_t bits,
                             struct base_buf *out)
{
    static const char *const bool_words[] = {"no", "yes", NULL};
    const struct conf_option *option = &condition->row->option;

    base_buf_appendf(out, "%s = ", option->name);
    switch (option->type) {
    case CONF_BOOL:
        append_words(bool_words, bits, out);
        break;
    case CONF_WORD:
    case CONF_WORDS:
        append_words(option->words, bits, out);
        break;
    case CONF_LIST:
        append_items(condition->value, bits, out);
        break;
    case CONF_STRING:
        base_buf_append_cstr(out, *(const char *const *)condition->value);
        break;
    default:
        base_buf_appendf(out, "%" PRId64, policy_condition_number(condition));
        break;
    }
}

/* What the condition asks for, as the same bits. */
static uint64_t asked_bits(const struct policy_rule_condition *condition)
{
    switch (condition->row->option.type) {
    case CONF_BOOL:
        return policy_condition_bool(condition) ? 2 : 1;
    case CONF_WORD:
        return UINT64_C(1) << policy_condition_word(condition);
    case CONF_WORDS:
        return *(const uint64_t *)condition->value;
    default:
        return UINT64_MAX;
    }
}

static void append_matches(const struct policy_rule *rule, struct base_buf *out)
{
    if (rule->condition_count == 0)
        base_buf_append_cstr(out, "all");
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (i > 0)
            base_buf_append_cstr(out, ", ");
        append_condition(&rule->conditions[i], asked_bits(&rule->conditions[i]), out);
    }
}

static bool is_less(const struct policy_rule_condition *condition, uint64_t left)
{
    const struct conf_list *list = condition->value;
    uint64_t all = asked_bits(condition);

    if (condition->row->option.type == CONF_LIST) {
        if (list->count > 64)
            return false;
        all = list->count == 64 ? UINT64_MAX : (UINT64_C(1) << list->count) - 1;
    } else if (all == UINT64_MAX) {
        return false;
    }
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

static void append_doubts(const struct policy_rule *rule, struct base_buf *out)
{
    char room[2048];

    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_rule_condition *condition = &rule->conditions[i];
        struct base_buf doubt;

        if (condition->row->doubt == NULL)
            continue;
        base_buf_init_fixed(&doubt, room, sizeof(room));
        condition->row->doubt(condition, &doubt);
        if (doubt.length > 0)
            base_buf_appendf(out, "      warning: %s:%d: rule \"%s\": %s\n", rule->where.file,
                             rule->where.line, rule->name, base_buf_cstr(&doubt));
    }
}

static void append_rule(const struct policy_snapshot *snapshot, size_t index, struct base_buf *out)
{
    const struct policy_rule *rule = &snapshot->rules->items[index];
    bool is_enforced = snapshot->options->mode == POLICY_MODE_ENFORCE;
    struct policy_rule_proof *proof = base_mem_alloc(sizeof(*proof));
    struct base_error error = {""};

    base_buf_appendf(out, "  \"%s\" (%s:%d): %s", rule->name, rule->where.file, rule->where.line,
                     policy_action_text(rule->action));
    if (rule->options->mode == POLICY_RULE_OBSERVE)
        base_buf_append_cstr(out, ", observed");
    else if (!policy_rule_is_certain(rule))
        base_buf_appendf(out, ", for %" PRId64 "%%", rule->options->enforce_percent);
    base_buf_append_cstr(out, "\n      matches: ");
    append_matches(rule, out);
    base_buf_append_char(out, '\n');
    policy_rule_prove(snapshot->rules, index, is_enforced ? POLICY_PROOF_HELO : POLICY_PROOF_STAGE,
                      proof);
    if (proof->is_impossible) {
        policy_rule_proof_error(rule, proof, &error);
        base_buf_appendf(out, "      warning: %s\n", error.text);
    } else {
        append_left(rule, proof, out);
    }
    append_doubts(rule, out);
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
        base_buf_append_cstr(out, "no rules: nothing is refused\n");
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
