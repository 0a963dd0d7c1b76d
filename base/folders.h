/* The way to a file: whoever can write a folder on it can put another file in the place of the one
 * that was looked at. */
#ifndef BASE_FOLDERS_H
#define BASE_FOLDERS_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct stat;

/* Walks `path` (a relative one from the working directory on) and looks at every folder that it
 * passes, also those that symbolic links lead through, up to / and, where the path itself is one,
 * at that. Each must belong to root, to the effective user or to `owner` (to anybody, if
 * root asks, who reads for the daemon's user before it knows him), and no others may write it (a
 * group counts as others unless it is root's), except that a sticky one, as /tmp, may be
 * written by all: what lies in it is nobody's but its owner's. False and *error_r, which names
 * `path`, the folder, its mode and the chmod or chown that mends it; or the path does not lead to
 * the file of which `file` is the fstat(2) (NULL: to any). */
__attribute__((warn_unused_result)) bool base_folders_are_trusted(const char *path, uid_t owner,
                                                                  const struct stat *file,
                                                                  struct base_error *error_r);

#endif
