/* postseal log */
#ifndef TOOL_LOG_H
#define TOOL_LOG_H

#include "tool/command.h"

extern const struct tool_command tool_log;

#endif
