/* One event after another, one target after another. An event of the same rate, key and kind is
 * told once a period. */
#include "filter/notifier_run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "filter/notifier_mail.h"

enum {
    /* Events remembered; past it the one that was told first is forgotten. */
    TOLD_MAX = 4096
};

struct told {
    uint64_t hash;
    int64_t until_ns;
};

struct helper {
    const char *helo;
    struct base_clock clock;
    /* 0: the daemon lives. */
    int64_t end_ns;
    size_t next;
    struct told told[TOLD_MAX];
};

/* --- once a period -------------------------------------------------------------------------------
 */

static uint64_t add_to_hash(uint64_t hash, struct base_text text)
{
    for (size_t i = 0; i <= text.length; i++) {
        hash = (hash ^ (i < text.length ? (unsigned char)text.data[i] : 256U)) *
               UINT64_C(0x100000001b3);
    }
    return hash;
}

static bool is_told(struct helper *helper, const struct base_json *event, int64_t period_s)
{
    int64_t now_ns = base_clock_mono_ns(&helper->clock);
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    hash = add_to_hash(hash, base_json_text(base_json_get(event, "event")));
    hash = add_to_hash(hash, base_json_text(base_json_get(event, "rate")));
    hash = add_to_hash(hash, base_json_text(base_json_get(event, "key")));
    for (size_t i = 0; i < TOLD_MAX; i++) {
        if (helper->told[i].hash == hash && helper->told[i].until_ns > now_ns) {
            return true;
        }
    }
    helper->told[helper->next++ % TOLD_MAX] =
        (struct told){hash, now_ns + period_s * BASE_NS_PER_S};
    return false;
}

/* --- programs ------------------------------------------------------------------------------------
 */

static _Noreturn void become(const char *path, int input)
{
    char *const arguments[] = {(char *)(uintptr_t)path, NULL};
    char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    sigset_t none;

    /* Whoever started the daemon may ignore it. */
    (void)signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)setsid();
    (void)dup2(input, 0);
    (void)dup2(null_fd, 1);
    (void)dup2(null_fd, 2);
    (void)close_range(3, ~0U, 0);
    if (chdir("/") == 0) {
        (void)execve(path, arguments, environment);
    }
    _exit(127);
}

/* Waits for the child until the deadline, then ends it and all that it began. */
static int await(pid_t child, const char *path)
{
    struct timespec left = {.tv_sec = FILTER_NOTIFIER_SECONDS};
    struct timespec end = base_clock_deadline(FILTER_NOTIFIER_SECONDS * BASE_NS_PER_S);
    sigset_t signals;
    int status = 0;

    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    while (waitpid(child, &status, WNOHANG) == 0) {
        struct timespec now = base_clock_deadline(0);
        int64_t left_ns = (end.tv_sec - now.tv_sec) * BASE_NS_PER_S + (end.tv_nsec - now.tv_nsec);

        if (left_ns <= 0) {
            base_log_warning("notify: %s takes longer than %d seconds: killed", path,
                             FILTER_NOTIFIER_SECONDS);
            (void)kill(-child, SIGKILL);
            (void)kill(child, SIGKILL);
            (void)waitpid(child, &status, 0);
            return 0;
        }
        left = (struct timespec){.tv_sec = left_ns / BASE_NS_PER_S,
                                 .tv_nsec = left_ns % BASE_NS_PER_S};
        (void)sigtimedwait(&signals, NULL, &left);
    }
    /* What it has left behind. */
    (void)kill(-child, SIGKILL);
    return status;
}

