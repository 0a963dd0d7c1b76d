/* postseal key list */
#ifndef TOOL_KEY_LIST_H
#define TOOL_KEY_LIST_H

#include "tool/command.h"

extern const struct tool_command tool_key_list;

#endif
