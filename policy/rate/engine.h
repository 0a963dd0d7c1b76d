/* The embedded store: in this process, within bounded memory, sharded so that threads seldom wait
 * for each other. Windows run on the monotonic clock: setting the wall clock frees nobody and locks
 * nobody out. A decision looks at all its keys under the locks of their shards, so that counts are
 * exact whatever runs beside it; it waits for nothing else. */
#ifndef POLICY_RATE_ENGINE_H
#define POLICY_RATE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "policy/rate/store.h"

struct base_clock;

/* The least memory: below it a table of its size would forget everything at once. */
#define RATE_MEMORY_MIN (INT64_C(1) << 20)

/* What is worth keeping over a restart. Times are the engine's: rate_engine_now(). */
struct rate_change {
    enum rate_change_kind {
        /* `amount` units, or `value`, of a message that was accepted. */
        RATE_CHANGE_COUNTED,
        /* Held until `until_ns` (RATE_FOREVER: until it is released; 0: no more). */
        RATE_CHANGE_HELD,
        /* Forget it all. */
        RATE_CHANGE_RELEASED,
    } kind;
    struct base_text name;
    struct base_text key;
    bool is_distinct;
    const struct rate_windows *windows;
    /* To be restored: of which of them; a change is one of all. */
    unsigned window;
    int64_t time_ns;
    int64_t amount;
    uint64_t value;
    int64_t until_ns;
};

struct rate_engine_options {
    /* For keys, at least RATE_MEMORY_MIN; what is around them takes an eighth more. */
    size_t memory;
    /* Borrowed; must outlive the engine. */
    const struct base_clock *clock;
    /* Of the hash; both 0: drawn. It must be the same where values of before are restored. */
    uint64_t seed[2];
    /* Added to the monotonic clock to give the engine's time; 0: such that it begins as the wall
     * clock. */
    int64_t epoch_ns;
    /* Told of what is worth keeping, under a lock: it must be quick, and may not call the engine.
     * NULL: nothing is kept. */
    void (*changed)(void *context, const struct rate_change *change);
    void *context;
};

/* Never NULL. */
struct rate_store *rate_engine_create(const struct rate_engine_options *options);

int64_t rate_engine_now(const struct rate_store *store);
int64_t rate_engine_epoch(const struct rate_store *store);
void rate_engine_seed(const struct rate_store *store, uint64_t seed_r[2]);
/* What was kept of one window, or that the key is held. Times of the future are now: nobody is
 * locked out for longer than W, nobody is freed. */
void rate_engine_restore(struct rate_store *store, const struct rate_change *change);

#endif
