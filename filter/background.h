/* Going into the background the old way (no service manager, no -f): the parent stays until the
 * child says that it serves, so that errors are on the caller's terminal and in its exit status. */
#ifndef FILTER_BACKGROUND_H
#define FILTER_BACKGROUND_H

#include <stdbool.h>

#include "base/error.h"

struct filter_background {
    /* To the waiting parent; -1: we are in the foreground. */
    int ready_fd;
};

/* Returns in the child only; the parent exits with the child's status. False and *error_r. */
__attribute__((warn_unused_result)) bool filter_background_enter(
    struct filter_background *background, struct base_error *error_r);
/* We serve: standard input, output and error go to /dev/null and the parent ends with 0. Nothing
 * in the foreground. */
void filter_background_ready(struct filter_background *background);

#endif
