/* One run of `postseal`. */
#ifndef TOOL_RUN_H
#define TOOL_RUN_H

#include "tool/command.h"

/* `words` as main() has them, the program's name first. The result is the exit status. */
enum tool_status tool_run(int count, const char *const *words, const struct tool_io *io);

#endif
