/* Files that decide what this daemon does: opened once, checked by descriptor, read by descriptor,
 * so that what was checked is what is read. May block on the disk. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/text.h"

struct stat;

/* Reads a regular file of at most `max` octets. The result is on the heap (base_mem_free), followed
 * by a NUL that is not counted. False and *error_r otherwise (names the path and the reason).
 * Pipes, devices and directories are refused. "-" is not special. */
__attribute__((warn_unused_result)) bool base_file_read(const char *path, size_t max, char **data_r,
                                                        size_t *length_r,
                                                        struct base_error *error_r);
/* The same from a descriptor (any kind of file), to its end; the caller closes it. `name` is for
 * the error. */
__attribute__((warn_unused_result)) bool base_file_read_fd(int fd, const char *name, size_t max,
                                                           char **data_r, size_t *length_r,
                                                           struct base_error *error_r);

/* Like base_file_read, for configuration, includes, lists and maps: refuses a file that anybody but
 * root or the effective user can write (owner, group, others), with the chown/chmod line that mends
 * it. Group-writable counts as writable by others unless the group is root's. The folders that it
 * lies in are judged, too (base/folders.h). */
__attribute__((warn_unused_result)) bool base_file_read_trusted(const char *path, size_t max,
                                                                char **data_r, size_t *length_r,
                                                                struct base_error *error_r);
/* That judgement alone, on a file that somebody else opened by `path`; `info` is its fstat(2). */
__attribute__((warn_unused_result)) bool base_file_is_trusted(const struct stat *info,
                                                              const char *path,
                                                              struct base_error *error_r);

#endif
