/* What the flags that many commands share mean: --config, --zone, --time. Each function returns
 * TOOL_ANSWERED, or the status to end with after it printed why. */
#ifndef TOOL_OPEN_H
#define TOOL_OPEN_H

#include "base/clock.h"
#include "tool/command.h"

struct conf_snapshot;
struct dns_resolver;
struct tool_args;

/* --time, else the system's clock. */
__attribute__((warn_unused_result)) enum tool_status tool_open_clock(const struct tool_args *args,
                                                                     const struct tool_io *io,
                                                                     struct base_clock *clock_r);
/* Reads a configuration file with every table of the program. */
__attribute__((warn_unused_result)) enum tool_status tool_open_conf(const char *path,
                                                                    const struct tool_io *io,
                                                                    struct conf_snapshot **conf_r);
/* --config, else the default file, else (only when neither --config was given nor that file is
 * there) an empty configuration. */
__attribute__((warn_unused_result)) enum tool_status tool_open_conf_or_defaults(
    const struct tool_args *args, const struct tool_io *io, struct conf_snapshot **conf_r);
/* --zone, else DNS as the configuration says. */
__attribute__((warn_unused_result)) enum tool_status tool_open_resolver(
    const struct tool_args *args, const struct tool_io *io, const struct conf_snapshot *conf,
    struct dns_resolver **resolver_r);

#endif
