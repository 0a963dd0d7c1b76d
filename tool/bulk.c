/* The daemon's answer: a line an author domain and provider, the most recipients first. */
#include "tool/bulk.h"

#include <inttypes.h>

#include "base/json.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/control.h"
#include "tool/open.h"

/* Of numbers as large as they can be. */
static int64_t percent(int64_t part, int64_t whole)
{
    return part < 0 ? 0 : (part < INT64_MAX / 100 ? part : INT64_MAX / 100) * 100 / whole;
}

static void print_row(const struct base_json *row, FILE *out)
{
    int64_t recipients = 0;
    int64_t limit;

    (void)base_json_int(base_json_get(row, "recipients"), &recipients);
    tool_print_text(out, base_json_text(base_json_get(row, "author_domain")));
    (void)fputs("  ", out);
    tool_print_text(out, base_json_text(base_json_get(row, "provider")));
    (void)fprintf(out, "  %" PRId64, recipients);
    if (base_json_int(base_json_get(row, "limit"), &limit) && limit > 0)
        (void)fprintf(out, " of %" PRId64 " (%" PRId64 "%%)%s\n", limit, percent(recipients, limit),
                      recipients >= limit ? ", a bulk sender" : "");
    else
        (void)fputs(", not a provider of the configuration any more\n", out);
}

static void print_json(const struct base_json *rows, FILE *out)
{
    struct base_json *object = base_json_object();
    struct base_json *array = base_json_array();

    for (size_t i = 0; i < base_json_count(rows); i++) {
        const struct base_json *row = base_json_at(rows, i);
        struct base_json *copy = base_json_object();
        int64_t number = 0;

        base_json_set_text(copy, "author_domain",
                           base_json_text(base_json_get(row, "author_domain")));
        base_json_set_text(copy, "provider", base_json_text(base_json_get(row, "provider")));
        (void)base_json_int(base_json_get(row, "recipients"), &number);
        base_json_set_int(copy, "recipients", number);
        if (base_json_int(base_json_get(row, "limit"), &number))
            base_json_set_int(copy, "limit", number);
        else
            base_json_set_null(copy, "limit");
        base_json_append(array, copy);
    }
    base_json_set(object, "bulk", array);
    base_json_print(object, out);
    base_json_destroy(&object);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *const words[] = {"bulk", tool_args_operand(args, 0)};
    struct base_control_answer answer;
    enum tool_status status =
        tool_control_ask(args, io, words, words[1] == NULL ? 1 : 2, TOOL_SERVICE, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    if (tool_args_has(args, "json"))
        print_json(answer.rows, io->out);
    else if (base_json_count(answer.rows) == 0)
        (void)fputs("no recipients at large mailbox providers in the last 24 hours\n", io->out);
    else
        for (size_t i = 0; i < base_json_count(answer.rows); i++)
            print_row(base_json_at(answer.rows, i), io->out);
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

static const struct tool_flag flags[] = {
    TOOL_FLAG_JSON,
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

const struct tool_command tool_bulk = {
    .name = "bulk",
    .operands = "[DOMAIN]",
    .operands_max = 1,
    .summary = "show what author domains send to large mailbox providers",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
