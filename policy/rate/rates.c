/* See rates.h. */
#include "policy/rate/rates.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/options.h"
#include "policy/rate/exempt.h"
#include "policy/rules_contradict.h"

/* A rate has conditions as rules have; what else rules have plays no part. */
struct rate_options {
    struct policy_rule_options conditions;
    struct conf_list key;
    int count;
    struct conf_list limit;
    struct conf_list burst;
    int action;
    int mode;
    int bounces_by;
    int64_t at_least;
    const char *warn_at;
    struct conf_list exempt;
    struct conf_list limits;
    struct conf_list notify;
    /* Milliseconds. */
    int64_t hold_for;
    const char *grow;
    const char *until;
    const char *since;
};

static const char *const count_words[] = {
    "messages",
    "recipients",
    "bytes",
    "distinct-recipients",
    "distinct-recipient-domains",
    "distinct-clients",
    "distinct-client-nets",
    "rejected",
    "bounces",
    NULL,
};
static const char *const action_words[] = {"tempfail", "reject", "discard", "mark", "hold", NULL};
static const char *const mode_words[] = {"enforce", "observe", "off", NULL};
enum bounces_by {
    BY_MESSAGE_ID,
    BY_SENDER,
};
static const char *const bounces_by_words[] = {"message-id", "sender", NULL};

#define ROW(option, ...) CONF_ROW(rate_options, option, __VA_ARGS__)

static const struct conf_option rows[] = {
    ROW("key", CONF_LIST, key, .fallback = NULL),
    ROW("count", CONF_WORD, count, .words = count_words),
    ROW("limit", CONF_LIST, limit, .fallback = NULL),
    ROW("burst", CONF_LIST, burst, .fallback = NULL),
    ROW("action", CONF_WORD, action, .fallback = "tempfail", .words = action_words),
    ROW("mode", CONF_WORD, mode, .fallback = "enforce", .words = mode_words),
    ROW("bounces-by", CONF_WORD, bounces_by, .fallback = "message-id", .words = bounces_by_words),
    ROW("at-least", CONF_INT, at_least, .fallback = "20", .min = 1, .max = 1000000),
    ROW("warn-at", CONF_STRING, warn_at, .fallback = NULL),
    ROW("exempt", CONF_LIST, exempt, .fallback = NULL),
    ROW("limits", CONF_LIST, limits, .fallback = NULL),
    ROW("notify", CONF_LIST, notify, .fallback = NULL),
    ROW("grow", CONF_STRING, grow, .fallback = NULL),
    ROW("until", CONF_STRING, until, .fallback = NULL),
    ROW("since", CONF_STRING, since, .fallback = NULL),
    ROW("hold-for", CONF_DURATION, hold_for, .min = 1000, .max = INT64_C(366) * 86400 * 1000),
};

const char *rate_count_text(enum rate_count count)
{
    return count_words[count];
}

const char *rate_count_words(enum rate_count count)
{
    static const char *const words[] = {
        "messages",
        "recipients",
        "octets",
        "different recipients",
        "different recipient domains",
        "different clients",
        "different networks",
        "refused messages",
        "bounces",
    };

    return words[count];
}

const char *rate_action_text(enum rate_action action)
{
    return action_words[action];
}

bool rate_rule_is_distinct(const struct rate_rule *rule)
{
    return rule->count >= RATE_COUNT_DISTINCT_RECIPIENTS &&
           rule->count <= RATE_COUNT_DISTINCT_CLIENT_NETS;
}

bool rate_rule_is_refusing(const struct rate_rule *rule)
{
    return rule->mode == POLICY_RULE_ENFORCE && rule->action != RATE_ACTION_MARK;
}

/* --- checking ------------------------------------------------------------------------------------
 */

static bool require(struct conf_section *section, const char *option, const char *example,
                    struct base_error *error_r)
{
    if (conf_section_where(section, option).line != 0)
        return true;
    conf_error_at(error_r, section->where,
                  "rate \"%s\" has no `%s`: add one, for example `%s = %s`", section->title, option,
                  option, example);
    return false;
}

