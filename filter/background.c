#include "filter/background.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

/* The parent's rest: 0 once a byte came, else the status of the child that died. Only the innermost
 * child sends one; its parent's own end tells the outer one. */
static int wait_for_ready(int fd, pid_t child)
{
    char byte;
    int status = 0;
    ssize_t got;

    do {
        got = read(fd, &byte, 1);
    } while (got < 0 && errno == EINTR);
    if (got == 1) {
        return 0;
    }
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    return WIFEXITED(status) ? WEXITSTATUS(status) : EX_SOFTWARE;
}

/* Forks once; the parent waits and passes the result on. True in the child. */
static bool fork_and_wait(int ready[2])
{
    pid_t child = fork();

    if (child > 0) {
        close(ready[1]);
        _exit(wait_for_ready(ready[0], child));
    }
    return child == 0;
}

bool filter_background_enter(struct filter_background *background, struct base_error *error_r)
{
    int outer[2];
    int inner[2];

    /* A new session, whose leader waits while its child serves: no terminal can come back. The
     * inner pipe must not be the outer parent's too, or it would never end. */
    if (pipe2(outer, O_CLOEXEC) != 0 || !fork_and_wait(outer) || setsid() < 0 ||
        pipe2(inner, O_CLOEXEC) != 0 || !fork_and_wait(inner)) {
        base_error_set(error_r, "cannot go into the background: %s", strerror(errno));
        return false;
    }
    close(outer[0]);
    close(outer[1]);
    close(inner[0]);
    background->ready_fd = inner[1];
    if (chdir("/") != 0) {
        base_error_set(error_r, "cannot go to /: %s", strerror(errno));
        return false;
    }
    return true;
}

void filter_background_ready(struct filter_background *background)
{
    int null_fd;

    if (background->ready_fd < 0) {
        return;
    }
    null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (int fd = 0; null_fd >= 0 && fd <= 2; fd++) {
        (void)dup2(null_fd, fd);
    }
    if (null_fd > 2) {
        close(null_fd);
    }
    if (write(background->ready_fd, "", 1) != 1) {
        /* Nobody waits any more: nothing to tell. */
    }
    close(background->ready_fd);
    background->ready_fd = -1;
}
