/* HUP, TERM, INT and USR1 belong to the main thread, which reads them from a descriptor: no handler
 * ever runs, and libmilter (where HUP stops the filter) never gets one. */
#ifndef FILTER_SIGNALS_H
#define FILTER_SIGNALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum filter_signal {
    /* Time is up. */
    FILTER_SIGNAL_NONE,
    /* SIGHUP */
    FILTER_SIGNAL_RELOAD,
    /* SIGTERM, SIGINT */
    FILTER_SIGNAL_STOP,
    /* SIGUSR1 */
    FILTER_SIGNAL_STATUS,
    /* `ended_fd` became readable. */
    FILTER_SIGNAL_ENDED,
    /* `job_fd` became readable. */
    FILTER_SIGNAL_JOB,
};

/* Before the first thread. The descriptor, or -1 and *error_r. */
__attribute__((warn_unused_result)) int filter_signals_open(struct base_error *error_r);
/* The next one; waits at most `timeout_ms` (-1: for ever). `ended_fd` and `job_fd` may
 * be -1. */
enum filter_signal filter_signals_wait(int fd, int ended_fd, int job_fd, int timeout_ms);

#endif