/* "80%" */
static bool parse_percent(const char *text, unsigned *percent_r)
{
    struct base_text number = base_text_of(text);
    uint64_t value;

    if (number.length == 0 || number.data[number.length - 1] != '%')
        return false;
    number.length--;
    if (!base_text_to_uint(base_text_trim(number), 100, &value) || value == 0)
        return false;
    *percent_r = (unsigned)value;
    return true;
}

static bool check_names(struct conf_section *section, struct base_error *error_r)
{
    const struct rate_options *options = section->values;

    if (strlen(section->title) > RATE_NAME_MAX || section->title[0] == '\0') {
        conf_error_at(error_r, section->where,
                      "rate \"%s\": its name has to be of 1 to %d octets: make it shorter",
                      section->title, RATE_NAME_MAX);
        return false;
    }
    if (options->key.count == 0) {
        conf_error_at(error_r, conf_section_where(section, "key"),
                      "rate \"%s\": `key` is empty: say what to count by, for example "
                      "`key = { login }`",
                      section->title);
        return false;
    }
    if (options->limit.count == 0) {
        conf_error_at(error_r, conf_section_where(section, "limit"),
                      "rate \"%s\": `limit` is empty: write for example `limit = \"200/1h\"`",
                      section->title);
        return false;
    }
    return true;
}

static bool grows_wrongly(const struct conf_section *section, const char *option, const char *value,
                          const char *fault, struct base_error *error_r)
{
    conf_error_at(error_r, conf_section_where(section, option), "rate \"%s\": `%s = \"%s\"` %s",
                  section->title, option, value, fault);
    return false;
}

/* The first limit says whether they are shares. */
static enum rate_unit unit_of(const struct rate_options *options)
{
    if (options->count == RATE_COUNT_BYTES)
        return RATE_UNIT_OCTET;
    return options->count == RATE_COUNT_BOUNCES && options->limit.count > 0 &&
                   rate_limit_is_share(base_text_of(options->limit.items[0].text))
               ? RATE_UNIT_PERCENT
               : RATE_UNIT_ONE;
}

/* `grow`, `until` and `since`, all or none; the limit is one window. */
static bool parse_growth(const struct conf_section *section, struct rate_growth *growth_r,
                         struct base_error *error_r)
{
    const struct rate_options *options = section->values;
    enum rate_unit unit = unit_of(options);
    struct rate_limit until;
    const char *fault;

    if (options->grow == NULL || options->until == NULL || options->since == NULL ||
        options->limit.count != 1) {
        conf_error_at(error_r, section->where,
                      "rate \"%s\": a limit that grows is one window with `grow`, `until` and "
                      "`since`: add what is missing, for example `limit = \"50/1d\" grow = "
                      "\"1.5/1d\" until = \"100000/1d\" since = \"2026-12-01\"`",
                      section->title);
        return false;
    }
    fault = rate_limit_parse(base_text_of(options->limit.items[0].text), unit, &growth_r->first);
    if (fault != NULL)
        return grows_wrongly(section, "limit", options->limit.items[0].text, fault, error_r);
    fault = rate_growth_parse(base_text_of(options->grow), growth_r);
    if (fault != NULL)
        return grows_wrongly(section, "grow", options->grow, fault, error_r);
    fault = rate_limit_parse(base_text_of(options->until), unit, &until);
    if (fault != NULL)
        return grows_wrongly(section, "until", options->until, fault, error_r);
    if (until.length_ns != growth_r->first.length_ns || until.limit <= growth_r->first.limit ||
        growth_r->first.limit == 0)
        return grows_wrongly(section, "until", options->until,
                             "is not above `limit` in the same time: raise it, or take `grow` out",
                             error_r);
    growth_r->until = until.limit;
    fault = rate_growth_parse_since(options->since, growth_r);
    return fault == NULL || grows_wrongly(section, "since", options->since, fault, error_r);
}

