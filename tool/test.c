/* An administrator's own tests against a configuration. */
#include "tool/test.h"

#include <stdint.h>

#include "base/json.h"
#include "conf/conf.h"
#include "policy/selftest.h"
#include "policy/snapshot.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/open.h"

static const struct tool_flag flags[] = {
    {"verbose", 'v', NULL, "name the tests that pass, too", false, false},
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

struct output {
    const struct tool_io *io;
    bool is_verbose;
    /* NULL: text. */
    struct base_json *tests;
};

static void warn(void *context, const char *text)
{
    tool_warn(context, "%s", text);
}

static void print_value(FILE *out, const char *label, struct base_text value)
{
    (void)fprintf(out, "    %s ", label);
    if (value.length == 0)
        (void)fputs("(nothing)", out);
    tool_print_text(out, value);
    (void)fputc('\n', out);
}

static void print_case(const struct output *output, const struct policy_selftest_case *it)
{
    FILE *out = output->io->out;

    if (it->first != NULL || output->is_verbose)
        (void)fprintf(out, "%s:%d: %s: \"%s\"\n", it->where.file, it->where.line,
                      it->first == NULL ? "passed" : "FAILED", it->name);
    for (const struct policy_selftest_difference *at = it->first; at != NULL; at = at->next) {
        (void)fprintf(out, "  line %d: %s\n", at->where.line, at->option);
        print_value(out, "want", at->want);
        print_value(out, "got ", at->got);
    }
}

static void add_case(const struct output *output, const struct policy_selftest_case *it)
{
    struct base_json *object = base_json_object();
    struct base_json *differences = base_json_array();

    for (const struct policy_selftest_difference *at = it->first; at != NULL; at = at->next) {
        struct base_json *difference = base_json_object();

        base_json_set_cstr(difference, "option", at->option);
        base_json_set_cstr(difference, "file", at->where.file);
        base_json_set_int(difference, "line", at->where.line);
        base_json_set_text(difference, "want", at->want);
        base_json_set_text(difference, "got", at->got);
        base_json_append(differences, difference);
    }
    base_json_set_cstr(object, "name", it->name);
    base_json_set_cstr(object, "file", it->where.file);
    base_json_set_int(object, "line", it->where.line);
    base_json_set_bool(object, "passed", it->first == NULL);
    base_json_set(object, "differences", differences);
    base_json_append(output->tests, object);
}

static void each(void *context, const struct policy_selftest_case *it)
{
    const struct output *output = context;

    if (output->tests != NULL)
        add_case(output, it);
    else
        print_case(output, it);
}

/* Takes output->tests. */
static void print_sums(const struct output *output, const struct policy_selftest_sums *sums)
{
    struct base_json *object;

    if (output->tests == NULL) {
        (void)fprintf(output->io->out, "%zu tests, %zu failed\n", sums->cases, sums->failed);
        return;
    }
    object = base_json_object();
    base_json_set(object, "tests", output->tests);
    base_json_set_int(object, "count", (int64_t)sums->cases);
    base_json_set_int(object, "failed", (int64_t)sums->failed);
    base_json_print(object, output->io->out);
    base_json_destroy(&object);
}

static enum tool_status run_files(struct policy_snapshot *snapshot, const struct tool_args *args,
                                  const struct tool_io *io)
{
    struct output output = {.io = io, .is_verbose = tool_args_has(args, "verbose")};
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};
    const char *path;

    if (tool_args_has(args, "json"))
        output.tests = base_json_array();
    for (size_t i = 0; (path = tool_args_operand(args, i)) != NULL; i++) {
        if (policy_selftest_run(snapshot, path, each, &output, &sums, &error))
            continue;
        base_json_destroy(&output.tests);
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    }
    print_sums(&output, &sums);
    return sums.failed == 0 ? TOOL_ANSWERED : TOOL_FAULT;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const struct policy_snapshot_options options = {
        .want_keys = true, .warn = warn, .context = (void *)(uintptr_t)io};
    struct policy_snapshot *snapshot;
    struct conf_snapshot *conf = NULL;
    struct base_error error = {""};
    enum tool_status status = tool_open_conf_or_defaults(args, io, &conf);

    if (status != TOOL_ANSWERED)
        return status;
    snapshot = policy_snapshot_create(conf, &options, &error);
    if (snapshot == NULL)
        status = tool_fail(io, TOOL_CONFIG, "%s", error.text);
    else
        status = run_files(snapshot, args, io);
    policy_snapshot_unref(&snapshot);
    conf_snapshot_unref(&conf);
    return status;
}

const struct tool_command tool_test = {
    .name = "test",
    .operands = "FILE...",
    .operands_min = 1,
    .operands_max = SIZE_MAX,
    .summary = "run your own tests of a configuration",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
