#include "filter/pidfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

static bool fail(struct filter_pidfile *pidfile, struct base_error *error_r, const char *what)
{
    base_error_set(error_r, "pid-file: %s: %s", pidfile->path, what);
    if (pidfile->fd >= 0) {
        close(pidfile->fd);
    }
    *pidfile = (struct filter_pidfile){.fd = -1};
    return false;
}

bool filter_pidfile_write(struct filter_pidfile *pidfile, const char *path, bool is_needed,
                          struct base_error *error_r)
{
    struct stat status;

    *pidfile = (struct filter_pidfile){.path = path};
    pidfile->fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0644);
    if (pidfile->fd < 0 && !is_needed) {
        base_log_debug("pid-file: %s: %s: none is written", path, strerror(errno));
        return true;
    }
    if (pidfile->fd < 0) {
        return fail(pidfile, error_r, strerror(errno));
    }
    if (fstat(pidfile->fd, &status) != 0 || !S_ISREG(status.st_mode) || status.st_nlink != 1) {
        return fail(pidfile, error_r, "is no file of its own: move it away");
    }
    if (flock(pidfile->fd, LOCK_EX | LOCK_NB) != 0) {
        return fail(pidfile, error_r, "held by a daemon that runs: stop it first");
    }
    if (ftruncate(pidfile->fd, 0) != 0 || dprintf(pidfile->fd, "%ld\n", (long)getpid()) < 0) {
        return fail(pidfile, error_r, strerror(errno));
    }
    return true;
}

void filter_pidfile_remove(struct filter_pidfile *pidfile)
{
    if (pidfile->fd < 0) {
        return;
    }
    if (ftruncate(pidfile->fd, 0) == 0) {
        (void)unlink(pidfile->path);
    }
    close(pidfile->fd);
    pidfile->fd = -1;
}
