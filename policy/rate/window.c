/* See window.h for what is promised. Why seventeen: an interval of length W that ends in sub-window
 * k begins in k-16 at the earliest, so the sum over k-16 to k bounds what lies in it. */
#include "policy/rate/window.h"

#include <string.h>

/* Followed by the counters, RATE_SLOTS of them; slot number n stands at n modulo RATE_SLOTS. */
struct ring {
    /* The highest slot number that was charged. */
    int64_t newest;
};

int64_t rate_limit_least(const struct rate_limit *limit, int64_t whole)
{
    int64_t more = limit->percent * whole / 100 + 1;

    return more > limit->limit ? more : limit->limit;
}

int64_t rate_window_share(int64_t used, int64_t limit)
{
    if (limit <= 0)
        return 1000;
    return used > INT64_MAX / 1000 ? used / (limit / 1000 + 1) : used * 1000 / limit;
}

unsigned rate_window_width(int64_t limit)
{
    if (limit <= UINT16_MAX)
        return 1;
    return limit <= UINT32_MAX ? 2 : 3;
}

size_t rate_window_size(unsigned width)
{
    return (sizeof(struct ring) + ((size_t)RATE_SLOTS << width) + 7) & ~(size_t)7;
}

int64_t rate_window_slot(const struct rate_limit *limit, int64_t now_ns)
{
    return now_ns / (limit->length_ns / RATE_SUBWINDOWS);
}

static int64_t slot_end_ns(const struct rate_limit *limit, int64_t slot)
{
    return (slot + 1) * (limit->length_ns / RATE_SUBWINDOWS);
}

static int64_t newest_of(const void *window)
{
    return ((const struct ring *)window)->newest;
}

static int64_t get(const void *window, unsigned width, int64_t slot)
{
    const char *counters = (const char *)window + sizeof(struct ring);
    size_t at = (size_t)(slot % RATE_SLOTS);

    if (width == 1)
        return ((const uint16_t *)(const void *)counters)[at];
    if (width == 2)
        return ((const uint32_t *)(const void *)counters)[at];
    return (int64_t)((const uint64_t *)(const void *)counters)[at];
}

static void set(void *window, unsigned width, int64_t slot, int64_t value)
{
    char *counters = (char *)window + sizeof(struct ring);
    size_t at = (size_t)(slot % RATE_SLOTS);

    if (width == 1)
        ((uint16_t *)(void *)counters)[at] = value > UINT16_MAX ? UINT16_MAX : (uint16_t)value;
    else if (width == 2)
        ((uint32_t *)(void *)counters)[at] = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    else
        ((uint64_t *)(void *)counters)[at] = (uint64_t)value;
}

/* The oldest slot number that counts. */
static int64_t oldest_at(const struct rate_limit *limit, int64_t now_ns)
{
    return rate_window_slot(limit, now_ns) - RATE_SUBWINDOWS;
}

/* The first of them that the ring still has. */
static int64_t first_at(const void *window, const struct rate_limit *limit, int64_t now_ns)
{
    int64_t oldest = oldest_at(limit, now_ns);
    int64_t kept = newest_of(window) - RATE_SUBWINDOWS;

    if (kept > oldest)
        oldest = kept;
    return oldest < 0 ? 0 : oldest;
}

int64_t rate_window_used(const void *window, unsigned width, const struct rate_limit *limit,
                         int64_t now_ns)
{
    int64_t sum = 0;

    for (int64_t slot = first_at(window, limit, now_ns); slot <= newest_of(window); slot++)
        sum += get(window, width, slot);
    return sum;
}

/* Makes `slot` the newest, what is between is empty. */
static void advance(void *window, unsigned width, int64_t slot)
{
    struct ring *ring = window;

    if (slot - ring->newest >= RATE_SLOTS) {
        memset(ring + 1, 0, (size_t)RATE_SLOTS << width);
        ring->newest = slot;
    }
    while (ring->newest < slot)
        set(window, width, ++ring->newest, 0);
}

/* A counter that was restored may be anything. */
static int64_t add(int64_t count, int64_t amount)
{
    if (amount >= RATE_LIMIT_MAX || count >= RATE_LIMIT_MAX - amount)
        return RATE_LIMIT_MAX;
    return count + amount;
}

void rate_window_charge(void *window, unsigned width, const struct rate_limit *limit,
                        int64_t now_ns, int64_t amount)
{
    int64_t slot = rate_window_slot(limit, now_ns);

    advance(window, width, slot);
    /* Only past slots are asked for by rate_window_move(), and by a clock that went back. */
    if (slot < 0 || newest_of(window) - slot >= RATE_SLOTS)
        return;
    set(window, width, slot, add(get(window, width, slot), amount));
}

void rate_window_give_back(void *window, unsigned width, const struct rate_limit *limit,
                           int64_t charged_ns, int64_t amount)
{
    int64_t slot = rate_window_slot(limit, charged_ns);
    int64_t count;

    if (slot > newest_of(window) || newest_of(window) - slot >= RATE_SLOTS)
        return;
    count = get(window, width, slot);
    set(window, width, slot, count > amount ? count - amount : 0);
}

int64_t rate_window_count(const void *window, unsigned width, int64_t slot)
{
    int64_t newest = newest_of(window);

    return slot < 0 || slot > newest || newest - slot >= RATE_SLOTS ? 0 : get(window, width, slot);
}

int64_t rate_window_wait(const void *window, unsigned width, const struct rate_limit *limit,
                         int64_t now_ns, int64_t amount)
{
    int64_t over = rate_window_used(window, width, limit, now_ns) + amount - limit->limit;
    int64_t slot = first_at(window, limit, now_ns);

    if (over <= 0)
        return 0;
    if (amount > limit->limit)
        return -1;
    for (; slot <= newest_of(window); slot++) {
        over -= get(window, width, slot);
        if (over <= 0)
            break;
    }
    return slot_end_ns(limit, slot + RATE_SUBWINDOWS) - now_ns;
}

void rate_window_move(void *to, unsigned to_width, const struct rate_limit *to_limit,
                      const void *from, unsigned from_width, const struct rate_limit *from_limit)
{
    int64_t newest = newest_of(from);

    for (int64_t slot = newest < RATE_SUBWINDOWS ? 0 : newest - RATE_SUBWINDOWS; slot <= newest;
         slot++) {
        int64_t count = get(from, from_width, slot);

        if (count > 0)
            rate_window_charge(to, to_width, to_limit, slot_end_ns(from_limit, slot) - 1, count);
    }
}
