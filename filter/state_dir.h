/* The state folder (`state-dir`): what must outlive the process, and the control socket. It belongs
 * to the daemon's user alone, and to one daemon at a time: a lock on it says so. */
#ifndef FILTER_STATE_DIR_H
#define FILTER_STATE_DIR_H

#include "base/error.h"

struct filter_identity;

struct filter_state_dir {
    /* Holds the lock; -1: not open. Never closed while the daemon lives. */
    int fd;
};

/* What went wrong, for the exit status. */
enum filter_state_fault {
    FILTER_STATE_OK,
    /* Not a directory, or one that others own or can write into. */
    FILTER_STATE_BAD,
    /* Another daemon has it, or the system refuses. */
    FILTER_STATE_UNAVAILABLE,
};

/* Makes the directory if it is missing (mode 0711: members of `control-group` pass through to the
 * socket, and nobody can list it), checks and locks it. In the process that stays, before
 * privileges are dropped: `identity` is who will use it. */
__attribute__((warn_unused_result)) enum filter_state_fault filter_state_dir_open(
    struct filter_state_dir *dir, const char *path, const struct filter_identity *identity,
    struct base_error *error_r);

#endif
