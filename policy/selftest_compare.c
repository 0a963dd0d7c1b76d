/* One row an option: how what came out is put into words, and how these are compared with what is
 * wanted. Texts in lists are compared with blanks and folds as one blank. */
#include "policy/selftest_compare.h"

#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "conf/conf.h"
#include "policy/decision.h"
#include "policy/decision_rates.h"
#include "policy/dmarc/dmarc.h"
#include "policy/edits.h"
#include "policy/rate/limits.h"
#include "policy/rules.h"
#include "policy/selftest.h"
#include "policy/selftest_file.h"
#include "policy/spf/spf.h"

/* Octets of what is shown of one thing that came out. */
#define SHOWN_MAX 65536

/* Puts one text after the other. */
struct found {
    const struct selftest_outcome *outcome;
    struct base_arena *arena;
    /* Is called for each; true ends it. */
    bool (*is_wanted)(struct base_text text, struct base_text want);
    struct base_text want;
    bool is_found;
    /* All of them, for the difference. */
    struct base_buf shown;
};

static void offer(struct found *found, struct base_text text)
{
    if (found->shown.length > 0)
        base_buf_append_cstr(&found->shown, " | ");
    base_buf_append_text(&found->shown, text);
    found->is_found |= found->is_wanted(text, found->want);
}

static void offer_word(struct found *found, const char *word)
{
    offer(found, word == NULL ? BASE_TEXT("none") : base_text_of(word));
}

/* Runs of blanks and folds are one blank, none at the ends. */
static struct base_text squeeze(struct base_text text, struct base_arena *arena)
{
    struct base_buf out;

    base_buf_init(&out, arena, SHOWN_MAX);
    text = base_text_trim(text);
    for (size_t i = 0; i < text.length; i++) {
        bool is_blank = strchr(" \t\r\n", text.data[i]) != NULL && text.data[i] != '\0';

        if (!is_blank)
            base_buf_append_char(&out, text.data[i]);
        else if (i > 0 && out.length > 0 && out.data[out.length - 1] != ' ')
            base_buf_append_char(&out, ' ');
    }
    return base_buf_text(&out);
}

static bool is_equal(struct base_text text, struct base_text want)
{
    return base_text_equals(text, want);
}

static bool is_equal_nocase(struct base_text text, struct base_text want)
{
    return base_text_equals_nocase(text, want);
}

static bool is_within(struct base_text text, struct base_text want)
{
    if (want.length == 0)
        return true;
    return text.length >= want.length && memmem(text.data, text.length, want.data, want.length);
}

static void get_stage(struct found *found)
{
    offer_word(found, policy_stage_text(found->outcome->verdict->stage));
}

static void get_action(struct found *found)
{
    offer_word(found, policy_action_text(found->outcome->verdict->action));
}

static void get_would(struct found *found)
{
    const struct policy_verdict *would = found->outcome->decision->would;

    offer_word(found, would == NULL ? NULL : policy_action_text(would->action));
}

static void get_direction(struct found *found)
{
    offer_word(found, policy_direction_text(found->outcome->decision->direction));
}

static void get_author(struct found *found)
{
    offer_word(found, policy_author_outcome_text(found->outcome->decision->author));
}

static void offer_spf(struct found *found, const struct spf_outcome *spf)
{
    offer_word(found, spf == NULL ? "(not evaluated)" : spf_verdict_text(spf->verdict));
}

static void get_spf(struct found *found)
{
    offer_spf(found, found->outcome->decision->spf);
}

static void get_helo_spf(struct found *found)
{
    offer_spf(found, found->outcome->decision->helo_spf);
}

static void get_dkim(struct found *found)
{
    const char *word = found->outcome->decision->dkim_word;

    offer_word(found, word == NULL ? "(not evaluated)" : word);
}

static void get_dmarc(struct found *found)
{
    const struct dmarc_outcome *dmarc = found->outcome->decision->dmarc;

    offer_word(found, dmarc == NULL ? "(not evaluated)" : dmarc_result_text(dmarc->result));
}

