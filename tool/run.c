#include "config.h"

#include "tool/run.h"

#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "tool/args.h"
#include "tool/help.h"

/* Not a flag of any table: asked for before the rest is looked at, and never a value. */
static bool asks_for_help(int count, const char *const *words)
{
    for (int i = 0; i < count; i++) {
        if (strcmp(words[i], "--") == 0)
            return false;
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    }
    return false;
}

/* The words name no command: say which there are. */
static enum tool_status run_none(int count, const char *const *words, const struct tool_io *io)
{
    if (count > 0 && (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0 ||
                      strcmp(words[0], "help") == 0)) {
        tool_help_print_all(io->out);
        return TOOL_ANSWERED;
    }
    if (count > 0 && strcmp(words[0], "--version") == 0) {
        (void)fprintf(io->out, "postseal %s\n", PACKAGE_VERSION);
        return TOOL_ANSWERED;
    }
    if (count == 0) {
        tool_help_print_all(io->err);
        return TOOL_USAGE;
    }
    (void)tool_fail(io, TOOL_USAGE, "there is no command \"%s%s%s\"; see postseal --help", words[0],
                    count > 1 && words[1][0] != '-' ? " " : "",
                    count > 1 && words[1][0] != '-' ? words[1] : "");
    tool_help_print_group(io->err, words[0]);
    return TOOL_USAGE;
}

static enum tool_status run_command(const struct tool_command *command, int count,
                                    const char *const *words, const struct tool_io *io)
{
    struct base_error error = {""};
    struct tool_args *args;
    enum tool_status status;

    if (asks_for_help(count, words)) {
        tool_help_print_command(io->out, command);
        return TOOL_ANSWERED;
    }
    args = tool_args_parse(command, count, words, &error);
    if (args == NULL)
        return tool_fail(io, TOOL_USAGE, "%s: %s", command->name, error.text);
    status = command->run(args, io);
    tool_args_destroy(&args);
    return status;
}

enum tool_status tool_run(int count, const char *const *words, const struct tool_io *io)
{
    const struct tool_command *command;
    enum tool_status status;
    int used = 0;

    count = count > 0 ? count - 1 : 0;
    words++;
    command = tool_command_find(count, words, &used);
    status = command == NULL ? run_none(count, words, io)
                             : run_command(command, count - used, words + used, io);
    if (fflush(io->out) != 0 || ferror(io->out) != 0)
        return tool_fail(io, TOOL_SERVICE, "cannot write the output: %s", strerror(errno));
    return status;
}
