#include "tool/status_print.h"

#include <inttypes.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"

#define LABEL 14
/* An answer is no larger (filter/control_answer.h). */
#define ROW_MAX ((size_t)4 << 20)

/* A member of a member; `inner` NULL: of the row itself. 0 where it is not there. */
static int64_t number(const struct base_json *row, const char *outer, const char *inner)
{
    const struct base_json *value = base_json_get(row, outer);
    int64_t result = 0;

    if (inner != NULL)
        value = base_json_get(value, inner);
    return base_json_int(value, &result) ? result : 0;
}

/* For "%.*s". */
static struct base_text text(const struct base_json *row, const char *outer, const char *inner)
{
    const struct base_json *value = base_json_get(row, outer);
    struct base_text result;

    if (inner != NULL)
        value = base_json_get(value, inner);
    result = base_json_text(value);
    return result.data == NULL ? BASE_TEXT("") : result;
}

#define TEXT(value) (int)(value).length, (value).data

static bool is_true(const struct base_json *row, const char *name)
{
    bool value = false;

    return base_json_bool(base_json_get(row, name), &value) && value;
}

static void print_uptime(FILE *out, int64_t seconds)
{
    (void)fprintf(out, " (%" PRId64 " d %02d:%02d:%02d)", seconds / 86400,
                  (int)(seconds / 3600 % 24), (int)(seconds / 60 % 60), (int)(seconds % 60));
}

static void print_process(const struct base_json *row, FILE *out)
{
    struct base_text version = text(row, "version", NULL);
    struct base_text started = text(row, "started", NULL);
    struct base_text zone = text(row, "test_zone", NULL);
    struct base_text level = text(row, "log_level", NULL);

    (void)fprintf(out, "%-*s%.*s, process %" PRId64 ", since %.*s", LABEL, "postseald",
                  TEXT(version), number(row, "pid", NULL), TEXT(started));
    print_uptime(out, number(row, "uptime_s", NULL));
    (void)fputs(is_true(row, "stopping") ? ", stopping\n" : "\n", out);
    if (zone.length > 0)
        (void)fprintf(out, "%-*s%.*s: no daemon for real mail\n", LABEL, "test zone", TEXT(zone));
    if (is_true(row, "fixed_time"))
        (void)fprintf(out, "%-*sthe clock stands still\n", LABEL, "test clock");
    (void)fprintf(out, "%-*s%.*s\n", LABEL, "log level", TEXT(level));
}

static void print_load(const struct base_json *row, FILE *out)
{
    struct base_text file = text(row, "configuration", "file");
    struct base_text mode = text(row, "configuration", "mode");

    (void)fprintf(out, "%-*s%" PRId64 ", %.*s, mode = %.*s\n", LABEL, "configuration",
                  number(row, "configuration", "generation"), TEXT(file), TEXT(mode));
    (void)fprintf(
        out,
        "%-*s%" PRId64 " open of %" PRId64 ", %" PRId64 " since the start, %" PRId64 " refused\n",
        LABEL, "sessions", number(row, "sessions", "open"), number(row, "sessions", "max"),
        number(row, "sessions", "total"), number(row, "sessions", "refused"));
    (void)fprintf(out, "%-*s%" PRId64 " under way, %" PRId64 " since the start\n", LABEL,
                  "messages", number(row, "messages", "under_way"),
                  number(row, "messages", "total"));
    (void)fprintf(out, "%-*s%" PRId64 " of %" PRId64 " octets\n", LABEL, "memory",
                  number(row, "memory", "used"), number(row, "memory", "max"));
}

static void print_dns(const struct base_json *row, FILE *out)
{
    struct base_text resolver = text(row, "dns", "resolver");

    (void)fprintf(out,
                  "%-*s%.*s: %" PRId64 " questions, %" PRId64 " from the cache, %" PRId64
                  " timed out, %" PRId64 " failed, %" PRId64 " past the cap\n",
                  LABEL, "dns", TEXT(resolver), number(row, "dns", "questions"),
                  number(row, "dns", "cache_hits"), number(row, "dns", "timeouts"),
                  number(row, "dns", "failures"), number(row, "dns", "capped"));
}

/* The members of one object that are not zero: "spf           pass 3, fail 1". */
static void print_results(const struct base_json *row, const char *name, FILE *out)
{
    const struct base_json *results = base_json_get(row, name);
    struct base_json *value;
    const char *key;
    bool is_first = true;

    for (size_t i = 0; (key = base_json_member(results, i, &value)) != NULL; i++) {
        int64_t count = 0;

        if (!base_json_int(value, &count) || count == 0)
            continue;
        if (is_first)
            (void)fprintf(out, "%-*s", LABEL, name);
        (void)fprintf(out, "%s%s %" PRId64, is_first ? "" : ", ", key, count);
        is_first = false;
    }
    if (!is_first)
        (void)fputc('\n', out);
}

