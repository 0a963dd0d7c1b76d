/* `postseal dmarc lint`: what a domain publishes for DMARC, checked. */
#ifndef TOOL_DMARC_LINT_H
#define TOOL_DMARC_LINT_H

#include "tool/command.h"

extern const struct tool_command tool_dmarc_lint;

#endif
