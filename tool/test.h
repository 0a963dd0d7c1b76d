/* postseal test */
#ifndef TOOL_TEST_H
#define TOOL_TEST_H

#include "tool/command.h"

extern const struct tool_command tool_test;

#endif
