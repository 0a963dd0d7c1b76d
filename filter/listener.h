/* The listening socket: opened by libmilter (it takes no descriptor of ours) with the owner, group
 * and mode that the configuration asks for, and the thread that libmilter accepts on. */
#ifndef FILTER_LISTENER_H
#define FILTER_LISTENER_H

#include <pthread.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "conf/daemon.h"

struct conf_snapshot;

struct filter_listener {
    struct conf_socket socket;
    /* libmilter's descriptor, found again after it was opened. */
    int fd;
    /* UNIX: what we bound, so that we remove nothing else at the end. */
    dev_t device;
    ino_t inode;
    pthread_t thread;
    /* Written by libmilter's thread when it stops by itself; -1: none. */
    int ended_fd;
};

/* What went wrong, for the exit status. */
enum filter_listener_fault {
    FILTER_LISTENER_OK,
    /* The configuration cannot work. */
    FILTER_LISTENER_BAD,
    /* The address is taken, or the system refuses. */
    FILTER_LISTENER_UNAVAILABLE,
};

/* After filter_callbacks_register(), still as root when we were started so. A stale UNIX socket is
 * removed, but only when it is one and nobody listens on it. */
__attribute__((warn_unused_result)) enum filter_listener_fault filter_listener_open(
    struct filter_listener *listener, const struct conf_snapshot *conf, struct base_error *error_r);

/* Starts libmilter on a thread of its own. Signals must be blocked. False and *error_r. */
__attribute__((warn_unused_result)) bool filter_listener_start(struct filter_listener *listener,
                                                               struct base_error *error_r);
/* The start failed: removes the UNIX socket that was opened, if one was. */
void filter_listener_abandon(struct filter_listener *listener);

/* Readable once libmilter has stopped by itself: nobody listens any more. */
int filter_listener_ended_fd(const struct filter_listener *listener);

/* Stops accepting, at once; sessions that are open are served on. (smfi_stop() would abandon
 * them.) */
void filter_listener_close(struct filter_listener *listener);

#endif
