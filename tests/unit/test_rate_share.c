/* Shares: what of a whole may come back. Against a model at random times; the wait is exact; order
 * plays no part; nobody is over below the least; holding, releasing, and a restart. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/rate/engine.h"
#include "policy/rate/entry.h"
#include "policy/rate/limits.h"
#include "policy/rate/rates.h"
#include "policy/rate/state.h"

#define S     BASE_NS_PER_S
#define HOUR  (3600 * S)
#define START INT64_C(1790000000)

enum {
    LEAST = 5,
    PERCENT = 20,
};

static const struct rate_windows fifth = {.count = 1, .at = {{LEAST, HOUR, PERCENT}}};

static struct rate_store *create(const struct base_clock *clock)
{
    return rate_engine_create(&(struct rate_engine_options){.clock = clock, .seed = {5, 6}});
}

struct ask {
    struct rate_store *store;
    const struct rate_windows *windows;
    const char *key;
    int64_t hold_ns;
    unsigned warn_percent;
};

/* So many came back, and so many were sent, in one call; the share's item as it was answered. */
static struct rate_item tell(const struct ask *ask, int64_t bounces, int64_t sent)
{
    struct rate_reservation reservation = {NULL};
    struct rate_windows wholes;
    struct rate_item items[2] = {
        {.name = BASE_TEXT("r"),
         .key = base_text_of(ask->key),
         .windows = ask->windows,
         .amount = bounces,
         .hold_ns = ask->hold_ns,
         .warn_percent = ask->warn_percent},
        {.name = BASE_TEXT("\002r"),
         .key = base_text_of(ask->key),
         .windows = &wholes,
         .amount = sent},
    };

    rate_windows_make_whole(ask->windows, &wholes);
    assert_true(rate_store_charge(ask->store, &reservation, items, 2));
    assert_int_equal(items[1].answer, RATE_FREE);
    rate_store_commit(ask->store, &reservation);
    return items[0];
}

static void test_steps(void **state)
{
    static const struct {
        int64_t bounces;
        int64_t sent;
        enum rate_answer want;
        int64_t used;
        int64_t whole;
    } rows[] = {
        {0, 0, RATE_FREE, 0, 0},
        {1, 2, RATE_FREE, 0, 0},
        /* All of it, and still too few. */
        {3, 2, RATE_FREE, 1, 2},
        {0, 0, RATE_FREE, 4, 4},
        /* The fifth of four; what is over is counted all the same. */
        {1, 0, RATE_OVER, 4, 4},
        {1, 0, RATE_OVER, 5, 4},
        /* Judged before what this call sends. */
        {0, 20, RATE_OVER, 6, 4},
        {0, 5, RATE_OVER, 6, 24},
        /* Six of twenty-nine are more than a fifth, of thirty a fifth. */
        {0, 1, RATE_OVER, 6, 29},
        {0, 0, RATE_FREE, 6, 30},
        {1, 0, RATE_OVER, 6, 30},
        {0, 70, RATE_OVER, 7, 30},
        {13, 0, RATE_FREE, 7, 100},
        {1, 0, RATE_OVER, 20, 100},
    };
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.store = create(&clock), .windows = &fifth, .key = "k"};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rate_item got = tell(&ask, rows[i].bounces, rows[i].sent);

        if (got.answer != rows[i].want || got.used != rows[i].used || got.whole != rows[i].whole)
            fail_msg("row %zu: %d, %lld of %lld", i, got.answer, (long long)got.used,
                     (long long)got.whole);
    }
    rate_store_destroy(&ask.store);
}

/* --- against a model -----------------------------------------------------------------------------
 */

enum {
    EVENTS = 400
};

struct event {
    int64_t time_ns;
    int64_t bounces;
    int64_t sent;
};

static int64_t sum(const struct event *events, size_t count, int64_t now_ns, bool is_sent)
{
    int64_t total = 0;

    for (size_t i = 0; i < count; i++)
        if (events[i].time_ns / (HOUR / 16) >= now_ns / (HOUR / 16) - 16)
            total += is_sent ? events[i].sent : events[i].bounces;
    return total;
}

static bool is_over(const struct event *events, size_t count, int64_t now_ns)
{
    int64_t bounces = sum(events, count, now_ns, false);

    return bounces >= LEAST && bounces * 100 > PERCENT * sum(events, count, now_ns, true);
}

static void check_wait(const struct rate_item *item, const struct event *events, size_t count,
                       int64_t now_ns)
{
    assert_true(item->wait_ns > 0 && item->wait_ns <= HOUR + HOUR / 16);
    assert_false(is_over(events, count, now_ns + item->wait_ns));
    /* Nothing before: it is over in each sub-window until then. */
    for (int64_t at = 0; at < item->wait_ns; at += HOUR / 16)
        assert_true(is_over(events, count, now_ns + at));
    assert_true(is_over(events, count, now_ns + item->wait_ns - 1));
}

