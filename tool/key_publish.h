/* postseal key publish */
#ifndef TOOL_KEY_PUBLISH_H
#define TOOL_KEY_PUBLISH_H

#include "tool/command.h"

extern const struct tool_command tool_key_publish;

#endif
