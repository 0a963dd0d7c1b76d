/* The folder is made as the daemon's user, so that root follows nobody's lead; only where the user
 * may not, and the directory above is root's alone, root makes it and gives it away. */
#include "filter/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "filter/privileges.h"

#define MODE      0711
#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Nobody but root can put another directory in the place of what is made in it. */
static bool is_roots_alone(int fd)
{
    struct stat info;

    return fstat(fd, &info) == 0 && info.st_uid == 0 && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* As root, below a directory that is root's. False: errno. */
static bool make_as_root(const char *path, const struct filter_identity *identity)
{
    char above[PATH_MAX];
    char last[PATH_MAX];
    int above_fd, fd = -1;
    bool is_made = false;

    (void)snprintf(above, sizeof above, "%s", path);
    (void)snprintf(last, sizeof last, "%s", path);
    above_fd = open(dirname(above), DIR_FLAGS);
    if (above_fd < 0) {
        return false;
    }
    errno = EACCES;
    if (is_roots_alone(above_fd) && mkdirat(above_fd, basename(last), MODE) == 0) {
        fd = openat(above_fd, basename(last), DIR_FLAGS);
        is_made = fd >= 0 && fchown(fd, identity->uid, identity->gid) == 0 && fchmod(fd, MODE) == 0;
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    (void)close(above_fd);
    return is_made;
}

/* False: errno. */
static bool make(const char *path, const struct filter_identity *identity)
{
    mode_t old_mask = umask(0);
    bool is_made;
    int fault;

    filter_privileges_begin_as(identity, identity->gid);
    is_made = mkdir(path, MODE) == 0 || errno == EEXIST;
    fault = errno;
    filter_privileges_end_as();
    errno = fault;
    if (!is_made && fault == EACCES && geteuid() == 0) {
        is_made = make_as_root(path, identity);
    }
    fault = errno;
    (void)umask(old_mask);
    errno = fault;
    return is_made;
}

static enum filter_state_fault check(int fd, const char *path,
                                     const struct filter_identity *identity,
                                     struct base_error *error_r)
{
    struct stat info;

    if (fstat(fd, &info) != 0) {
        base_error_set(error_r, "state-dir: %s: %s", path, strerror(errno));
        return FILTER_STATE_UNAVAILABLE;
    }
    if (info.st_uid != identity->uid) {
        base_error_set(error_r,
                       "state-dir: %s belongs to uid %u, not to the daemon's user: chown %s %s",
                       path, (unsigned)info.st_uid, identity->name, path);
        return FILTER_STATE_BAD;
    }
    if ((info.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        base_error_set(error_r,
                       "state-dir: %s: mode %04o, so others could change it: chmod go-w %s", path,
                       (unsigned)info.st_mode & 07777, path);
        return FILTER_STATE_BAD;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        base_error_set(error_r,
                       errno == EWOULDBLOCK
                           ? "state-dir: %s is used by a daemon that runs: stop it first, or give "
                             "each its own"
                           : "state-dir: %s cannot be locked",
                       path);
        return FILTER_STATE_UNAVAILABLE;
    }
    return FILTER_STATE_OK;
}

enum filter_state_fault filter_state_dir_open(struct filter_state_dir *dir, const char *path,
                                              const struct filter_identity *identity,
                                              struct base_error *error_r)
{
    enum filter_state_fault fault;
    bool is_missing;

    dir->fd = open(path, DIR_FLAGS);
    is_missing = dir->fd < 0 && errno == ENOENT;
    if (is_missing && make(path, identity)) {
        is_missing = false;
        dir->fd = open(path, DIR_FLAGS);
    }
    if (dir->fd < 0 && !is_missing && (errno == ENOTDIR || errno == ELOOP)) {
        base_error_set(error_r, "state-dir: %s is no directory (symbolic links are not followed)",
                       path);
        return FILTER_STATE_BAD;
    }
    if (dir->fd < 0) {
        base_error_set(error_r,
                       "state-dir: %s: %s: make it (install -d -o %s -m 0711 %s), or name another",
                       path, strerror(errno), identity->name, path);
        return FILTER_STATE_UNAVAILABLE;
    }
    fault = check(dir->fd, path, identity, error_r);
    if (fault != FILTER_STATE_OK) {
        (void)close(dir->fd);
        dir->fd = -1;
    }
    return fault;
}
