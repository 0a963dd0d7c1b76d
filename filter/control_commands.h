/* The daemon's own commands: status, log, reload. */
#ifndef FILTER_CONTROL_COMMANDS_H
#define FILTER_CONTROL_COMMANDS_H

#include <stdbool.h>

#include "base/error.h"

struct base_json;
struct filter_control;
struct filter_daemon;

struct filter_control_context {
    struct filter_daemon *daemon;
    /* Main thread: SIGHUP's work; warnings are appended to the array. False and *error_r: the old
     * configuration stays in force. */
    bool (*reload)(void *process, struct base_json *warnings, struct base_error *error_r);
    void *process;
};

/* `context` must outlive the control. */
void filter_control_commands_register(struct filter_control *control,
                                      struct filter_control_context *context);

#endif
