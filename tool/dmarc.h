#ifndef TOOL_DMARC_H
#define TOOL_DMARC_H

#include "tool/command.h"

extern const struct tool_command tool_dmarc;

#endif
