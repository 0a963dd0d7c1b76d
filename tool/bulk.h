/* `postseal bulk`: asked of the daemon. */
#ifndef TOOL_BULK_H
#define TOOL_BULK_H

#include "tool/command.h"

extern const struct tool_command tool_bulk;

#endif
