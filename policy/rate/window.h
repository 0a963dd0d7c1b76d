/* "N/W": in any interval of length W at most N units are charged. Time is cut into sub-windows of
 * W/16; what was charged in the current one and in the sixteen before it counts, so that the one
 * that is expiring counts whole: never more than N, and never a wait that is more than W/16 too
 * long. A ring of 17 counters of 2, 4 or 8 octets in the caller's storage. Times are nanoseconds of
 * a clock that never goes back; should it, what was charged stays charged. */
#ifndef POLICY_RATE_WINDOW_H
#define POLICY_RATE_WINDOW_H

#include <stddef.h>
#include <stdint.h>

/* Sub-windows of W, and the ring that holds them and the one that is expiring. */
#define RATE_SUBWINDOWS 16
#define RATE_SLOTS      (RATE_SUBWINDOWS + 1)
/* The most that a limit may say: sums of slots and one more amount stay far from an overflow. */
#define RATE_LIMIT_MAX (INT64_C(1) << 56)
/* A thousand years of nanoseconds do not overflow; a window is at most a year. */
#define RATE_LENGTH_MAX_NS (INT64_C(366) * 86400 * 1000000000)

/* At most `limit` units in any interval of `length_ns`, a multiple of 16. With `percent` it is a
 * share: over is what counts `limit` units or more, and more than so much of what another window
 * of the same length, its whole, counts. */
struct rate_limit {
    int64_t limit;
    int64_t length_ns;
    int64_t percent;
};

/* Of a share: the least that is over it, where the whole counts so many. */
int64_t rate_limit_least(const struct rate_limit *limit, int64_t whole);

/* How much of a limit is used, in thousandths. */
int64_t rate_window_share(int64_t used, int64_t limit);

/* `width` 1, 2 or 3: counters of 2, 4 or 8 octets. What does not fit stays at the highest. */
unsigned rate_window_width(int64_t limit);
/* Octets of a ring, a multiple of 8; it begins zeroed, aligned to 8. */
size_t rate_window_size(unsigned width);

/* The number of the sub-window at that time. */
int64_t rate_window_slot(const struct rate_limit *limit, int64_t now_ns);
/* Charged in the last W and what of the expiring sub-window is left. */
int64_t rate_window_used(const void *window, unsigned width, const struct rate_limit *limit,
                         int64_t now_ns);
void rate_window_charge(void *window, unsigned width, const struct rate_limit *limit,
                        int64_t now_ns, int64_t amount);
/* Gives back what was charged at `charged_ns`, to the sub-window that was charged; nothing if that
 * has expired. */
void rate_window_give_back(void *window, unsigned width, const struct rate_limit *limit,
                           int64_t charged_ns, int64_t amount);
/* What one sub-window has been charged; 0 where the ring does not have it. */
int64_t rate_window_count(const void *window, unsigned width, int64_t slot);
/* How long until `amount` more fit, 0: now; -1: never, it is more than the limit. */
int64_t rate_window_wait(const void *window, unsigned width, const struct rate_limit *limit,
                         int64_t now_ns, int64_t amount);
/* Charges `to` with all that `from`, of another width or length, still counts: when the limit of a
 * key was changed. Each sub-window goes where its end is. */
void rate_window_move(void *to, unsigned to_width, const struct rate_limit *to_limit,
                      const void *from, unsigned from_width, const struct rate_limit *from_limit);

#endif
