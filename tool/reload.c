/* Has the daemon read its configuration again, and says what came of it. */
#include "tool/reload.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/json.h"
#include "base/text.h"
#include "tool/control.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

static void print_warnings(const struct base_json *warnings, const struct tool_io *io)
{
    const struct base_json *item;

    for (size_t i = 0; (item = base_json_at(warnings, i)) != NULL; i++) {
        struct base_text text = base_json_text(item);
        struct base_error clean;

        base_error_set(&clean, "%.*s", (int)text.length, text.data == NULL ? "" : text.data);
        tool_warn(io, "%s", clean.text);
    }
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    static const char *const words[] = {"reload"};
    struct base_control_answer answer;
    int64_t generation = 0;
    enum tool_status status = tool_control_ask(args, io, words, 1, TOOL_CONFIG, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    (void)base_json_int(base_json_get(base_json_at(answer.rows, 0), "generation"), &generation);
    print_warnings(base_json_get(base_json_at(answer.rows, 0), "warnings"), io);
    (void)fprintf(io->out, "configuration %" PRId64 " is in force\n", generation);
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

const struct tool_command tool_reload = {
    .name = "reload",
    .operands = "",
    .summary = "have the daemon read its configuration again",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
