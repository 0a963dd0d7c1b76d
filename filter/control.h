/* The control socket: STATE-DIR/control, mode 0660, one thread of its own that serves a bounded
 * number of clients, none of which can hold up another. Its protocol: base/control_line.h.
 *
 * A module adds commands without touching the server:
 *
 *   static void run_rates(void *context, const struct filter_control_request *request,
 *                         struct filter_control_answer *answer)
 *   {
 *       struct base_json *row = base_json_object();
 *       ...
 *       (void)filter_control_answer_add(answer, row);     one line a row, as many as there are
 *   }                                                     or filter_control_answer_fail()
 *
 *   static const struct filter_control_command commands[] = {
 *       {.name = "rates", .arguments = "[KEY]", .help = "list the fullest keys",
 *        .arguments_max = 1, .run = run_rates},
 *       {.name = "release", .arguments = "KEY", .help = "let a held key go", .arguments_min = 1,
 *        .arguments_max = 1, .is_privileged = true, .run = run_release},
 *   };
 *
 *   filter_control_register(control, commands, 2, context);      in filter/main.c, start_control()
 *
 * and asks them from the command with tool_control_ask() (tool/control.h). Each command has its
 * paragraph in postseald(8), "Control socket". */
#ifndef FILTER_CONTROL_H
#define FILTER_CONTROL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "filter/control_answer.h"
#include "filter/state_dir.h"

struct base_clock;
struct conf_snapshot;
struct filter_control;
struct filter_identity;

/* What a command is given; its texts are NUL-terminated, printable UTF-8, and live during the call.
 * Between arguments_min and arguments_max of them. */
struct filter_control_request {
    size_t count;
    const struct base_text *arguments;
};

struct filter_control_command {
    const char *name;
    /* As `help` shows them; NULL: none. */
    const char *arguments;
    const char *help;
    size_t arguments_min;
    size_t arguments_max;
    /* For root and `control-group`; the daemon's user may only ask. */
    bool is_privileged;
    /* Runs on the main thread, between two signals: may block as a reload may. Others run on
     * control's thread, where every client waits meanwhile: milliseconds at most, no disk, no
     * network. */
    bool is_main;
    void (*run)(void *context, const struct filter_control_request *request,
                struct filter_control_answer *answer);
};

/* Makes the socket in the state folder, which is locked: one that is there is of a daemon that was
 * killed, and removed. Before privileges are dropped and threads are there. */
__attribute__((warn_unused_result)) enum filter_state_fault filter_control_open(
    struct filter_control **control_r, const struct conf_snapshot *conf,
    const struct filter_identity *identity, struct base_error *error_r);
/* Before filter_control_start(). `commands` is static; `context` must outlive the control. */
void filter_control_register(struct filter_control *control,
                             const struct filter_control_command *commands, size_t count,
                             void *context);
/* Signals must be blocked. `clock` is borrowed. */
__attribute__((warn_unused_result)) bool filter_control_start(struct filter_control *control,
                                                              const struct base_clock *clock,
                                                              struct base_error *error_r);
/* Stops the thread, closes every connection, removes the socket. Sets *control to NULL; NULL inside
 * is fine. */
void filter_control_destroy(struct filter_control **control);

/* Main thread: readable when there is something to run; runs it. */
int filter_control_job_fd(const struct filter_control *control);
void filter_control_run_jobs(struct filter_control *control);
/* Main thread, which will run no more: what waits for it, now and later, fails with "stopping". */
void filter_control_refuse_jobs(struct filter_control *control);

#endif
