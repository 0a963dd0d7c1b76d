/* postseal key new */
#ifndef TOOL_KEY_NEW_H
#define TOOL_KEY_NEW_H

#include "tool/command.h"

extern const struct tool_command tool_key_new;

#endif