static void get_disposition(struct found *found)
{
    const struct dmarc_outcome *dmarc = found->outcome->decision->dmarc;

    offer_word(found, dmarc == NULL ? "(not evaluated)" : dmarc_policy_text(dmarc->disposition));
}

static void get_code(struct found *found)
{
    offer(found, base_text_of(found->outcome->verdict->code));
}

static void get_enhanced(struct found *found)
{
    offer(found, base_text_of(found->outcome->verdict->enhanced));
}

static void get_text(struct found *found)
{
    offer(found, squeeze(base_text_of(found->outcome->verdict->text), found->arena));
}

static void get_rule(struct found *found)
{
    offer(found, base_text_of(found->outcome->verdict->rule));
}

static void offer_hits(struct found *found, const struct policy_rule_hit *hits)
{
    for (; hits != NULL; hits = hits->next)
        if (!hits->is_over)
            offer(found, base_text_of(hits->name));
}

static void get_matched(struct found *found)
{
    offer_hits(found, found->outcome->decision->session_hits);
    offer_hits(found, found->outcome->decision->hits);
}

static void get_refused(struct found *found)
{
    for (size_t i = 0; i < found->outcome->refused_count; i++)
        offer(found, found->outcome->refused[i]);
}

static void get_signed_by(struct found *found)
{
    const struct policy_signature *it = found->outcome->decision->signatures;

    for (; it != NULL; it = it->next)
        if (it->fault == NULL)
            offer(found, it->domain);
}

static void get_authres(struct found *found)
{
    if (found->outcome->decision->authres.data != NULL)
        offer(found, squeeze(found->outcome->decision->authres, found->arena));
}

static void get_added(struct found *found)
{
    const struct policy_edit *edit = found->outcome->edits->first;

    for (; edit != NULL; edit = edit->next) {
        struct base_buf line;

        if (edit->op == POLICY_EDIT_DELETE)
            continue;
        base_buf_init(&line, found->arena, SHOWN_MAX);
        base_buf_append_text(&line, edit->name);
        base_buf_append_char(&line, ':');
        base_buf_append_text(&line, edit->value);
        offer(found, squeeze(base_buf_text(&line), found->arena));
    }
}

/* "per login: 4 of 3/1h, over, alice": in the order in which they were asked. */
static void get_rates(struct found *found)
{
    const struct policy_rate_hit *it = found->outcome->decision->rates;

    for (; it != NULL; it = it->next) {
        char limit[RATE_TEXT_SIZE];
        struct base_buf line;

        base_buf_init(&line, found->arena, SHOWN_MAX);
        base_buf_appendf(&line, "%s: %lld of %s, %s%s, ", it->name, (long long)it->used,
                         rate_limit_text(&it->limit, limit), policy_rate_answer_text(it->answer),
                         it->mode == POLICY_RULE_ENFORCE ? "" : ", observed");
        base_buf_append_text(&line, it->key);
        offer(found, squeeze(base_buf_text(&line), found->arena));
    }
}

static void get_accepted(struct found *found)
{
    const char *text = base_arena_printf(found->arena, "%lld", (long long)found->outcome->accepted);

    offer(found, base_text_of(text == NULL ? "" : text));
}

struct row {
    const char *option;
    void (*get)(struct found *found);
    bool (*is_wanted)(struct base_text text, struct base_text want);
    /* Must not be found. */
    bool is_without;
};

static const struct row rows[] = {
    {"stage", get_stage, is_equal, false},
    {"action", get_action, is_equal, false},
    {"would", get_would, is_equal, false},
    {"direction", get_direction, is_equal, false},
    {"author", get_author, is_equal, false},
    {"spf", get_spf, is_equal, false},
    {"helo-spf", get_helo_spf, is_equal, false},
    {"dkim", get_dkim, is_equal, false},
    {"dmarc", get_dmarc, is_equal, false},
    {"dmarc-disposition", get_disposition, is_equal, false},
    {"code", get_code, is_equal, false},
    {"enhanced-code", get_enhanced, is_equal, false},
    {"text", get_text, is_within, false},
    {"rule", get_rule, is_equal, false},
    {"matched", get_matched, is_equal, false},
    {"not-matched", get_matched, is_equal, true},
    {"refused", get_refused, is_equal_nocase, false},
    {"signed-by", get_signed_by, is_equal_nocase, false},
    {"authres", get_authres, is_within, false},
    {"authres-without", get_authres, is_within, true},
    {"added", get_added, is_within, false},
    {"not-added", get_added, is_within, true},
    {"rates", get_rates, is_within, false},
    {"rates-without", get_rates, is_within, true},
    {"accepted", get_accepted, is_equal, false},
};