static bool check_notify(const struct conf_section *section, struct base_error *error_r)
{
    const struct rate_options *options = section->values;

    for (size_t i = 0; i < options->notify.count; i++) {
        const struct conf_item *item = &options->notify.items[i];
        const char *fault = rate_event_check_target(item->text);

        if (fault == NULL)
            continue;
        conf_error_at(error_r, item->where, "rate \"%s\": `notify`: \"%s\" %s", section->title,
                      item->text, fault);
        return false;
    }
    return true;
}

static bool has_growth(const struct rate_options *options)
{
    return options->grow != NULL || options->until != NULL || options->since != NULL;
}

static bool check_share(const struct conf_section *section, struct base_error *error_r)
{
    const struct rate_options *options = section->values;
    bool is_share = unit_of(options) == RATE_UNIT_PERCENT;

    if (options->count != RATE_COUNT_BOUNCES &&
        rate_limit_is_share(base_text_of(options->limit.items[0].text))) {
        conf_error_at(error_r, options->limit.items[0].where,
                      "rate \"%s\": `limit = \"%s\"` is a share, which goes only with `count = "
                      "bounces`: write a number",
                      section->title, options->limit.items[0].text);
        return false;
    }
    if (!is_share && conf_section_where(section, "at-least").line != 0) {
        conf_error_at(error_r, conf_section_where(section, "at-least"),
                      "rate \"%s\": `at-least` goes only with a share of bounces, for example "
                      "`limit = \"20%%/1d\"`: take it out",
                      section->title);
        return false;
    }
    if (is_share && has_growth(options)) {
        conf_error_at(error_r, section->where,
                      "rate \"%s\": a share does not grow: take `grow`, `until` and `since` out",
                      section->title);
        return false;
    }
    if (is_share && strlen(section->title) >= RATE_NAME_MAX) {
        conf_error_at(error_r, section->where,
                      "rate \"%s\": its name has to be of 1 to %d octets: make it shorter",
                      section->title, RATE_NAME_MAX - 1);
        return false;
    }
    return true;
}

static bool check(struct conf_section *section, struct base_error *error_r)
{
    const struct rate_options *options = section->values;
    struct rate_growth growth;
    unsigned percent;

    if (!require(section, "key", "{ login }", error_r) ||
        !require(section, "count", "recipients", error_r) ||
        !require(section, "limit", "\"200/1h\"", error_r) || !check_names(section, error_r))
        return false;
    if (options->warn_at != NULL && !parse_percent(options->warn_at, &percent)) {
        conf_error_at(error_r, conf_section_where(section, "warn-at"),
                      "rate \"%s\": `warn-at = \"%s\"` is no share of a limit: write \"1%%\" to "
                      "\"100%%\"",
                      section->title, options->warn_at);
        return false;
    }
    if (conf_section_where(section, "hold-for").line != 0 && options->action != RATE_ACTION_HOLD) {
        conf_error_at(error_r, conf_section_where(section, "hold-for"),
                      "rate \"%s\": `hold-for` goes only with `action = hold`", section->title);
        return false;
    }
    if (conf_section_where(section, "bounces-by").line != 0 &&
        options->count != RATE_COUNT_BOUNCES) {
        conf_error_at(error_r, conf_section_where(section, "bounces-by"),
                      "rate \"%s\": `bounces-by` goes only with `count = bounces`: take it out",
                      section->title);
        return false;
    }
    return check_share(section, error_r) && check_notify(section, error_r) &&
           (!has_growth(options) || parse_growth(section, &growth, error_r));
}

const struct conf_table rate_table = {
    .name = "rate",
    .has_title = true,
    .struct_size = sizeof(struct rate_options),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
    .groups = policy_conditions,
    .check = check,
};

/* --- compiling -----------------------------------------------------------------------------------
 */

/* At RCPT wherever all is known there: nobody's message is carried for nothing. What refuses a
 * message as a whole, and what counts its size, waits for its end. */
static enum policy_stage stage_of(const struct rate_rule *rule)
{
    enum policy_stage stage = rate_key_known_from(&rule->key);

