/* The command line of one subcommand, taken apart by its table of flags. */
#ifndef TOOL_ARGS_H
#define TOOL_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct tool_command;
struct tool_args;

/* `words`: what follows the command's name; borrowed, must outlive the result. "--name VALUE",
 * "--name=VALUE", "-n VALUE", "-nVALUE", "--" and operands in any order; "-" is an operand. NULL
 * and *error_r on what the table does not have, a flag without its value or twice, a required one
 * missing, too few or too many operands. */
__attribute__((warn_unused_result)) struct tool_args *tool_args_parse(
    const struct tool_command *command, int count, const char *const *words,
    struct base_error *error_r);
/* Sets *args to NULL; NULL inside is fine. */
void tool_args_destroy(struct tool_args **args);

/* `name` must be in the command's table (else panic), here and below. */
bool tool_args_has(const struct tool_args *args, const char *name);
/* NULL when it was not given. */
const char *tool_args_get(const struct tool_args *args, const char *name);
/* The index-th value of a repeatable flag; NULL past the end. */
const char *tool_args_at(const struct tool_args *args, const char *name, size_t index);

/* NULL past the end. */
const char *tool_args_operand(const struct tool_args *args, size_t index);

#endif
