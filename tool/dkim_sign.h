/* postseal dkim sign */
#ifndef TOOL_DKIM_SIGN_H
#define TOOL_DKIM_SIGN_H

#include "tool/command.h"

extern const struct tool_command tool_dkim_sign;

#endif
