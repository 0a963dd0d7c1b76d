#include "filter/drain.h"

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "conf/daemon.h"
#include "filter/daemon.h"
#include "filter/listener.h"
#include "filter/signals.h"
#include "policy/snapshot.h"

/* How often a second SIGTERM is looked for. */
#define SLICE_NS (100 * BASE_NS_PER_MS)
/* A reply is written after its callback has returned; this long after the last one it is out. */
#define QUIET_NS (250 * BASE_NS_PER_MS)
/* What those have that were refused because we stop: their MTA only waits for the answer. */
#define REFUSED_NS (2 * BASE_NS_PER_S)

struct drain {
    struct filter_daemon *daemon;
    int signal_fd;
    bool is_impatient;
};

static bool wait(struct drain *drain, bool want_refused_too, int64_t timeout_ns)
{
    const struct base_clock *clock = &drain->daemon->clock;
    int64_t deadline_ns = base_clock_mono_ns(clock) + timeout_ns;

    while (!drain->is_impatient) {
        int64_t left_ns = deadline_ns - base_clock_mono_ns(clock);

        if (filter_count_wait_drained(&drain->daemon->count, want_refused_too, QUIET_NS,
                                      left_ns < SLICE_NS ? left_ns : SLICE_NS)) {
            return true;
        }
        if (left_ns <= 0) {
            return false;
        }
        drain->is_impatient =
            filter_signals_wait(drain->signal_fd, -1, -1, 0) == FILTER_SIGNAL_STOP;
    }
    return false;
}

void filter_drain(struct filter_daemon *daemon, struct filter_listener *listener, int signal_fd)
{
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    int64_t timeout_ms = conf_daemon_get(policy_snapshot_conf(snapshot))->shutdown_timeout;
    struct drain drain = {.daemon = daemon, .signal_fd = signal_fd};
    struct filter_numbers numbers;

    policy_snapshot_unref(&snapshot);
    filter_count_drain(&daemon->count);
    filter_listener_close(listener);
    numbers = filter_count_read(&daemon->count);
    base_log_info("stopping: %u messages under way in %u sessions", numbers.under_way,
                  numbers.sessions);
    if (!wait(&drain, false, timeout_ms * BASE_NS_PER_MS)) {
        numbers = filter_count_read(&daemon->count);
        base_log_warning("stopping with %u messages unfinished: the MTA will try them again",
                         numbers.under_way);
        return;
    }
    (void)wait(&drain, true, REFUSED_NS);
}
