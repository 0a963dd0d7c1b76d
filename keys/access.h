/* Who may touch a key file and the directories above it, judged by descriptor: what was checked is
 * what is read. For keys/store.c. */
#ifndef KEYS_ACCESS_H
#define KEYS_ACCESS_H

#include <stdbool.h>

#include "base/error.h"

/* Each gives a descriptor that the caller closes, or -1 and *error_r with the line that
 * mends it. `path` is what the administrator knows the object by. O_CLOEXEC, and O_NOFOLLOW but
 * for the last. */

/* A directory `name` below `dir_fd` (AT_FDCWD: `name` is a path): root's or the reader's, and not
 * writable by others. */
__attribute__((warn_unused_result)) int keys_access_open_dir(int dir_fd, const char *name,
                                                             const char *path,
                                                             struct base_error *error_r);
/* A key file: regular, one hard link, and readable by nobody but the reader (and root). Never
 * blocks on a pipe. */
__attribute__((warn_unused_result)) int keys_access_open_key(int dir_fd, const char *name,
                                                             const char *path,
                                                             struct base_error *error_r);

/* A regular file of any name, symbolic links followed; *is_wide_r: others than its owner can read
 * or write it. */
__attribute__((warn_unused_result)) int keys_access_open_any(const char *path, bool *is_wide_r,
                                                             struct base_error *error_r);

#endif
