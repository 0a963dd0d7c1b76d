/* Our own count of sessions and of messages under way: libmilter has none, and its main function
 * returns without waiting for either. Thread-safe. */
#ifndef FILTER_COUNT_H
#define FILTER_COUNT_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

struct filter_count {
    const struct base_clock *clock;
    pthread_mutex_t mutex;
    /* A message ended. */
    pthread_cond_t ended;
    unsigned sessions;
    /* Between MAIL and the reply that ends it; `refused` are those that came while draining. */
    unsigned under_way;
    unsigned refused;
    bool is_draining;
    bool has_ended;
    int64_t last_end_ns;
    uint64_t messages_total;
    uint64_t sessions_total;
    uint64_t sessions_refused;
};

struct filter_numbers {
    bool is_draining;
    uint64_t sessions_total;
    /* For `sessions-max`. */
    uint64_t sessions_refused;
    unsigned sessions;
    unsigned under_way;
    unsigned refused;
    uint64_t messages_total;
};

/* `clock` is borrowed. */
void filter_count_init(struct filter_count *count, const struct base_clock *clock);
void filter_count_deinit(struct filter_count *count);

/* Counts one more session in any case; false when it is more than `max`. */
bool filter_count_begin_session(struct filter_count *count, int64_t max);
void filter_count_end_session(struct filter_count *count);

/* True: one more message is under way. False: we are shutting down, it was counted as refused. */
bool filter_count_begin_message(struct filter_count *count);
/* `is_refused`: what begin_message() returned was false. */
void filter_count_end_message(struct filter_count *count, bool is_refused);

/* From now on new messages are refused. */
void filter_count_drain(struct filter_count *count);
/* Waits at most `timeout_ns` until nothing is under way (and, with `want_refused_too`, no refused
 * message waits for its answer) and nothing has ended within the last `quiet_ns`: libmilter writes
 * a reply after the callback has returned. False on time-out. */
bool filter_count_wait_drained(struct filter_count *count, bool want_refused_too, int64_t quiet_ns,
                               int64_t timeout_ns);

struct filter_numbers filter_count_read(struct filter_count *count);

#endif
