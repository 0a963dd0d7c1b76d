/* Files, checked by descriptor; see file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/folders.h"
#include "base/mem.h"

#define FIRST_READ ((size_t)16384)

bool base_file_read_fd(int fd, const char *name, size_t max, char **data_r, size_t *length_r,
                       struct base_error *error_r)
{
    struct stat info;
    size_t length = 0;
    size_t capacity = FIRST_READ;

    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > 0)
        /* One more to see the end, one for the NUL. */
        capacity = (size_t)info.st_size + 2;
    if (max < SIZE_MAX - 2 && capacity > max + 2)
        capacity = max + 2;
    char *data = base_mem_alloc(capacity);

    for (;;) {
        if (length + 1 == capacity)
            data = base_mem_realloc(data, capacity *= 2);
        ssize_t got = read(fd, data + length, capacity - length - 1);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            base_error_set(error_r, "%s: cannot read: %s", name, strerror(errno));
            break;
        }
        length += (size_t)got;
        if (length > max) {
            base_error_set(error_r, "%s: larger than %zu octets, which is the most that is read",
                           name, max);
            break;
        }
        if (got == 0) {
            data[length] = '\0';
            *data_r = data;
            *length_r = length;
            return true;
        }
    }
    base_mem_free(data);
    return false;
}

/* What a file that steers the daemon must be: nobody but root and ourselves may change it, nor put
 * another in its place. */
bool base_file_is_trusted(const struct stat *info, const char *path, struct base_error *error_r)
{
    if (info->st_uid != 0 && info->st_uid != geteuid()) {
        base_error_set(error_r, "%s: belongs to user %lu, who could change it: chown root %s", path,
                       (unsigned long)info->st_uid, path);
        return false;
    }
    if ((info->st_mode & S_IWOTH) != 0) {
        base_error_set(error_r, "%s: mode %04o, so anybody could change it: chmod go-w %s", path,
                       (unsigned)info->st_mode & 07777, path);
        return false;
    }
    if ((info->st_mode & S_IWGRP) != 0 && info->st_gid != 0) {
        base_error_set(error_r, "%s: mode %04o, so its group could change it: chmod go-w %s", path,
                       (unsigned)info->st_mode & 07777, path);
        return false;
    }
    return base_folders_are_trusted(path, 0, info, error_r);
}

static bool read_path(const char *path, bool want_trusted, size_t max, char **data_r,
                      size_t *length_r, struct base_error *error_r)
{
    struct stat info;
    /* O_NONBLOCK: opening a pipe must not wait for its writer; it plays no part for files. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    bool is_ok = false;

    if (fd < 0) {
        base_error_set(error_r, "%s: cannot open: %s", path, strerror(errno));
        return false;
    }
    if (fstat(fd, &info) != 0)
        base_error_set(error_r, "%s: cannot stat: %s", path, strerror(errno));
    else if (!S_ISREG(info.st_mode))
        base_error_set(error_r, "%s: not a regular file", path);
    else if (!want_trusted || base_file_is_trusted(&info, path, error_r))
        is_ok = base_file_read_fd(fd, path, max, data_r, length_r, error_r);
    close(fd);
    return is_ok;
}

bool base_file_read(const char *path, size_t max, char **data_r, size_t *length_r,
                    struct base_error *error_r)
{
    return read_path(path, false, max, data_r, length_r, error_r);
}

bool base_file_read_trusted(const char *path, size_t max, char **data_r, size_t *length_r,
                            struct base_error *error_r)
{
    return read_path(path, true, max, data_r, length_r, error_r);
}
