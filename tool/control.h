/* Asking the daemon, for the commands that do: status, reload, log, and those of other modules. */
#ifndef TOOL_CONTROL_H
#define TOOL_CONTROL_H

#include <stddef.h>

#include "base/control_client.h"
#include "tool/command.h"

struct tool_args;

/* In the table of each command that asks. */
#define TOOL_FLAG_SOCKET                                                                       \
    {                                                                                          \
        "socket", 's', "PATH", "the daemon's control socket (STATE-DIR/control)", false, false \
    }
#define TOOL_FLAG_TIMEOUT                                                           \
    {                                                                               \
        "timeout", 0, "SECONDS", "wait this long for the answer (60)", false, false \
    }

/* Asks the daemon of --socket, or of the configuration (--config), and waits --timeout.
 * TOOL_ANSWERED: *answer_r is ok, and to be given to base_control_answer_deinit(). Otherwise the
 * status to end with, after it printed why: `refused` where the command itself failed, 64 where the
 * daemon does not understand, 69 where it does not answer, or not to us. */
__attribute__((warn_unused_result)) enum tool_status tool_control_ask(
    const struct tool_args *args, const struct tool_io *io, const char *const *words, size_t count,
    enum tool_status refused, struct base_control_answer *answer_r);

#endif