static void test_model(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 60; seed++) {
        struct base_clock clock = base_clock_manual(START);
        struct ask ask = {.store = create(&clock), .windows = &fifth, .key = "k"};
        struct event events[EVENTS];
        unsigned overs = 0;
        unsigned random = seed;

        for (size_t i = 0; i < EVENTS; i++) {
            struct rate_item got;
            int64_t now_ns;

            base_clock_advance(&clock, (int64_t)(rand_r(&random) % 400) * S);
            now_ns = rate_engine_now(ask.store);
            events[i] = (struct event){.time_ns = now_ns,
                                       .bounces = rand_r(&random) % 3,
                                       .sent = rand_r(&random) % (int)(1 + seed % 12)};
            (void)tell(&ask, events[i].bounces, events[i].sent);
            got = tell(&ask, 0, 0);
            assert_int_equal(got.used, sum(events, i + 1, now_ns, false));
            assert_int_equal(got.whole, sum(events, i + 1, now_ns, true));
            if ((got.answer == RATE_OVER) != is_over(events, i + 1, now_ns))
                fail_msg("seed %u, event %zu: %d", seed, i, got.answer);
            if (got.used < LEAST)
                assert_int_equal(got.answer, RATE_FREE);
            if (got.answer == RATE_OVER) {
                check_wait(&got, events, i + 1, now_ns);
                overs++;
            }
        }
        /* Rest. */
        base_clock_advance(&clock, HOUR + HOUR / 16);
        assert_int_equal(tell(&ask, LEAST - 1, 0).answer, RATE_FREE);
        rate_store_destroy(&ask.store);
        assert_true(seed % 12 > 8 || overs > 0);
    }
}

/* The same in another order: the end is the same. */
static void test_order(void **state)
{
    static const int64_t events[][2] = {{1, 0}, {0, 9}, {3, 1}, {0, 0}, {2, 7}, {4, 0}, {0, 30}};
    enum {
        COUNT = sizeof(events) / sizeof(events[0])
    };
    struct base_clock clock = base_clock_manual(START);

    (void)state;
    for (unsigned seed = 0; seed < 200; seed++) {
        struct ask ask = {.store = create(&clock), .windows = &fifth, .key = "k"};
        unsigned random = seed;
        size_t order[COUNT];
        struct rate_item got;

        for (size_t i = 0; i < COUNT; i++) {
            size_t at = (size_t)rand_r(&random) % (i + 1);

            order[i] = order[at];
            order[at] = i;
        }
        for (size_t i = 0; i < COUNT; i++)
            (void)tell(&ask, events[order[i]][0], events[order[i]][1]);
        got = tell(&ask, 0, 0);
        assert_int_equal(got.answer, RATE_OVER);
        assert_int_equal(got.used, 10);
        assert_int_equal(got.whole, 47);
        rate_store_destroy(&ask.store);
    }
}

/* --- several windows, holds, warnings, restarts
 * --------------------------------------------------- */

static void test_windows(void **state)
{
    static const struct rate_windows windows = {.count = 2,
                                                .at = {{LEAST, HOUR, 50}, {LEAST, 16 * HOUR, 10}}};
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.store = create(&clock), .windows = &windows, .key = "k"};
    struct rate_item got;

    (void)state;
    (void)tell(&ask, 0, 100);
    got = tell(&ask, 10, 0);
    assert_int_equal(got.answer, RATE_FREE);
    got = tell(&ask, 1, 0);
    assert_int_equal(got.answer, RATE_OVER);
    assert_int_equal(got.window, 1);
    base_clock_advance(&clock, 2 * HOUR);
    (void)tell(&ask, 0, 900);
    base_clock_advance(&clock, 2 * HOUR);
    /* Little of the day, much of the hour. */
    got = tell(&ask, LEAST, LEAST);
    assert_int_equal(got.answer, RATE_OVER);
    assert_int_equal(got.window, 0);
    rate_store_destroy(&ask.store);
}

