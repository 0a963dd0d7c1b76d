/* See growth.h. Steps are reckoned in whole units, each from the one before it, rounded up: no step
 * stands still, and every machine reckons the same. */
#include "policy/rate/growth.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "policy/rate/limits.h"

enum {
    FACTOR_ONE = 1000,
    FACTOR_MIN = 1010,
    FACTOR_MAX = 100 * FACTOR_ONE,
};

/* "1.5" as 1500. */
static bool parse_factor(struct base_text text, int64_t *factor_r)
{
    struct base_text fraction = text;
    struct base_text whole = base_text_split(&fraction, '.');
    uint64_t value;
    uint64_t thousandths = 0;

    if (!base_text_to_uint(whole, FACTOR_MAX / FACTOR_ONE, &value) ||
        (fraction.data != NULL &&
         (fraction.length > 3 || !base_text_to_uint(fraction, 999, &thousandths))))
        return false;
    for (size_t i = fraction.length; fraction.data != NULL && i < 3; i++)
        thousandths *= 10;
    *factor_r = (int64_t)(value * FACTOR_ONE + thousandths);
    return *factor_r >= FACTOR_MIN && *factor_r <= FACTOR_MAX;
}

const char *rate_growth_parse(struct base_text text, struct rate_growth *growth_r)
{
    struct base_text period = base_text_trim(text);
    struct base_text factor = base_text_split(&period, '/');
    struct rate_limit limit;
    char room[RATE_TEXT_SIZE];

    if (!parse_factor(base_text_trim(factor), &growth_r->factor) || period.data == NULL)
        return "is no growth: write a factor from 1.01 to 100, a slash and a "
               "time, for example \"1.5/1d\"";
    if (period.length + 3 > sizeof(room))
        return "has no time behind the slash: write for example \"1.5/1d\"";
    (void)snprintf(room, sizeof(room), "1/%.*s", (int)period.length, period.data);
    if (rate_limit_parse(base_text_of(room), RATE_UNIT_ONE, &limit) != NULL)
        return "has no time behind the slash: write for example \"1.5/1d\"";
    growth_r->period_s = limit.length_ns / BASE_NS_PER_S;
    return NULL;
}

const char *rate_growth_parse_since(const char *text, struct rate_growth *growth_r)
{
    char room[32];

    if (base_clock_parse_rfc3339(text, &growth_r->since_s))
        return NULL;
    if (strlen(text) == strlen("2026-12-01")) {
        (void)snprintf(room, sizeof(room), "%sT00:00:00Z", text);
        if (base_clock_parse_rfc3339(room, &growth_r->since_s))
            return NULL;
    }
    return "is no day: write for example \"2026-12-01\"";
}

/* `until` is in reach of a 56-bit number, the product is not always. */
static int64_t grow(const struct rate_growth *growth, int64_t limit)
{
    int64_t grown;

    if (__builtin_mul_overflow(limit, growth->factor, &grown))
        return growth->until;
    grown = (grown + FACTOR_ONE - 1) / FACTOR_ONE;
    return grown < growth->until ? grown : growth->until;
}

int64_t rate_growth_limit(const struct rate_growth *growth, int64_t wall_s)
{
    int64_t limit = growth->first.limit;

    if (wall_s < growth->since_s)
        return limit;
    /* Each step adds one at least, and a hundredth: a few thousand of them reach any limit. */
    for (int64_t steps = (wall_s - growth->since_s) / growth->period_s;
         steps > 0 && limit < growth->until; steps--)
        limit = grow(growth, limit);
    return limit;
}

bool rate_growth_step(const struct rate_growth *growth, unsigned number, int64_t *begin_s_r,
                      int64_t *limit_r)
{
    int64_t limit = growth->first.limit;

    for (unsigned i = 0; i < number; i++) {
        if (limit >= growth->until)
            return false;
        limit = grow(growth, limit);
    }
    *begin_s_r = growth->since_s + number * growth->period_s;
    *limit_r = limit;
    return true;
}
