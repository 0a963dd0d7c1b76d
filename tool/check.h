/* postseal check */
#ifndef TOOL_CHECK_H
#define TOOL_CHECK_H

#include "tool/command.h"

extern const struct tool_command tool_check;

#endif