/* The event fits into a pipe: a program that does not read it keeps nobody. */
static void run_program(const char *path, struct base_text event)
{
    int ends[2];
    pid_t child;
    int status;

    if (pipe2(ends, O_CLOEXEC) != 0) {
        base_log_warning("notify: %s: no pipe: %s", path, strerror(errno));
        return;
    }
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    child = fork();
    if (child == 0) {
        become(path, ends[0]);
    }
    close(ends[0]);
    if (child < 0 || write(ends[1], event.data, event.length) < 0) {
        base_log_warning("notify: %s: %s", path, strerror(errno));
    }
    close(ends[1]);
    if (child < 0) {
        return;
    }
    status = await(child, path);
    if (status != 0) {
        base_log_warning("notify: %s ends with status %d", path,
                         WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
}

/* In a process of its own, too: looking up the server's name may take longer than it has. */
static void send_mail(const struct helper *helper, const char *smtp, const char *address,
                      const struct base_json *event)
{
    struct base_error error = {""};
    pid_t child = fork();

    if (child == 0) {
        (void)setsid();
        if (filter_notifier_mail(smtp, helper->helo, address, event, &error)) {
            _exit(0);
        }
        base_log_warning("notify: mail to %s: %s", address, error.text);
        _exit(0);
    }
    if (child < 0) {
        base_log_warning("notify: mail to %s: %s", address, strerror(errno));
        return;
    }
    (void)await(child, "mail");
}

/* --- events --------------------------------------------------------------------------------------
 */

static void tell_target(const struct helper *helper, const char *smtp, const char *target,
                        const struct base_json *event, struct base_text text)
{
    if (strncmp(target, "exec:", 5) == 0) {
        run_program(target + 5, text);
    } else if (strncmp(target, "mail:", 5) == 0) {
        send_mail(helper, smtp, target + 5, event);
    }
}

static void handle(struct helper *helper, struct base_text packet)
{
    struct base_error error;
    struct base_json *json = base_json_parse(packet, &error);
    const struct base_json *event = base_json_get(json, "event");
    const struct base_json *targets = base_json_get(json, "targets");
    int64_t period_s = 0;
    struct base_buf text;

    (void)base_json_int(base_json_get(json, "period"), &period_s);
    if (json != NULL && !is_told(helper, event, period_s)) {
        base_buf_init(&text, NULL, FILTER_NOTIFIER_PACKET_MAX);
        base_json_append_to(event, &text);
        base_buf_append_char(&text, '\n');
        for (size_t i = 0; i < base_json_count(targets); i++) {
            tell_target(helper, base_json_text(base_json_get(json, "smtp")).data,
                        base_json_text(base_json_at(targets, i)).data, event, base_buf_text(&text));
        }
        base_buf_deinit(&text);
    }
    base_json_destroy(&json);
}

/* Waits for the next event. Once the daemon is gone, what it has told last still has a little time.
 */
static bool may_go_on(struct helper *helper, int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int64_t now_ns;

    while (poll(&poll_fd, 1, -1) < 0) {
        if (errno != EINTR) {
            return false;
        }
    }
    now_ns = base_clock_mono_ns(&helper->clock);
    if ((poll_fd.revents & POLLHUP) != 0 && helper->end_ns == 0) {
        helper->end_ns = now_ns + FILTER_NOTIFIER_SECONDS * BASE_NS_PER_S;
    }
    return helper->end_ns == 0 || now_ns < helper->end_ns;
}

void filter_notifier_run(int fd, const char *helo)
{
    static struct helper helper;
    static char packet[FILTER_NOTIFIER_PACKET_MAX];
    sigset_t signals;
    ssize_t length;

    helper.helo = helo;
    helper.clock = base_clock_system();
    /* The daemon is told to end, reload and the like, we end with it; a terminal's ^C is for it. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGCHLD);
    sigaddset(&signals, SIGHUP);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGPIPE);
    sigaddset(&signals, SIGUSR1);
    (void)sigprocmask(SIG_BLOCK, &signals, NULL);
    /* Where it is ignored, nobody can be waited for. */
    (void)signal(SIGCHLD, SIG_DFL);
    while (may_go_on(&helper, fd)) {
        length = recv(fd, packet, sizeof packet, 0);
        if (length > 0) {
            handle(&helper, (struct base_text){packet, (size_t)length});
        } else if (length == 0 || errno != EINTR) {
            break;
        }
    }
}
