#include "filter/count.h"

#include <time.h>

#include "base/panic.h"

void filter_count_init(struct filter_count *count, const struct base_clock *clock)
{
    *count = (struct filter_count){.clock = clock};
    if (pthread_mutex_init(&count->mutex, NULL) != 0 ||
        pthread_cond_init(&count->ended, NULL) != 0) {
        base_panic("no mutex for the count of messages");
    }
}

void filter_count_deinit(struct filter_count *count)
{
    pthread_cond_destroy(&count->ended);
    pthread_mutex_destroy(&count->mutex);
}

bool filter_count_begin_session(struct filter_count *count, int64_t max)
{
    bool is_within;

    pthread_mutex_lock(&count->mutex);
    count->sessions++;
    count->sessions_total++;
    is_within = (int64_t)count->sessions <= max;
    count->sessions_refused += !is_within;
    pthread_mutex_unlock(&count->mutex);
    return is_within;
}

void filter_count_end_session(struct filter_count *count)
{
    pthread_mutex_lock(&count->mutex);
    if (count->sessions == 0) {
        base_panic("a session ended that was not counted");
    }
    count->sessions--;
    pthread_mutex_unlock(&count->mutex);
}

bool filter_count_begin_message(struct filter_count *count)
{
    bool is_draining;

    pthread_mutex_lock(&count->mutex);
    is_draining = count->is_draining;
    if (is_draining) {
        count->refused++;
    } else {
        count->under_way++;
        count->messages_total++;
    }
    pthread_mutex_unlock(&count->mutex);
    return !is_draining;
}

void filter_count_end_message(struct filter_count *count, bool is_refused)
{
    unsigned *number = is_refused ? &count->refused : &count->under_way;

    pthread_mutex_lock(&count->mutex);
    if (*number == 0) {
        base_panic("a message ended that was not counted");
    }
    (*number)--;
    count->has_ended = true;
    count->last_end_ns = base_clock_mono_ns(count->clock);
    pthread_cond_broadcast(&count->ended);
    pthread_mutex_unlock(&count->mutex);
}

void filter_count_drain(struct filter_count *count)
{
    pthread_mutex_lock(&count->mutex);
    count->is_draining = true;
    pthread_mutex_unlock(&count->mutex);
}

static void wait_until(struct filter_count *count, int64_t until_ns)
{
    struct timespec until = {.tv_sec = (time_t)(until_ns / BASE_NS_PER_S),
                             .tv_nsec = (long)(until_ns % BASE_NS_PER_S)};

    pthread_cond_clockwait(&count->ended, &count->mutex, CLOCK_MONOTONIC, &until);
}

bool filter_count_wait_drained(struct filter_count *count, bool want_refused_too, int64_t quiet_ns,
                               int64_t timeout_ns)
{
    int64_t deadline_ns = base_clock_mono_ns(count->clock) + timeout_ns;
    bool is_drained = false;

    pthread_mutex_lock(&count->mutex);
    for (;;) {
        int64_t now_ns = base_clock_mono_ns(count->clock);
        bool is_empty = count->under_way == 0 && (!want_refused_too || count->refused == 0);
        int64_t until_ns = deadline_ns;

        if (is_empty) {
            int64_t quiet_at_ns = count->has_ended ? count->last_end_ns + quiet_ns : now_ns;

            if (quiet_at_ns <= now_ns) {
                is_drained = true;
                break;
            }
            until_ns = quiet_at_ns < deadline_ns ? quiet_at_ns : deadline_ns;
        }
        if (now_ns >= deadline_ns) {
            break;
        }
        wait_until(count, until_ns);
    }
    pthread_mutex_unlock(&count->mutex);
    return is_drained;
}

struct filter_numbers filter_count_read(struct filter_count *count)
{
    struct filter_numbers numbers;

    pthread_mutex_lock(&count->mutex);
    numbers = (struct filter_numbers){.is_draining = count->is_draining,
                                      .sessions_total = count->sessions_total,
                                      .sessions_refused = count->sessions_refused,
                                      .sessions = count->sessions,
                                      .under_way = count->under_way,
                                      .refused = count->refused,
                                      .messages_total = count->messages_total};
    pthread_mutex_unlock(&count->mutex);
    return numbers;
}
