/* The pid file: locked while we live, so that a second daemon with the same one does not start. */
#ifndef FILTER_PIDFILE_H
#define FILTER_PIDFILE_H

#include <stdbool.h>

#include "base/error.h"

struct filter_pidfile {
    /* Borrowed from the caller. */
    const char *path;
    int fd;
};

/* As root, before privileges are dropped, in the process that stays. `is_needed`: nobody else
 * (service manager, terminal) knows our process id, so that failing to write it is a fault; else it
 * is a line in the log. False and *error_r: that fault, or another daemon holds it. */
__attribute__((warn_unused_result)) bool filter_pidfile_write(struct filter_pidfile *pidfile,
                                                              const char *path, bool is_needed,
                                                              struct base_error *error_r);
/* Empties it, and removes it if the directory lets us. */
void filter_pidfile_remove(struct filter_pidfile *pidfile);

#endif
