/* What the daemon logs, shown or changed while it runs. */
#include "tool/log.h"

#include "base/json.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/control.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *const words[] = {"log", tool_args_operand(args, 0)};
    struct base_control_answer answer;
    struct base_text level;
    enum tool_status status =
        tool_control_ask(args, io, words, words[1] == NULL ? 1 : 2, TOOL_INPUT, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    level = base_json_text(base_json_get(base_json_at(answer.rows, 0), "log_level"));
    tool_print_text(io->out, level);
    (void)fputc('\n', io->out);
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

const struct tool_command tool_log = {
    .name = "log",
    .operands = "[LEVEL]",
    .operands_max = 1,
    .summary = "show or change what the daemon logs, until its next reload",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
