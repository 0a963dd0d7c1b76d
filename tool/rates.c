/* The daemon's answer as a table: a line a key, and a window each. */
#include "tool/rates.h"

#include <inttypes.h>

#include "base/clock.h"
#include "base/json.h"
#include "conf/conf.h"
#include "policy/rate/rates.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/control.h"
#include "tool/open.h"

static int64_t number(const struct base_json *row, const char *name)
{
    int64_t value = 0;

    (void)base_json_int(base_json_get(row, name), &value);
    return value;
}

static void print_text(const struct base_json *row, const char *name, FILE *out)
{
    tool_print_text(out, base_json_text(base_json_get(row, name)));
}

/* "held until released", "blocked for 312 s", "free" */
static void print_state(const struct base_json *row, FILE *out)
{
    int64_t wait;

    print_text(row, "state", out);
    if (!base_json_int(base_json_get(row, "wait"), &wait))
        (void)fputs(" until it is released", out);
    else if (wait > 0)
        (void)fprintf(out, " for %" PRId64 " s", wait);
}

/* "120 of 200/1h", or of a share "30 of 120 sent, 25.0% of 20%/1d" */
static void print_window(const struct base_json *window, FILE *out)
{
    int64_t used = number(window, "used");
    int64_t sent;

    (void)fprintf(out, "%" PRId64 " of ", used);
    if (base_json_int(base_json_get(window, "sent"), &sent)) {
        (void)fprintf(out, "%" PRId64 " sent, ", sent);
        if (sent > 0)
            (void)fprintf(out, "%.1f%% of ", (double)used * 100 / (double)sent);
    }
    print_text(window, "limit", out);
    (void)fputs("  ", out);
}

static void print_row(const struct base_json *row, FILE *out)
{
    const struct base_json *windows = base_json_get(row, "windows");

    print_text(row, "key", out);
    (void)fputs("  \"", out);
    print_text(row, "rate", out);
    (void)fputs("\"  ", out);
    for (size_t i = 0; i < base_json_count(windows); i++) {
        print_window(base_json_at(windows, i), out);
    }
    print_state(row, out);
    (void)fputc('\n', out);
}

static void print_rates(const struct base_json *rows, FILE *out)
{
    const struct base_json *numbers = base_json_at(rows, 0);

    (void)fprintf(out,
                  "%" PRId64 " keys in %" PRId64 " KiB, %" PRId64 " of them and %" PRId64
                  " networks blocked, %" PRId64 " keys forgotten for others\n",
                  number(numbers, "keys"), number(numbers, "octets") / 1024,
                  number(numbers, "blocked"), number(numbers, "blocked_nets"),
                  number(numbers, "forgotten"));
    for (size_t i = 1; i < base_json_count(rows); i++)
        print_row(base_json_at(rows, i), out);
}

/* One object: the numbers, and the keys. */
static void print_rates_json(const struct base_json *rows, FILE *out)
{
    static const char *const names[] = {"keys",   "blocked",   "blocked_nets",
                                        "octets", "forgotten", "uncounted"};
    struct base_json *object = base_json_object();
    struct base_json *array = base_json_array();

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        base_json_set_int(object, names[i], number(base_json_at(rows, 0), names[i]));
    for (size_t i = 1; i < base_json_count(rows); i++) {
        const struct base_json *row = base_json_at(rows, i);
        const struct base_json *windows = base_json_get(row, "windows");
        struct base_json *copy = base_json_object();
        struct base_json *list = base_json_array();
        int64_t wait;

        base_json_set_text(copy, "rate", base_json_text(base_json_get(row, "rate")));
        base_json_set_text(copy, "key", base_json_text(base_json_get(row, "key")));
        base_json_set_text(copy, "state", base_json_text(base_json_get(row, "state")));
        if (base_json_int(base_json_get(row, "wait"), &wait))
            base_json_set_int(copy, "wait", wait);
        else
            base_json_set_null(copy, "wait");
        for (size_t j = 0; j < base_json_count(windows); j++) {
            struct base_json *window = base_json_object();
            const struct base_json *from = base_json_at(windows, j);
            int64_t sent;

            base_json_set_text(window, "limit", base_json_text(base_json_get(from, "limit")));
            base_json_set_int(window, "used", number(from, "used"));
            if (base_json_int(base_json_get(from, "sent"), &sent))
                base_json_set_int(window, "sent", sent);
            base_json_append(list, window);
        }
        base_json_set(copy, "windows", list);
        base_json_append(array, copy);
    }
    base_json_set(object, "rates", array);
    base_json_print(object, out);
    base_json_destroy(&object);
}

