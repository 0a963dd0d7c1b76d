/* What the parts of the shared store have in common: what it knows (shared.c), and what it sends
 * when the server is there again (shared_send.c). */
#ifndef POLICY_RATE_SHARED_PRIVATE_H
#define POLICY_RATE_SHARED_PRIVATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "policy/rate/backlog.h"
#include "policy/rate/breaker.h"
#include "policy/rate/known.h"
#include "policy/rate/shared_call.h"
#include "policy/rate/store.h"
#include "store/redis.h"

/* Off the way of messages one may wait longer. */
#define RATE_SHARED_BACKGROUND_NS (2 * BASE_NS_PER_S)

enum rate_shared_phase {
    /* The store decides. */
    PHASE_SHARED,
    /* It is away, or has not heard yet of all that was admitted meanwhile: this host decides. */
    PHASE_LOCAL,
    /* It has heard of all that this host has admitted, but other hosts may be behind: both decide.
     */
    PHASE_SETTLING,
};

/* A hold that is over, copied. */
struct rate_ended_hold {
    struct rate_digest digest;
    char name[RATE_NAME_MAX];
    char key[RATE_KEY_MAX];
    struct rate_status status;
    struct rate_windows windows;
};

struct rate_shared {
    struct rate_store store;
    struct store_redis *redis;
    struct store_hmac *hmac;
    const struct base_clock *clock;
    int64_t timeout_ns;
    int64_t lease_ns;
    unsigned hosts;
    /* Counts what is admitted while the store is away. */
    struct rate_store *local;

    pthread_t thread;
    /* rate_shared_flush() has waited for it. */
    bool is_joined;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_cond_t ended;
    /* All below is guarded. */
    struct rate_known *known;
    struct rate_breaker breaker;
    struct rate_backlog backlog;
    /* Of its last answer, and the one before; 0: none yet. */
    uint64_t epoch;
    uint64_t previous_epoch;
    /* What time it was there, and when that was here. */
    int64_t server_us;
    int64_t server_heard_ns;
    enum rate_shared_phase phase;
    int64_t settled_ns;
    /* Local counts begin again when all of them have been added, and are known from the store. */
    uint64_t generation;
    bool is_generation_used;
    bool is_stopping;
    bool is_ended;
    /* An entry of the backlog is under way. */
    bool is_sending;
    /* One that the store has to be asked about; and those that nobody has been told of. */
    bool is_hold_ending;
    struct rate_ended_hold ending;
    size_t ended_count;
    struct rate_ended_hold *ended_holds;
    uint64_t failures;
    char fault[200];
};

static inline void rate_shared_lock(struct rate_shared *shared)
{
    (void)pthread_mutex_lock(&shared->lock);
}

static inline void rate_shared_unlock(struct rate_shared *shared)
{
    (void)pthread_mutex_unlock(&shared->lock);
}

/* A call that says when it is; the caller ends it with rate_call_deinit(). */
void rate_shared_begin_call(struct rate_shared *shared, struct rate_call *call, const char *what);
/* Says it; the breaker hears how it went. */
enum store_redis_status rate_shared_run(struct rate_shared *shared, const struct rate_call *call,
                                        int64_t timeout_ns, struct store_redis_reply *reply);
void rate_shared_note_failure(struct rate_shared *shared, const char *fault);
/* With the least that this host knows of its key. */
void rate_shared_say_item(struct rate_shared *shared, struct rate_call *call,
                          const struct rate_digest *digest, const struct rate_item *item,
                          uint64_t value, bool has_value);
enum store_redis_status rate_shared_say_end(struct rate_shared *shared, const uint64_t id[2],
                                            bool is_commit, int64_t timeout_ns);
/* Guarded: the counts of a break begin anew. */
void rate_shared_forget_local(struct rate_shared *shared);

/* The next of what the store has to be told. False: there is nothing, or it does not answer. */
bool rate_shared_send_one(struct rate_shared *shared);
/* Whether it answers, and in time. */
void rate_shared_probe(struct rate_shared *shared);

#endif
