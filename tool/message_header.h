/* A saved message's header as policy/ wants it. */
#ifndef TOOL_MESSAGE_HEADER_H
#define TOOL_MESSAGE_HEADER_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/header.h"

struct base_arena;
struct policy_saved_message;

/* Octets of an arena that holds any header which the function below takes, and room to work. */
#define TOOL_HEADER_ARENA (256 * 1024 * 1024)

/* Copies the fields into `arena`. False and *error_r past 100,000 fields or 16 MiB: a command is no
 * daemon, but a file is a stranger's all the same. */
__attribute__((warn_unused_result)) bool tool_message_header(
    const struct policy_saved_message *message, struct base_arena *arena,
    struct policy_header *header_r, struct base_error *error_r);

#endif
