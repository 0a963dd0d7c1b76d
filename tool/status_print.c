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

void tool_status_print(const struct base_json *rows, FILE *out)
{
    const struct base_json *row = base_json_at(rows, 0);

    print_process(row, out);
    print_load(row, out);
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

    base_json_print(whole, out);
    base_json_destroy(&whole);
}