static const struct row *row_of(const char *option)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (strcmp(rows[i].option, option) == 0)
            return &rows[i];
    base_panic("selftest_compare: no row for %s", option);
}

struct comparison {
    const struct selftest_outcome *outcome;
    struct base_arena *arena;
    struct policy_selftest_difference *first;
    struct policy_selftest_difference **end;
};

static void differ(struct comparison *comparison, const struct row *row, struct conf_where where,
                   struct base_text want, struct base_text got)
{
    struct policy_selftest_difference *difference =
        base_arena_alloc(comparison->arena, sizeof(*difference));

    if (difference == NULL)
        return;
    *difference = (struct policy_selftest_difference){
        .option = row->option, .where = where, .want = want, .got = got};
    *comparison->end = difference;
    comparison->end = &difference->next;
}

static void compare_one(struct comparison *comparison, const struct row *row,
                        struct conf_where where, struct base_text want)
{
    struct found found = {.outcome = comparison->outcome,
                          .arena = comparison->arena,
                          .is_wanted = row->is_wanted,
                          .want = squeeze(want, comparison->arena)};

    base_buf_init(&found.shown, comparison->arena, SHOWN_MAX);
    row->get(&found);
    if (found.is_found == row->is_without)
        differ(comparison, row, where, want, base_buf_text(&found.shown));
}

static void compare_number(struct comparison *comparison, const struct row *row,
                           struct conf_where where, int64_t number)
{
    const char *text = base_arena_printf(comparison->arena, "%lld", (long long)number);

    compare_one(comparison, row, where, base_text_of(text == NULL ? "" : text));
}

static void compare_list(struct comparison *comparison, const struct row *row,
                         const struct conf_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        compare_one(comparison, row, list->items[i].where, base_text_of(list->items[i].text));
}

/* `signed-by = { }`: not signed at all. */
static bool must_be_none(const struct row *row, const struct conf_list *list)
{
    return list->count == 0 && !row->is_without;
}

static void compare_none(struct comparison *comparison, const struct row *row,
                         struct conf_where where)
{
    struct found found = {
        .outcome = comparison->outcome, .arena = comparison->arena, .is_wanted = row->is_wanted};

    base_buf_init(&found.shown, comparison->arena, SHOWN_MAX);
    row->get(&found);
    if (found.shown.length > 0)
        differ(comparison, row, where, BASE_TEXT("{ }"), base_buf_text(&found.shown));
}

static void compare_option(struct comparison *comparison, const struct conf_section *expect,
                           const struct conf_option *option)
{
    const void *value = (const char *)expect->values + option->offset;
    struct conf_where where = conf_section_where(expect, option->name);
    const struct row *row = row_of(option->name);

    if (where.line == 0)
        return;
    if (option->type == CONF_WORD)
        compare_one(comparison, row, where, base_text_of(option->words[*(const int *)value]));
    else if (option->type == CONF_INT)
        compare_number(comparison, row, where, *(const int64_t *)value);
    else if (option->type == CONF_STRING)
        compare_one(comparison, row, where, base_text_of(*(const char *const *)value));
    else if (must_be_none(row, value))
        compare_none(comparison, row, where);
    else
        compare_list(comparison, row, value);
}

struct policy_selftest_difference *selftest_compare(const struct conf_section *expect,
                                                    const struct selftest_outcome *outcome,
                                                    struct base_arena *arena)
{
    struct comparison comparison = {.outcome = outcome, .arena = arena};

    comparison.end = &comparison.first;
    for (size_t i = 0; i < selftest_expect_table.option_count; i++)
        compare_option(&comparison, expect, &selftest_expect_table.options[i]);
    return comparison.first;
}
