#include "filter/signals.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* libmilter starts a thread that waits for HUP, TERM and INT in sigwait() and stops the filter on
 * each of them. sigwait() takes a signal although it is blocked everywhere, and which of two
 * waiting threads gets it is the kernel's choice; so in this program, whose own code never calls
 * it, nobody gets anything from it. (The program's definition comes before the C library's.) */
int sigwait(const sigset_t *restrict set, int *restrict signal_r)
{
    (void)set;
    (void)signal_r;
    for (;;) {
        pause();
    }
}

int filter_signals_open(struct base_error *error_r)
{
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGUSR1);
    (void)signal(SIGPIPE, SIG_IGN);
    fd = pthread_sigmask(SIG_BLOCK, &set, NULL) == 0
             ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
             : -1;
    if (fd < 0) {
        base_error_set(error_r, "no descriptor for signals: %s", strerror(errno));
    }
    return fd;
}

static enum filter_signal read_signal(int fd)
{
    struct signalfd_siginfo info;

    if (read(fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return FILTER_SIGNAL_NONE;
    }
    switch (info.ssi_signo) {
    case SIGHUP:
        return FILTER_SIGNAL_RELOAD;
    case SIGUSR1:
        return FILTER_SIGNAL_STATUS;
    default:
        return FILTER_SIGNAL_STOP;
    }
}

enum filter_signal filter_signals_wait(int fd, int ended_fd, int job_fd, int timeout_ms)
{
    struct pollfd polled[3] = {{.fd = fd, .events = POLLIN},
                               {.fd = ended_fd, .events = POLLIN},
                               {.fd = job_fd, .events = POLLIN}};

    if (poll(polled, 3, timeout_ms) <= 0) {
        return FILTER_SIGNAL_NONE;
    }
    if ((polled[0].revents & POLLIN) != 0) {
        return read_signal(fd);
    }
    if (polled[1].revents != 0) {
        return FILTER_SIGNAL_ENDED;
    }
    return polled[2].revents != 0 ? FILTER_SIGNAL_JOB : FILTER_SIGNAL_NONE;
}
