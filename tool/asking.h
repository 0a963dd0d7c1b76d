/* What a command needs that asks DNS by the daemon's evaluators: configuration, clock, resolver,
 * and one message's look-ups with their budget. */
#ifndef TOOL_ASKING_H
#define TOOL_ASKING_H

#include <stdio.h>

#include "base/clock.h"
#include "dns/lookups.h"
#include "tool/command.h"

struct base_arena;
struct conf_snapshot;
struct tool_args;

/* What is NULL was not made. */
struct tool_asking {
    struct conf_snapshot *conf;
    struct base_clock clock;
    struct dns_resolver *resolver;
    struct base_arena *arena;
    struct dns_lookups *lookups;
    struct dns_budget budget;
};

/* By --config, --zone and --time, which the command's table must have. `arena_octets`: for all that
 * the command keeps. TOOL_ANSWERED, or the status to end with after it printed why; close in any
 * case. `asking` may not move afterwards. */
__attribute__((warn_unused_result)) enum tool_status tool_asking_open(struct tool_asking *asking,
                                                                      const struct tool_args *args,
                                                                      const struct tool_io *io,
                                                                      size_t arena_octets);
void tool_asking_close(struct tool_asking *asking);

/* A line for each question: name, type, status, milliseconds. */
void tool_asking_print(const struct dns_lookups *lookups, FILE *out);
/* Lines that hold others' words: control characters but LF, those of two octets too, as '?'. */
void tool_print_lines(FILE *out, struct base_text lines);
/* A stranger's text: what is not printable ASCII as '?'. */
void tool_print_text(FILE *out, struct base_text text);

#endif