static void test_hold(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.store = create(&clock),
                      .windows = &fifth,
                      .key = "k",
                      .hold_ns = 2 * HOUR,
                      .warn_percent = 50};
    struct rate_item got;

    (void)state;
    got = tell(&ask, 2, 10);
    assert_false(got.is_warning_due);
    got = tell(&ask, 2, 0);
    assert_true(got.is_warning_due && !got.is_newly_blocked);
    got = tell(&ask, 1, 0);
    assert_int_equal(got.answer, RATE_HELD);
    assert_true(got.is_newly_blocked && !got.is_warning_due);
    /* What comes back meanwhile is counted. */
    got = tell(&ask, 1, 0);
    assert_int_equal(got.answer, RATE_HELD);
    assert_false(got.is_newly_blocked);
    assert_int_equal(got.used, 5);
    /* Sending more does not end it. */
    got = tell(&ask, 0, 1000);
    assert_int_equal(tell(&ask, 0, 0).answer, RATE_HELD);
    base_clock_advance(&clock, 2 * HOUR);
    assert_int_equal(tell(&ask, 0, 0).answer, RATE_FREE);
    /* Released: what was sent is not forgotten, what still comes back of it is of it. */
    (void)tell(&ask, 0, 100);
    assert_int_equal(tell(&ask, 21, 0).answer, RATE_HELD);
    assert_int_equal(rate_store_release(ask.store, (struct base_text){NULL, 0}, BASE_TEXT("k")), 1);
    got = tell(&ask, 20, 0);
    assert_int_equal(got.answer, RATE_FREE);
    assert_int_equal(got.whole, 100);
    assert_int_equal(tell(&ask, 1, 0).answer, RATE_HELD);
    rate_store_destroy(&ask.store);
}

/* The limit is another one from now on: what was counted counts on. */
static void test_changed(void **state)
{
    static const struct rate_windows other = {.count = 1, .at = {{LEAST, 2 * HOUR, 30}}};
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.store = create(&clock), .windows = &fifth, .key = "k"};
    struct rate_item got;

    (void)state;
    assert_int_equal(tell(&ask, 30, 100).answer, RATE_OVER);
    ask.windows = &other;
    got = tell(&ask, 0, 0);
    assert_int_equal(got.answer, RATE_FREE);
    assert_int_equal(got.used, 30);
    assert_int_equal(got.whole, 100);
    rate_store_destroy(&ask.store);
}

/* What is known from elsewhere counts, also of a key that is not known here. */
static void test_elsewhere(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock);
    struct rate_reservation reservation = {NULL};
    struct rate_windows wholes;
    struct rate_item items[2] = {
        {.name = BASE_TEXT("r"), .key = BASE_TEXT("k"), .windows = &fifth, .elsewhere = {30}},
        {.name = BASE_TEXT("\002r"), .key = BASE_TEXT("k"), .windows = &wholes, .elsewhere = {149}},
    };

    (void)state;
    rate_windows_make_whole(&fifth, &wholes);
    assert_true(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[0].answer, RATE_OVER);
    assert_int_equal(items[0].used, 30);
    assert_int_equal(items[0].whole, 149);
    items[1].elsewhere[0]++;
    assert_true(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[0].answer, RATE_FREE);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void must_meter(struct rate_store *store, int64_t amount, int64_t used)
{
    static const struct rate_windows windows = {.count = 1, .at = {{2000000000, 24 * HOUR, 0}}};
    struct rate_reservation reservation = {NULL};
    struct rate_item one = {.name = BASE_TEXT("\001bulk"),
                            .key = BASE_TEXT("example.org|x"),
                            .windows = &windows,
                            .amount = amount};

    (void)rate_store_charge(store, &reservation, &one, 1);
    rate_store_commit(store, &reservation);
    assert_int_equal(one.used, used);
}

/* A full memory forgets keys of the configuration's before it forgets what is never full: a whole,
 * or what the bulk-sender meter counts. */
static void test_eviction(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.store = create(&clock), .windows = &fifth, .key = "k"};
    struct rate_numbers numbers;

    (void)state;
    (void)tell(&ask, 1, 1000);
    must_meter(ask.store, 7, 0);
    for (unsigned i = 0; i < 20000; i++) {
        struct rate_reservation reservation = {NULL};
        const struct rate_windows ten = {.count = 1, .at = {{10, HOUR, 0}}};
        char key[16];
        struct rate_item one = {.name = BASE_TEXT("x"), .windows = &ten, .amount = 1 + i % 9};

        snprintf(key, sizeof(key), "%u", i);
        one.key = base_text_of(key);
        (void)rate_store_charge(ask.store, &reservation, &one, 1);
        rate_store_commit(ask.store, &reservation);
    }
    rate_store_numbers(ask.store, &numbers);
    assert_true(numbers.evicted > 5000);
    assert_int_equal(tell(&ask, 20, 0).whole, 1000);
    must_meter(ask.store, 0, 7);
    rate_store_destroy(&ask.store);
}

enum {
    THREADS = 6,
    CALLS = 400,
    KEYS = 5
};

