/* --help, printed from the tables. */
#ifndef TOOL_HELP_H
#define TOOL_HELP_H

#include <stdio.h>

struct tool_command;

/* Every subcommand with its summary. */
void tool_help_print_all(FILE *out);
/* The subcommands of a group, "key". */
void tool_help_print_group(FILE *out, const char *group);
void tool_help_print_command(FILE *out, const struct tool_command *command);

#endif