    if (rule->count == RATE_COUNT_BYTES || rule->action == RATE_ACTION_DISCARD)
        return POLICY_STAGE_EOM;
    for (size_t i = 0; i < rule->rule.condition_count; i++)
        if (rule->rule.conditions[i].row->known_from > stage)
            stage = rule->rule.conditions[i].row->known_from;
    return stage > POLICY_STAGE_RCPT ? POLICY_STAGE_EOM : POLICY_STAGE_RCPT;
}

static char *name_of_whole(const char *name)
{
    char whole[RATE_NAME_MAX + 1];

    whole[0] = RATE_WHOLE_MARK;
    (void)snprintf(whole + 1, sizeof(whole) - 1, "%s", name);
    return base_mem_strdup(whole);
}

static void set_least(const struct rate_rule *rule, struct rate_windows *windows)
{
    for (unsigned i = 0; i < windows->count; i++)
        windows->at[i].limit = rule->at_least;
}

/* What is never so of one message is never counted. */
static bool check_conditions(const struct rate_rule *rule, struct base_error *error_r)
{
    char why[256];

    if (rule->mode != POLICY_RULE_ENFORCE ||
        !policy_rule_contradicts(&rule->rule, false, why, sizeof(why)))
        return true;
    conf_error_at(error_r, rule->rule.where, "rate \"%s\" can never count anything: %s",
                  rule->rule.name, why);
    return false;
}

static bool compile(struct rate_rule *rule, const struct conf_section *section,
                    struct base_error *error_r)
{
    const struct rate_options *options = section->values;
    enum rate_unit unit = unit_of(options);

    rule->name = section->title;
    rule->count = (enum rate_count)options->count;
    rule->action = (enum rate_action)options->action;
    rule->mode = (enum policy_rule_mode)options->mode;
    rule->is_by_sender = options->bounces_by == BY_SENDER;
    if (rule->action == RATE_ACTION_HOLD)
        rule->hold_ns = options->hold_for == 0 ? -1 : options->hold_for * BASE_NS_PER_MS;
    if (options->warn_at != NULL && !parse_percent(options->warn_at, &rule->warn_percent))
        return false;
    rule->rule.name = section->title;
    rule->rule.where = section->where;
    rule->rule.options = &options->conditions;
    if (!policy_rule_set_conditions(&rule->rule, section, error_r) ||
        !check_conditions(rule, error_r) || !rate_key_parse(&options->key, &rule->key, error_r) ||
        !rate_windows_add(&rule->windows, &options->limit, "limit", unit, error_r) ||
        !rate_windows_add(&rule->windows, &options->burst, "burst", unit, error_r))
        return false;
    rule->notify = &options->notify;
    if (unit == RATE_UNIT_PERCENT) {
        rule->at_least = options->at_least;
        rule->whole_name = name_of_whole(section->title);
        set_least(rule, &rule->windows);
    }
    if (rule->count == RATE_COUNT_BOUNCES &&
        (rule->key.count != 1 || rule->key.parts[0] != RATE_PART_LOGIN)) {
        conf_error_at(error_r, conf_section_where(section, "key"),
                      "rate \"%s\": bounces are those of a login: write `key = { login }`",
                      section->title);
        return false;
    }
    rule->has_growth = has_growth(options);
    if (rule->has_growth && !parse_growth(section, &rule->growth, error_r))
        return false;
    rule->rule.stage = stage_of(rule);
    rule->exempt = rate_exempt_create(&options->exempt, error_r);
    if (rule->exempt == NULL)
        return false;
    if (options->limits.count == 0)
        return true;
    rule->limits = rate_limits_map_create(&options->limits, &options->burst, unit, error_r);
    return rule->limits != NULL;
}

static void deinit(struct rate_rule *rule)
{
    policy_rule_deinit(&rule->rule);
    rate_exempt_destroy(&rule->exempt);
    rate_limits_map_destroy(&rule->limits);
    base_mem_free(rule->whole_name);
    *rule = (struct rate_rule){.name = NULL};
}

struct rate_rules *rate_rules_create(const struct conf_snapshot *conf, struct base_error *error_r)
{
    struct rate_rules *rules = base_mem_alloc_zero(1, sizeof(*rules));
    size_t count = conf_snapshot_count(conf, &rate_table);

