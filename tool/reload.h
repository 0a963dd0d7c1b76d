/* postseal reload */
#ifndef TOOL_RELOAD_H
#define TOOL_RELOAD_H

#include "tool/command.h"

extern const struct tool_command tool_reload;

#endif
