/* When a shared store is not asked: after three failures in a second nobody waits for it, until a
 * probe, one each second, finds it again. Times are base_clock_mono_ns(); not thread-safe, the
 * caller has a lock. */
#ifndef POLICY_RATE_BREAKER_H
#define POLICY_RATE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_BREAKER_FAILURES 3
#define RATE_BREAKER_SPAN_NS  INT64_C(1000000000)
#define RATE_BREAKER_PROBE_NS INT64_C(1000000000)

struct rate_breaker {
    bool is_open;
    /* Of the last failures, the oldest first to be forgotten. */
    int64_t failures[RATE_BREAKER_FAILURES];
    unsigned failure_count;
    int64_t probe_ns;
    /* How often it was opened. */
    uint64_t breaks;
};

/* True: this failure has opened it. */
bool rate_breaker_fail(struct rate_breaker *breaker, int64_t now_ns);
/* It opens at once; true: it was closed. */
bool rate_breaker_trip(struct rate_breaker *breaker, int64_t now_ns);
/* An answer has come; true: it was open and is closed. */
bool rate_breaker_succeed(struct rate_breaker *breaker);
/* It is open, and a second has gone since it was opened or last probed: the caller probes. */
bool rate_breaker_take_probe(struct rate_breaker *breaker, int64_t now_ns);

#endif