    rules->items = base_mem_alloc_zero(count, sizeof(*rules->items));
    for (size_t i = 0; i < count; i++) {
        struct rate_rule *rule = &rules->items[rules->count++];

        rule->notify_smtp = policy_options_get(conf)->notify_smtp;
        if (!compile(rule, conf_snapshot_at(conf, &rate_table, i), error_r)) {
            rate_rules_destroy(&rules);
            return NULL;
        }
        if (rule->mode == POLICY_RULE_OFF) {
            deinit(rule);
            rules->count--;
        }
    }
    return rules;
}

void rate_rules_destroy(struct rate_rules **rules)
{
    struct rate_rules *it = *rules;

    *rules = NULL;
    if (it == NULL)
        return;
    for (size_t i = 0; i < it->count; i++)
        deinit(&it->items[i]);
    base_mem_free(it->items);
    base_mem_free(it);
}

const struct rate_windows *rate_rule_windows(const struct rate_rule *rule, struct base_text key,
                                             int64_t wall_s, struct rate_windows *room)
{
    const struct rate_windows *windows = rate_limits_map_find(rule->limits, key, room);

    if (windows != NULL && rate_rule_is_share(rule)) {
        *room = *windows;
        set_least(rule, room);
        return room;
    }
    if (windows != NULL)
        return windows;
    if (!rule->has_growth)
        return &rule->windows;
    *room = rule->windows;
    room->at[0].limit = rate_growth_limit(&rule->growth, wall_s);
    return room;
}

bool rate_rule_is_share(const struct rate_rule *rule)
{
    return rule->whole_name != NULL;
}

void rate_windows_make_whole(const struct rate_windows *shares, struct rate_windows *whole_r)
{
    *whole_r = *shares;
    for (unsigned i = 0; i < whole_r->count; i++) {
        whole_r->at[i].limit = RATE_WHOLE_LIMIT;
        whole_r->at[i].percent = 0;
    }
}

int64_t rate_rule_most(const struct rate_rule *rule, struct base_text key,
                       const struct rate_windows *windows, unsigned window)
{
    struct rate_windows room;
    bool is_growing =
        rule->has_growth && window == 0 && rate_limits_map_find(rule->limits, key, &room) == NULL;

    return is_growing ? rule->growth.until : windows->at[window].limit;
}

unsigned rate_rules_deciding_stages(const struct rate_rules *rules)
{
    unsigned stages = 0;

    for (size_t i = 0; i < rules->count; i++)
        if (rate_rule_is_refusing(&rules->items[i]))
            stages |= 1U << rules->items[i].rule.stage;
    return stages;
}

bool rate_rules_count(const struct rate_rules *rules, enum rate_count count)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].count == count)
            return true;
    return false;
}

bool rate_rule_is_of_events(const struct rate_rule *rule)
{
    return rule->count == RATE_COUNT_REJECTED || rule->count == RATE_COUNT_BOUNCES;
}

bool rate_rules_want_notifier(const struct rate_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].notify->count > 0)
            return true;
    return false;
}

const struct rate_rule *rate_rules_find(const struct rate_rules *rules, struct base_text name)
{
    for (size_t i = 0; i < rules->count; i++)
        if (base_text_equals(base_text_of(rules->items[i].name), name))
            return &rules->items[i];
    return NULL;
}

void rate_rule_tell(const struct rate_rule *rule, const struct rate_watch *watch,
                    struct rate_event *event)
{
    if (watch == NULL || rule->notify->count == 0 || rule->mode != POLICY_RULE_ENFORCE)
        return;
    event->rate = rule->name;
    event->count = rate_count_text(rule->count);
    event->action = rate_action_text(rule->action);
    event->targets = rule->notify;
    event->smtp = rule->notify_smtp;
    for (unsigned i = 0; i < rule->windows.count; i++) {
        int64_t length_s = rule->windows.at[i].length_ns / BASE_NS_PER_S;

        event->period_s = event->period_s < length_s ? length_s : event->period_s;
    }
    watch->tell(watch->context, event);
}