/* A line a step, until the limit is what it shall be. */
static void print_growth(const struct rate_rule *rule, FILE *out)
{
    struct rate_limit limit = rule->growth.first;
    int64_t begin_s;

    (void)fprintf(out, "rate \"%s\", %s:\n", rule->name, rate_count_words(rule->count));
    for (unsigned i = 0; rate_growth_step(&rule->growth, i, &begin_s, &limit.limit); i++) {
        char time[32];
        char text[RATE_TEXT_SIZE];

        base_clock_format_rfc3339(begin_s, time, sizeof(time));
        (void)fprintf(out, "  %s  %s\n", time, rate_limit_text(&limit, text));
    }
}

static enum tool_status print_schedule(const struct tool_args *args, const struct tool_io *io)
{
    struct conf_snapshot *conf;
    struct base_error error = {""};
    struct rate_rules *rules;
    enum tool_status status = tool_open_conf_or_defaults(args, io, &conf);

    if (status != TOOL_ANSWERED)
        return status;
    rules = rate_rules_create(conf, &error);
    if (rules == NULL)
        status = tool_fail(io, TOOL_CONFIG, "%s", error.text);
    for (size_t i = 0; rules != NULL && i < rules->count; i++)
        if (rules->items[i].has_growth)
            print_growth(&rules->items[i], io->out);
    rate_rules_destroy(&rules);
    conf_snapshot_unref(&conf);
    return status;
}

static enum tool_status run_rates(const struct tool_args *args, const struct tool_io *io)
{
    const char *const words[] = {"rates", tool_args_operand(args, 0)};
    struct base_control_answer answer;
    enum tool_status status;

    if (tool_args_has(args, "schedule"))
        return print_schedule(args, io);
    status = tool_control_ask(args, io, words, words[1] == NULL ? 1 : 2, TOOL_SERVICE, &answer);
    if (status != TOOL_ANSWERED)
        return status;
    if (tool_args_has(args, "json"))
        print_rates_json(answer.rows, io->out);
    else
        print_rates(answer.rows, io->out);
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

static enum tool_status run_release(const struct tool_args *args, const struct tool_io *io)
{
    const char *const words[] = {"release", tool_args_operand(args, 0),
                                 tool_args_get(args, "rate")};
    struct base_control_answer answer;
    enum tool_status status =
        tool_control_ask(args, io, words, words[2] == NULL ? 2 : 3, TOOL_INPUT, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    (void)fprintf(io->out, "released in %" PRId64 " rates\n",
                  number(base_json_at(answer.rows, 0), "released"));
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

static const struct tool_flag rates_flags[] = {
    {"schedule", 0, NULL, "print how the limits of the configuration grow", false, false},
    TOOL_FLAG_JSON,
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

const struct tool_command tool_rates = {
    .name = "rates",
    .operands = "[KEY]",
    .operands_max = 1,
    .summary = "show the fullest keys of rates, the held ones first",
    .flags = rates_flags,
    .flag_count = sizeof(rates_flags) / sizeof(rates_flags[0]),
    .run = run_rates,
};

static const struct tool_flag release_flags[] = {
    {"rate", 'r', "NAME", "of this rate only", false, false},
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

const struct tool_command tool_release = {
    .name = "release",
    .operands = "KEY",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "let a held or blocked key of rates go",
    .flags = release_flags,
    .flag_count = sizeof(release_flags) / sizeof(release_flags[0]),
    .run = run_release,
};
