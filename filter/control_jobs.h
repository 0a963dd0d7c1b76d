/* Commands on their way from control's thread to the main thread, and their answers on the way
 * back. Each side has a descriptor that becomes readable. Thread-safe. */
#ifndef FILTER_CONTROL_JOBS_H
#define FILTER_CONTROL_JOBS_H

#include <pthread.h>
#include <stdbool.h>

#include "base/control_line.h"
#include "base/error.h"
#include "filter/control_answer.h"

struct filter_control_command;
struct filter_control_conn;

struct filter_control_job {
    const struct filter_control_command *command;
    void *context;
    struct base_control_request request;
    struct filter_control_answer answer;
    /* Whoever waits; NULL: gave up. Control's thread only. */
    struct filter_control_conn *conn;
    struct filter_control_job *next;
};

/* Of those that wait; who comes when there are so many is told "busy". Those who went away without
 * their answer leave no more behind. */
#define FILTER_CONTROL_JOBS_MAX 64

struct filter_control_jobs {
    pthread_mutex_t mutex;
    struct filter_control_job *queued;
    size_t queued_count;
    struct filter_control_job *done;
    bool is_closed;
    /* eventfd(2): for the main thread, for control's. */
    int queued_fd;
    int done_fd;
};

__attribute__((warn_unused_result)) bool filter_control_jobs_init(struct filter_control_jobs *jobs,
                                                                  struct base_error *error_r);
/* No other thread uses it any more. */
void filter_control_jobs_deinit(struct filter_control_jobs *jobs);

/* Takes over `job`. */
void filter_control_jobs_push(struct filter_control_jobs *jobs, struct filter_control_job *job);
/* Control's thread: nobody waits for it any more. What steers is done all the same; what only asks
 * and has not begun is dropped. */
void filter_control_jobs_abandon(struct filter_control_jobs *jobs, struct filter_control_job *job);
/* Control's thread: the next one that is done, or NULL; to be given to _free(). */
struct filter_control_job *filter_control_jobs_pop_done(struct filter_control_jobs *jobs);
void filter_control_jobs_free(struct filter_control_job *job);

/* Main thread. Runs one, and leaves `queued_fd` readable if there are more: signals, and the
 * watchdog, have their turn in between. */
void filter_control_jobs_run(struct filter_control_jobs *jobs);
void filter_control_jobs_close(struct filter_control_jobs *jobs);

#endif
