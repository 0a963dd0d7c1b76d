#ifndef TOOL_SPF_H
#define TOOL_SPF_H

#include "tool/command.h"

extern const struct tool_command tool_spf;

#endif
