/* The daemon's side. One event is one packet: a JSON object with what the helper needs. */
#include "filter/notifier.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/random.h"
#include "conf/conf.h"
#include "filter/notifier_run.h"
#include "policy/rate/limits.h"

struct filter_notifier {
    struct rate_watch watch;
    int fd;
    char helo[64];
    atomic_uint dropped;
};

/* The members are those that programs get on standard input (postseal.conf(5), notify). */
static struct base_json *event_json(const struct rate_event *event)
{
    struct base_json *json = base_json_object();
    char limit[RATE_TEXT_SIZE];
    char time[32];

    base_clock_format_rfc3339(event->time_s, time, sizeof time);
    base_json_set_cstr(json, "event", rate_event_text(event->kind));
    base_json_set_cstr(json, "time", time);
    base_json_set_cstr(json, "rate", event->rate);
    base_json_set_text(json, "key", event->key);
    base_json_set_cstr(json, "count", event->count);
    base_json_set_int(json, "used", event->used);
    if (event->limit.percent > 0) {
        base_json_set_int(json, "sent", event->whole);
    }
    base_json_set_cstr(json, "limit", rate_limit_text(&event->limit, limit));
    base_json_set_cstr(json, "action", event->action);
    return json;
}

static void tell(void *context, const struct rate_event *event)
{
    struct filter_notifier *notifier = context;
    struct base_json *packet = base_json_object();
    struct base_json *targets = base_json_array();
    struct base_buf text;

    for (size_t i = 0; i < event->targets->count; i++) {
        base_json_append_text(targets, base_text_of(event->targets->items[i].text));
    }
    base_json_set(packet, "targets", targets);
    base_json_set_cstr(packet, "smtp", event->smtp);
    base_json_set_int(packet, "period", event->period_s);
    base_json_set(packet, "event", event_json(event));
    base_buf_init(&text, NULL, FILTER_NOTIFIER_PACKET_MAX);
    base_json_append_to(packet, &text);
    base_json_destroy(&packet);
    if (text.is_over ||
        send(notifier->fd, text.data, text.length, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        /* Told once in a while only. */
        if (atomic_fetch_add(&notifier->dropped, 1) % 1000 == 0) {
            base_log_warning("notify: nobody can be told of rate \"%s\", key \"%.*s\": too much "
                             "to tell, or the helper is gone",
                             event->rate, (int)event->key.length, event->key.data);
        }
    }
    base_buf_deinit(&text);
}

/* The child's: nothing of the daemon's but the socket, and what it says on standard error. */
static _Noreturn void run_child(int fd, bool is_background, const char *helo)
{
    int null_fd = open("/dev/null", O_RDWR | O_CLOEXEC);

    for (int i = 0; i <= 2 && null_fd >= 0; i++) {
        if (i == 0 || is_background) {
            (void)dup2(null_fd, i);
        }
    }
    /* Its socket is closed below: the next line opens another. */
    closelog();
    (void)prctl(PR_SET_NAME, "postseal-notify");
    if (fd != 3) {
        (void)dup2(fd, 3);
    }
    (void)close_range(4, ~0U, 0);
    filter_notifier_run(3, helo);
    _exit(0);
}

struct filter_notifier *filter_notifier_start(bool is_background, struct base_error *error_r)
{
    struct filter_notifier *notifier;
    uint64_t secret[2];
    int ends[2];
    pid_t child;

    base_random_draw(secret, sizeof secret);
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        base_error_set(error_r, "notify: no socket: %s", strerror(errno));
        return NULL;
    }
    notifier = base_mem_alloc_zero(1, sizeof *notifier);
    snprintf(notifier->helo, sizeof notifier->helo, "%016" PRIx64 "%016" PRIx64 ".postseal.invalid",
             secret[0], secret[1]);
    child = fork();
    if (child == 0) {
        run_child(ends[1], is_background, notifier->helo);
    }
    close(ends[1]);
    if (child < 0) {
        base_error_set(error_r, "notify: no process: %s", strerror(errno));
        close(ends[0]);
        base_mem_free(notifier);
        return NULL;
    }
    notifier->fd = ends[0];
    notifier->watch = (struct rate_watch){
        .tell = tell, .context = notifier, .helo = base_text_of(notifier->helo)};
    return notifier;
}

const struct rate_watch *filter_notifier_watch(const struct filter_notifier *notifier)
{
    return &notifier->watch;
}

unsigned filter_notifier_dropped(const struct filter_notifier *notifier)
{
    return atomic_load(&notifier->dropped);
}

void filter_notifier_stop(struct filter_notifier **notifier)
{
    struct filter_notifier *it = *notifier;

    *notifier = NULL;
    if (it == NULL) {
        return;
    }
    close(it->fd);
    base_mem_free(it);
}
