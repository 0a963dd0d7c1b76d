/* postseal eval */
#ifndef TOOL_EVAL_H
#define TOOL_EVAL_H

#include "tool/command.h"

extern const struct tool_command tool_eval;

#endif
