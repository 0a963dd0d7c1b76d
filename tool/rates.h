/* `postseal rates` and `postseal release`: asked of the daemon. */
#ifndef TOOL_RATES_H
#define TOOL_RATES_H

#include "tool/command.h"

extern const struct tool_command tool_rates;
extern const struct tool_command tool_release;

#endif
