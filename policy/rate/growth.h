/* Warm-up: the limit of a new address or domain, which grows by a factor each period until it is
 * what it shall be: "50/1d", growing by "1.5/1d" until "100000/1d". By the wall clock, in steps. */
#ifndef POLICY_RATE_GROWTH_H
#define POLICY_RATE_GROWTH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "policy/rate/store.h"

struct rate_growth {
    /* What it begins with, and ends with: of the same length. */
    struct rate_limit first;
    int64_t until;
    /* In thousandths. */
    int64_t factor;
    int64_t period_s;
    /* Seconds since 1970. */
    int64_t since_s;
};

/* "1.5/1d": a factor with at most three digits behind the point, from 1.01 to 100, and a period.
 * NULL, or what is wrong, in words with the mend. */
const char *rate_growth_parse(struct base_text text, struct rate_growth *growth_r);
/* "2026-12-01", at 0:00 UTC, or a time as RFC 3339 has it; the like. */
const char *rate_growth_parse_since(const char *text, struct rate_growth *growth_r);

/* The limit in force then; before `since` the first. */
int64_t rate_growth_limit(const struct rate_growth *growth, int64_t wall_s);
/* Of step `number`, 0 the first: its limit, and when it begins; false: `until` was reached before
 * it. */
bool rate_growth_step(const struct rate_growth *growth, unsigned number, int64_t *begin_s_r,
                      int64_t *limit_r);

#endif
