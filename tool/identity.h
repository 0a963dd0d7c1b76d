/* Becoming the daemon's user, so that a check reads keys as the daemon will. */
#ifndef TOOL_IDENTITY_H
#define TOOL_IDENTITY_H

#include "tool/command.h"

struct conf_daemon;

/* As root: takes the configured user and group for the rest of the process; where there is no such
 * user yet, warns and stays root. Not as root: nothing. TOOL_ANSWERED, or the status to end with
 * after it printed why. */
__attribute__((warn_unused_result)) enum tool_status tool_identity_take(
    const struct conf_daemon *daemon, const struct tool_io *io);

#endif
