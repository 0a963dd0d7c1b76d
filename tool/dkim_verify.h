/* postseal dkim verify */
#ifndef TOOL_DKIM_VERIFY_H
#define TOOL_DKIM_VERIFY_H

#include "tool/command.h"

extern const struct tool_command tool_dkim_verify;

#endif
