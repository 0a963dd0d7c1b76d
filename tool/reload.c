/* Has the daemon read its configuration again, and says what came of it. */
#include "tool/reload.h"

#include <inttypes.h>

#include "base/json.h"
#include "tool/control.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    static const char *const words[] = {"reload"};
    struct base_control_answer answer;
    int64_t generation = 0;
    enum tool_status status = tool_control_ask(args, io, words, 1, TOOL_CONFIG, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    (void)base_json_int(base_json_get(base_json_at(answer.rows, 0), "generation"), &generation);
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
