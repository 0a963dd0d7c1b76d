/* What the daemon does and has done, by its own account. */
#include "tool/status.h"

#include <stdio.h>

#include "base/json.h"
#include "base/mem.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/control.h"
#include "tool/status_print.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_JSON,
    TOOL_FLAG_SOCKET,
    TOOL_FLAG_TIMEOUT,
    TOOL_FLAG_CONF,
};

/* Rules have names that others gave them, and what answers need not be postseald. */
static void print(const struct base_json *rows, FILE *out)
{
    char *text = NULL;
    size_t length = 0;
    FILE *made = open_memstream(&text, &length);

    if (made == NULL)
        return;
    tool_status_print(rows, made);
    if (fclose(made) == 0)
        tool_print_lines(out, (struct base_text){text, length});
    base_mem_free(text);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    static const char *const words[] = {"status"};
    struct base_control_answer answer;
    enum tool_status status = tool_control_ask(args, io, words, 1, TOOL_SERVICE, &answer);

    if (status != TOOL_ANSWERED)
        return status;
    if (tool_args_has(args, "json"))
        tool_status_print_json(answer.rows, io->out);
    else
        print(answer.rows, io->out);
    base_control_answer_deinit(&answer);
    return TOOL_ANSWERED;
}

const struct tool_command tool_status_command = {
    .name = "status",
    .operands = "",
    .summary = "show what the daemon does",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