static void print_outcomes(const struct base_json *row, FILE *out)
{
    static const char *const results[] = {"spf", "helo_spf", "dkim", "dmarc"};

    (void)fprintf(out,
                  "%-*s%" PRId64 " signed, %" PRId64 " of ours unsigned, %" PRId64
                  " broken off, %" PRId64 " recipients refused\n",
                  LABEL, "mail", number(row, "signed", NULL), number(row, "unsigned", NULL),
                  number(row, "aborted", NULL), number(row, "recipients_refused", NULL));
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        print_results(row, results[i], out);
    if (number(row, "dmarc_compare", "messages") > 0)
        (void)fprintf(out,
                      "%-*s%" PRId64 " messages, the public suffix list differs for %" PRId64
                      ", in the result for %" PRId64 "\n",
                      LABEL, "dmarc compare", number(row, "dmarc_compare", "messages"),
                      number(row, "dmarc_compare", "differ"),
                      number(row, "dmarc_compare", "differ_in_result"));
}

static void print_verdicts(const struct base_json *row, const char *name, const char *title,
                           FILE *out)
{
    const struct base_json *list = base_json_get(row, name);
    const struct base_json *item;

    for (size_t i = 0; (item = base_json_at(list, i)) != NULL; i++) {
        struct base_text direction = text(item, "direction", NULL);
        struct base_text stage = text(item, "stage", NULL);
        struct base_text action = text(item, "action", NULL);

        if (i == 0)
            (void)fprintf(out, "\n%s\n  %9s  %-9s %-8s %s\n", title, "messages", "direction",
                          "stage", "action");
        (void)fprintf(out, "  %9" PRId64 "  %-9.*s %-8.*s %.*s\n", number(item, "count", NULL),
                      TEXT(direction), TEXT(stage), TEXT(action));
    }
}

/* `would` of a rule that is observed is what it would have done. */
static void print_rule(const struct base_json *row, FILE *out)
{
    struct base_text name = text(row, "rule", NULL);
    struct base_text stage = text(row, "stage", NULL);
    struct base_text mode = text(row, "mode", NULL);
    struct base_text action = text(row, "action", NULL);

    (void)fprintf(out, "  %9" PRId64 " %9" PRId64 " %9" PRId64 "  %-8.*s %-8.*s %-10.*s %.*s",
                  number(row, "matched", NULL), number(row, "decided", NULL),
                  number(row, "would", NULL), TEXT(stage), TEXT(mode), TEXT(action), TEXT(name));
    if (number(row, "spared", NULL) > 0)
        (void)fprintf(out, " (spared %" PRId64 ")", number(row, "spared", NULL));
    if (number(row, "overdue", NULL) > 0)
        (void)fprintf(out, " (overdue %" PRId64 ")", number(row, "overdue", NULL));
    (void)fputc('\n', out);
}

static void print_rules(const struct base_json *rows, FILE *out)
{
    const struct base_json *row;

    for (size_t i = 1; (row = base_json_at(rows, i)) != NULL; i++) {
        if (i == 1)
            (void)fprintf(out, "\nrules\n  %9s %9s %9s  %-8s %-8s %-10s %s\n", "matched", "decided",
                          "would", "stage", "mode", "action", "rule");
        print_rule(row, out);
    }
}

void tool_status_print(const struct base_json *rows, FILE *out)
{
    const struct base_json *row = base_json_at(rows, 0);

    print_process(row, out);
    print_load(row, out);
    print_dns(row, out);
    print_outcomes(row, out);
    print_verdicts(row, "verdicts", "verdicts", out);
    print_verdicts(row, "would", "what mode = observe held back", out);
    print_rules(rows, out);
}

/* A copy of its own: a tree has one owner. */
static struct base_json *copy(const struct base_json *json)
{
    struct base_error error;
    struct base_json *result;
    struct base_buf buf;

    base_buf_init(&buf, NULL, ROW_MAX);
    base_json_append_to(json, &buf);
    result = base_json_parse(base_buf_text(&buf), &error);
    base_buf_deinit(&buf);
    return result == NULL ? base_json_object() : result;
}

void tool_status_print_json(const struct base_json *rows, FILE *out)
{
    const struct base_json *first = base_json_at(rows, 0);
    struct base_json *whole = first == NULL ? base_json_object() : copy(first);
    struct base_json *rules = base_json_array();
    const struct base_json *row;

    for (size_t i = 1; (row = base_json_at(rows, i)) != NULL; i++)
        base_json_append(rules, copy(row));
    base_json_set(whole, "rules", rules);
    base_json_print(whole, out);
    base_json_destroy(&whole);
}
