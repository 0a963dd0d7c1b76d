#ifndef TOOL_SPF_LINT_H
#define TOOL_SPF_LINT_H

#include "tool/command.h"

extern const struct tool_command tool_spf_lint;

#endif
