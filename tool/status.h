/* postseal status */
#ifndef TOOL_STATUS_H
#define TOOL_STATUS_H

#include "tool/command.h"

extern const struct tool_command tool_status_command;

#endif