static void ignore(void *context, const struct rate_status *status)
{
    (void)context;
    (void)status;
}

static void *tell_many(void *context)
{
    static const char *const keys[KEYS] = {"a", "b", "c", "d", "e"};
    struct ask ask = *(const struct ask *)context;

    for (int i = 0; i < CALLS * KEYS; i++) {
        ask.key = keys[i % KEYS];
        (void)tell(&ask, 1, 3);
        if (i % 50 == 0) {
            rate_store_list(ask.store, ignore, NULL);
            rate_store_end_holds(ask.store, ignore, NULL);
        }
    }
    return NULL;
}

/* A share and its whole lie in shards of their own: nothing is lost between threads. */
static void test_threads(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_engine_options options = {
        .memory = (size_t)64 << 20, .clock = &clock, .seed = {5, 6}};
    struct ask ask = {.store = rate_engine_create(&options),
                      .windows = &fifth,
                      .hold_ns = HOUR,
                      .warn_percent = 50};
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, tell_many, &ask), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (int i = 0; i < KEYS; i++) {
        char key[2] = {(char)('a' + i), '\0'};
        struct rate_item got;

        ask.key = key;
        got = tell(&ask, 0, 0);
        assert_int_equal(got.answer, RATE_HELD);
        assert_int_equal(got.used, THREADS * CALLS);
        assert_int_equal(got.whole, 3 * THREADS * CALLS);
    }
    rate_store_destroy(&ask.store);
}

static void test_restart(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct ask ask = {.windows = &fifth, .key = "k"};
    char path[] = "/tmp/postseal-share-XXXXXX";
    struct base_error error;

    (void)state;
    close(mkstemp(path));
    for (int i = 0; i < 2; i++) {
        struct rate_engine_options options = {.clock = &clock};
        struct rate_state *kept = rate_state_open(path, &error);
        struct rate_item got;

        assert_non_null(kept);
        rate_state_prepare(kept, &options);
        ask.store = rate_engine_create(&options);
        assert_true(rate_state_start(kept, ask.store, &error));
        if (i == 0)
            (void)tell(&ask, 7, 30);
        got = tell(&ask, 0, 0);
        assert_int_equal(got.used, 7);
        assert_int_equal(got.whole, 30);
        assert_int_equal(got.answer, RATE_OVER);
        rate_state_close(&kept);
        rate_store_destroy(&ask.store);
    }
    unlink(path);
}

/* As the administrator writes them. */
static void test_text(void **state)
{
    static const struct {
        const char *text;
        int64_t percent;
        const char *want;
    } rows[] = {
        {"20%/1d", 20, "20%/1d"},       {" 1 % / 60m ", 1, "1%/1h"},
        {"100%/1s", 100, "100%/1s"},    {"0%/1d", 0, "has no share"},
        {"101%/1d", 0, "has no share"}, {"20/1d", 0, "has no share"},
        {"-1%/1d", 0, "has no share"},  {"%/1d", 0, "has no share"},
        {"20%%/1d", 0, "has no share"}, {"20%", 0, "is no limit"},
        {"20%/x", 0, "has no time"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[RATE_TEXT_SIZE];
        struct rate_limit limit;
        const char *fault = rate_limit_parse(base_text_of(rows[i].text), RATE_UNIT_PERCENT, &limit);

        if ((fault == NULL) != (rows[i].percent > 0))
            fail_msg("\"%s\": %s", rows[i].text, fault == NULL ? "accepted" : fault);
        if (fault != NULL) {
            assert_memory_equal(fault, rows[i].want, strlen(rows[i].want));
            continue;
        }
        assert_int_equal(limit.percent, rows[i].percent);
        assert_string_equal(rate_limit_text(&limit, out), rows[i].want);
    }
}

/* Far from an overflow. */
static void test_least(void **state)
{
    static const struct rate_limit most = {.limit = 1, .length_ns = HOUR, .percent = 100};

    (void)state;
    assert_int_equal(rate_limit_least(&most, INT64_C(1) << 56), (INT64_C(1) << 56) + 1);
    assert_int_equal(rate_limit_least(&fifth.at[0], 0), LEAST);
    assert_int_equal(rate_limit_least(&fifth.at[0], 24), LEAST);
    assert_int_equal(rate_limit_least(&fifth.at[0], 25), LEAST + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),     cmocka_unit_test(test_model),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_windows),
        cmocka_unit_test(test_hold),      cmocka_unit_test(test_changed),
        cmocka_unit_test(test_elsewhere), cmocka_unit_test(test_eviction),
        cmocka_unit_test(test_threads),   cmocka_unit_test(test_restart),
        cmocka_unit_test(test_text),      cmocka_unit_test(test_least),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
