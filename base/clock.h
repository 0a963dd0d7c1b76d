/* The clock is injected: nothing outside base/ calls time(2) or clock_gettime(2), so tests set the
 * time and never sleep. Thread-safe. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

struct base_clock;

struct base_clock_ops {
    /* Seconds since 1970-01-01 UTC, in nanoseconds. */
    int64_t (*wall_ns)(const struct base_clock *clock);
    /* A clock that only goes forward, in nanoseconds. */
    int64_t (*mono_ns)(const struct base_clock *clock);
};

struct base_clock {
    const struct base_clock_ops *ops;
    /* For base_clock_fixed() and fakes; atomic access. */
    int64_t fixed_wall_ns;
    int64_t fixed_mono_ns;
};

#define BASE_NS_PER_S  INT64_C(1000000000)
#define BASE_NS_PER_MS INT64_C(1000000)

/* The system's clocks. */
struct base_clock base_clock_system(void);
/* `--time`: the wall clock stands still at `wall_s`; the monotonic one is the system's, so that
 * time-outs still work. */
struct base_clock base_clock_fixed(int64_t wall_s);
/* For tests: both stand still until base_clock_advance(). */
struct base_clock base_clock_manual(int64_t wall_s);
void base_clock_advance(struct base_clock *clock, int64_t ns);

int64_t base_clock_wall_ns(const struct base_clock *clock);
int64_t base_clock_wall_s(const struct base_clock *clock);
int64_t base_clock_mono_ns(const struct base_clock *clock);

/* `ns` from now on the system's CLOCK_MONOTONIC, for pthread_cond_timedwait(3) and its like, which
 * know no other clock. A negative `ns` is now. */
struct timespec base_clock_deadline(int64_t ns);

/* RFC 3339, "2026-11-22T12:00:00Z" or with an offset; false if it is not that. */
bool base_clock_parse_rfc3339(const char *text, int64_t *wall_s_r);
/* "2026-11-22T12:00:00Z"; `out` takes at least 21 octets. */
void base_clock_format_rfc3339(int64_t wall_s, char *out, size_t size);

#endif
