/* Three failures in a second, a probe a second. */
#include "policy/rate/breaker.h"

bool rate_breaker_fail(struct rate_breaker *breaker, int64_t now_ns)
{
    unsigned slot = breaker->failure_count % RATE_BREAKER_FAILURES;

    if (breaker->is_open)
        return false;
    breaker->failures[slot] = now_ns;
    breaker->failure_count++;
    /* The next slot holds the oldest of the last three. */
    if (breaker->failure_count < RATE_BREAKER_FAILURES ||
        now_ns - breaker->failures[(slot + 1) % RATE_BREAKER_FAILURES] > RATE_BREAKER_SPAN_NS)
        return false;
    return rate_breaker_trip(breaker, now_ns);
}

bool rate_breaker_trip(struct rate_breaker *breaker, int64_t now_ns)
{
    if (breaker->is_open)
        return false;
    breaker->is_open = true;
    breaker->breaks++;
    breaker->probe_ns = now_ns;
    return true;
}

bool rate_breaker_succeed(struct rate_breaker *breaker)
{
    bool was_open = breaker->is_open;

    breaker->is_open = false;
    if (was_open)
        breaker->failure_count = 0;
    return was_open;
}

bool rate_breaker_take_probe(struct rate_breaker *breaker, int64_t now_ns)
{
    if (!breaker->is_open || now_ns - breaker->probe_ns < RATE_BREAKER_PROBE_NS)
        return false;
    breaker->probe_ns = now_ns;
    return true;
}
