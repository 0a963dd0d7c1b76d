/* The embedded store: all or nothing, order of rates, giving back, bounded memory, networks in
 * place of keys, holding, clocks, restoring, threads. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "policy/rate/engine.h"
#include "policy/rate/entry.h"
#include "policy/rate/pool.h"

#define S     BASE_NS_PER_S
#define HOUR  (3600 * S)
#define START INT64_C(1790000000)

static const struct rate_windows ten_an_hour = {.count = 1, .at = {{10, HOUR}}};
static const struct rate_windows two = {.count = 2, .at = {{10, HOUR}, {4, 60 * S}}};

static struct rate_store *create(const struct base_clock *clock, size_t memory)
{
    struct rate_engine_options options = {.memory = memory, .clock = clock, .seed = {5, 6}};

    return rate_engine_create(&options);
}

static struct rate_item item(const char *name, const char *key, int64_t amount)
{
    return (struct rate_item){
        .name = base_text_of(name),
        .key = base_text_of(key),
        .windows = &ten_an_hour,
        .amount = amount,
        .is_refusing = true,
    };
}

/* One key alone, committed at once. */
static bool spend(struct rate_store *store, const char *name, const char *key, int64_t amount)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item(name, key, amount);
    bool is_charged = rate_store_charge(store, &reservation, &one, 1);

    assert_int_equal(is_charged, one.answer == RATE_FREE);
    rate_store_commit(store, &reservation);
    return is_charged;
}

static int64_t used_of(struct rate_store *store, const char *name, const char *key)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item(name, key, 1);

    (void)rate_store_charge(store, &reservation, &one, 1);
    rate_store_give_back(store, &reservation);
    return one.used;
}

/* --- what one decision does ----------------------------------------------------------------------
 */

static void test_all_or_nothing(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item items[3] = {item("a", "k", 1), item("b", "k", 11), item("c", "k", 1)};

    (void)state;
    assert_false(rate_store_charge(store, &reservation, items, 3));
    assert_int_equal(items[0].answer, RATE_FREE);
    assert_int_equal(items[1].answer, RATE_OVER);
    assert_int_equal(items[1].wait_ns, -1);
    assert_int_equal(reservation.count, 0);
    assert_int_equal(used_of(store, "a", "k"), 0);
    assert_int_equal(used_of(store, "c", "k"), 0);
    /* The one that is over only counts, or marks: the others are charged, it is not. */
    items[1].is_refusing = false;
    assert_true(rate_store_charge(store, &reservation, items, 3));
    rate_store_commit(store, &reservation);
    assert_int_equal(used_of(store, "a", "k"), 1);
    assert_int_equal(used_of(store, "b", "k"), 0);
    assert_int_equal(used_of(store, "c", "k"), 1);
    rate_store_destroy(&store);
    assert_null(store);
    rate_store_destroy(&store);
}

/* Several items of one key are one after another. */
static void test_same_key(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item items[11];

    (void)state;
    for (size_t i = 0; i < 11; i++)
        items[i] = item("a", "k", 1);
    assert_false(rate_store_charge(store, &reservation, items, 11));
    assert_int_equal(used_of(store, "a", "k"), 0);
    assert_true(rate_store_charge(store, &reservation, items, 10));
    assert_int_equal(used_of(store, "a", "k"), 10);
    rate_store_give_back(store, &reservation);
    assert_int_equal(used_of(store, "a", "k"), 0);
    assert_null(reservation.charges);
    rate_store_give_back(store, &reservation);
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
}

/* One reservation that was charged at two times: both are given back. */
static void test_give_back_all_times(void **state)
{
    static const struct {
        int64_t apart_ns;
        int64_t amount;
        bool is_late;
    } rows[] = {{0, 5, false},        {1, 5, false},       {S, 2, false},      {HOUR / 4, 3, false},
                {HOUR / 2, 5, false}, {HOUR / 2, 5, true}, {HOUR / 4, 5, true}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_clock clock = base_clock_manual(START);
        struct rate_store *store = create(&clock, 0);
        struct rate_reservation reservation = {NULL};
        struct rate_item one = item("a", "k", rows[i].amount);

        assert_true(rate_store_charge(store, &reservation, &one, 1));
        base_clock_advance(&clock, rows[i].apart_ns);
        assert_true(rate_store_charge(store, &reservation, &one, 1));
        assert_int_equal(used_of(store, "a", "k"), 2 * rows[i].amount);
        /* What was charged first may not count any more by then. */
        if (rows[i].is_late)
            base_clock_advance(&clock, HOUR - rows[i].apart_ns + 60 * S);
        rate_store_give_back(store, &reservation);
        assert_int_equal(used_of(store, "a", "k"), 0);
        rate_store_destroy(&store);
    }
}

/* All permutations of three rates: the same counts, whatever is refused. */
static void test_order(void **state)
{
    static const int orders[6][3] = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                     {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
    static const char *const names[3] = {"a", "b", "c"};
    static const struct rate_windows windows[3] = {
        {.count = 1, .at = {{30, HOUR}}},
        {.count = 2, .at = {{50, HOUR}, {9, 60 * S}}},
        {.count = 1, .at = {{400, 24 * HOUR}}},
    };
    char first[4000] = "";

    (void)state;
    for (int order = 0; order < 6; order++) {
        struct base_clock clock = base_clock_manual(START);
        struct rate_store *store = create(&clock, 0);
        unsigned seed = 11;
        char log[4000];
        size_t length = 0;

        for (int i = 0; i < 1000; i++) {
            struct rate_reservation reservation = {NULL};
            int64_t amount = 1 + rand_r(&seed) % 5;
            struct rate_item items[3];

            base_clock_advance(&clock, rand_r(&seed) % (120 * S));
            for (int j = 0; j < 3; j++) {
                items[j] = item(names[orders[order][j]], "k", amount);
                items[j].windows = &windows[orders[order][j]];
            }
            bool is_charged = rate_store_charge(store, &reservation, items, 3);

            log[length++] = is_charged ? '1' : '0';
            if (rand_r(&seed) % 3 == 0)
                rate_store_give_back(store, &reservation);
            else
                rate_store_commit(store, &reservation);
        }
        log[length] = '\0';
        assert_non_null(strchr(log, '0'));
        assert_non_null(strchr(log, '1'));
        if (order == 0)
            memcpy(first, log, sizeof(first));
        assert_string_equal(log, first);
        rate_store_destroy(&store);
    }
}

static void test_windows(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("a", "k", 4);

    (void)state;
    one.windows = &two;
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    one.amount = 1;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    /* The burst window, and when to come back. */
    assert_int_equal(one.window, 1);
    assert_int_equal(one.used, 4);
    assert_true(one.is_newly_blocked);
    assert_true(one.wait_ns > 0 && one.wait_ns <= 60 * S + 60 * S / 16);
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_false(one.is_newly_blocked);
    base_clock_advance(&clock, one.wait_ns);
    one.amount = 4;
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    base_clock_advance(&clock, 64 * S);
    one.amount = 3;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.window, 0);
    assert_int_equal(one.used, 8);
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
}

/* Given back to the sub-window that was charged, not to the one of now. */
static void test_give_back_later(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation slow = {NULL};
    struct rate_item one = item("a", "k", 6);

    (void)state;
    assert_true(rate_store_charge(store, &slow, &one, 1));
    base_clock_advance(&clock, HOUR / 2);
    assert_true(spend(store, "a", "k", 4));
    rate_store_give_back(store, &slow);
    assert_int_equal(used_of(store, "a", "k"), 4);
    base_clock_advance(&clock, HOUR / 2 + HOUR / 16);
    assert_int_equal(used_of(store, "a", "k"), 4);
    base_clock_advance(&clock, HOUR / 2 + HOUR / 16);
    assert_int_equal(used_of(store, "a", "k"), 0);
    rate_store_destroy(&store);
}

static void test_ask(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);

    (void)state;
    for (int i = 0; i < 20; i++)
        assert_true(spend(store, "a", "k", 0));
    assert_true(spend(store, "a", "k", 10));
    assert_false(spend(store, "a", "k", 0));
    rate_store_destroy(&store);
}

static void test_distinct(void **state)
{
    static const struct {
        const char *value;
        bool want;
    } rows[] = {
        {"a", true}, {"b", true}, {"a", true}, {"c", true}, {"d", false}, {"b", true}, {"d", false},
    };
    static const struct rate_windows three = {.count = 1, .at = {{3, HOUR}}};
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rate_reservation reservation = {NULL};
        struct rate_item one = item("a", "k", 1);

        one.windows = &three;
        one.value = base_text_of(rows[i].value);
        assert_int_equal(rate_store_charge(store, &reservation, &one, 1), rows[i].want);
        /* The fourth row's message is refused later, and seen again: */
        if (i == 3) {
            rate_store_give_back(store, &reservation);
            assert_true(rate_store_charge(store, &reservation, &one, 1));
        }
        rate_store_commit(store, &reservation);
        base_clock_advance(&clock, 60 * S);
    }
    rate_store_destroy(&store);
}

static void test_warning(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item items[2] = {item("a", "k", 1), item("b", "k", 11)};
    unsigned warnings = 0;

    (void)state;
    items[0].warn_percent = 75;
    for (int i = 0; i < 10; i++) {
        assert_true(rate_store_charge(store, &reservation, items, 1));
        warnings += items[0].is_warning_due;
        /* 75% of 10, rounded up. */
        assert_int_equal(items[0].is_warning_due, i == 7);
        if (i == 6) {
            items[0].is_warning_due = false;
            assert_false(rate_store_charge(store, &reservation, items, 2));
            assert_false(items[0].is_warning_due);
        }
    }
    assert_int_equal(warnings, 1);
    base_clock_advance(&clock, 2 * HOUR);
    items[0].amount = 8;
    assert_true(rate_store_charge(store, &reservation, items, 1));
    assert_false(items[0].is_warning_due);
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
}

static void count_key(void *context, const struct rate_status *status)
{
    (void)status;
    ++*(size_t *)context;
}

static void test_hold(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("a", "k", 1);
    size_t listed = 0;

    (void)state;
    assert_true(spend(store, "a", "k", 10));
    one.hold_ns = -1;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.answer, RATE_HELD);
    assert_true(one.is_newly_blocked);
    base_clock_advance(&clock, 1000 * HOUR);
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.answer, RATE_HELD);
    assert_int_equal(one.wait_ns, -1);
    rate_store_list(store, count_key, &listed);
    assert_int_equal(listed, 1);
    assert_int_equal(rate_store_release(store, base_text_of("b"), base_text_of("k")), 0);
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, base_text_of("k")), 1);
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    /* For a time. */
    one.hold_ns = 2 * HOUR;
    one.amount = 10;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    one.amount = 1;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    base_clock_advance(&clock, 2 * HOUR - 1);
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.wait_ns, 1);
    base_clock_advance(&clock, 1);
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
}

/* A reload with other limits: what was counted counts on. */
static void test_other_windows(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("a", "k", 1);

    (void)state;
    assert_true(spend(store, "a", "k", 9));
    one.windows = &(const struct rate_windows){.count = 1, .at = {{70000, 2 * HOUR}}};
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.used, 9);
    one.windows = &two;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    rate_store_give_back(store, &reservation);
    one.windows = &ten_an_hour;
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
}

/* --- memory --------------------------------------------------------------------------------------
 */

/* A million strangers push out neither a key that is blocked nor one that is near its limit, and
 * take no more memory than they may. */
static void test_bounded(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 4 << 20);
    struct rate_numbers numbers;
    char key[32];

    (void)state;
    assert_true(spend(store, "a", "blocked", 10));
    assert_false(spend(store, "a", "blocked", 1));
    assert_true(spend(store, "a", "near", 9));
    for (int i = 0; i < 200000; i++) {
        (void)snprintf(key, sizeof(key), "stranger-%d", i);
        assert_true(spend(store, "a", key, 1));
    }
    rate_store_numbers(store, &numbers);
    assert_true(numbers.octets <= 4 << 20);
    assert_true(numbers.evicted > 100000);
    assert_int_equal(numbers.uncounted, 0);
    assert_int_equal(used_of(store, "a", "near"), 9);
    assert_false(spend(store, "a", "blocked", 1));
    rate_store_destroy(&store);
}

/* Blocked keys may not take it all either: past their share the network decides, of keys that are
 * not known. */
static void test_blocked_bound(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 1 << 20);
    struct rate_reservation reservation = {NULL};
    struct rate_numbers numbers;
    struct rate_item one;
    char key[32];

    (void)state;
    assert_true(spend(store, "a", "known", 1));
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof(key), "stranger-%d", i);
        one = item("a", key, 10);
        one.net = base_text_of("192.0.2.0/24");
        (void)rate_store_charge(store, &reservation, &one, 1);
        rate_store_commit(store, &reservation);
        one.amount = 1;
        assert_false(rate_store_charge(store, &reservation, &one, 1));
    }
    rate_store_numbers(store, &numbers);
    assert_true(numbers.octets <= 1 << 20);
    assert_true(numbers.blocked > 100);
    assert_true(numbers.blocked * 200 < 1 << 20);
    assert_int_equal(numbers.blocked_nets, 1);
    one = item("a", "new", 1);
    one.net = base_text_of("192.0.2.0/24");
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.answer, RATE_NET_BLOCKED);
    assert_true(one.wait_ns > 0);
    one = item("b", "new", 1);
    one.net = base_text_of("192.0.2.0/24");
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    one = item("a", "new", 1);
    one.net = base_text_of("198.51.100.0/24");
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    rate_store_commit(store, &reservation);
    assert_int_equal(
        rate_store_release(store, (struct base_text){NULL, 0}, base_text_of("192.0.2.0/24")), 1);
    one = item("a", "other", 1);
    one.net = base_text_of("192.0.2.0/24");
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    rate_store_commit(store, &reservation);
    /* A key that is held for ever and finds no room: its network is blocked for an hour. */
    assert_true(spend(store, "a", "held", 10));
    one = item("a", "held", 1);
    one.net = base_text_of("203.0.113.0/24");
    one.hold_ns = -1;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    one = item("a", "neighbour", 1);
    one.net = base_text_of("203.0.113.0/24");
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(one.answer, RATE_NET_BLOCKED);
    assert_int_equal(one.wait_ns, HOUR);
    /* All of it passes by. */
    base_clock_advance(&clock, 2 * HOUR);
    for (int i = 0; i < 20000; i++) {
        (void)snprintf(key, sizeof(key), "stranger-%d", i);
        assert_true(spend(store, "a", key, 10));
    }
    rate_store_destroy(&store);
}

/* Sets of values count as what they take. */
static void test_bounded_distinct(void **state)
{
    static const struct rate_windows many = {.count = 1, .at = {{1000000, HOUR}}};
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 1 << 20);
    struct rate_numbers numbers;
    char key[32];
    char value[32];

    (void)state;
    for (int i = 0; i < 100; i++) {
        for (int j = 0; j < 2000; j++) {
            struct rate_reservation reservation = {NULL};
            struct rate_item one;

            (void)snprintf(key, sizeof(key), "%d", i);
            (void)snprintf(value, sizeof(value), "%d", j);
            one = item("a", key, 1);
            one.windows = &many;
            one.value = base_text_of(value);
            assert_true(rate_store_charge(store, &reservation, &one, 1));
            if (j % 7 == 0)
                rate_store_give_back(store, &reservation);
            rate_store_commit(store, &reservation);
        }
    }
    rate_store_numbers(store, &numbers);
    assert_true(numbers.octets <= 1 << 20);
    assert_true(numbers.evicted > 0);
    rate_store_destroy(&store);
}

/* What a message that is under way has charged is not taken from a key that came later. */
static void test_forgotten_reservation(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 1 << 20);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("a", "k", 1);

    (void)state;
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    assert_int_equal(rate_store_release(store, base_text_of("a"), base_text_of("k")), 1);
    assert_true(spend(store, "a", "k", 5));
    rate_store_give_back(store, &reservation);
    assert_int_equal(used_of(store, "a", "k"), 5);
    rate_store_destroy(&store);
}

/* --- clocks and restarts -------------------------------------------------------------------------
 */

/* The wall clock is set back and forward by an hour: nothing changes. */
static void test_wall_clock(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);

    (void)state;
    assert_true(spend(store, "a", "k", 10));
    clock.fixed_wall_ns += HOUR;
    assert_false(spend(store, "a", "k", 1));
    clock.fixed_wall_ns -= 2 * HOUR;
    assert_false(spend(store, "a", "k", 1));
    assert_true(spend(store, "a", "other", 10));
    clock.fixed_mono_ns += HOUR + HOUR / 16;
    assert_true(spend(store, "a", "k", 10));
    assert_true(spend(store, "a", "other", 10));
    rate_store_destroy(&store);
}

static void restore_it(void *context, const struct rate_change *change)
{
    rate_engine_restore(context, change);
}

static void test_restore(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *second = create(&clock, 0);
    struct rate_engine_options options = {
        .clock = &clock, .seed = {5, 6}, .changed = restore_it, .context = second};
    struct rate_store *first = rate_engine_create(&options);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("a", "under-way", 7);

    (void)state;
    assert_true(rate_store_charge(first, &reservation, &one, 1));
    assert_true(spend(first, "a", "k", 4));
    base_clock_advance(&clock, HOUR / 2);
    assert_true(spend(first, "a", "k", 6));
    one = item("a", "k", 1);
    one.hold_ns = 3 * HOUR;
    struct rate_reservation none = {NULL};

    assert_false(rate_store_charge(first, &none, &one, 1));
    /* Killed: what was under way is not counted, what was held is. */
    assert_int_equal(used_of(second, "a", "under-way"), 0);
    one = item("a", "k", 1);
    assert_false(rate_store_charge(second, &none, &one, 1));
    assert_int_equal(one.answer, RATE_HELD);
    assert_int_equal(one.used, 10);
    rate_store_give_back(first, &reservation);
    rate_store_destroy(&first);
    rate_store_destroy(&second);
}

/* Kept by a clock that was ahead: it counts from now, and no longer than W. */
static void test_restore_future(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_change change = {.kind = RATE_CHANGE_COUNTED,
                                 .name = BASE_TEXT("a"),
                                 .key = BASE_TEXT("k"),
                                 .windows = &ten_an_hour,
                                 .amount = 10};

    (void)state;
    change.time_ns = rate_engine_now(store) + 5 * HOUR;
    rate_engine_restore(store, &change);
    change.key = BASE_TEXT("old");
    change.time_ns = rate_engine_now(store) - 5 * HOUR;
    rate_engine_restore(store, &change);
    assert_false(spend(store, "a", "k", 1));
    assert_true(spend(store, "a", "old", 1));
    base_clock_advance(&clock, HOUR + HOUR / 16);
    assert_true(spend(store, "a", "k", 10));
    rate_store_destroy(&store);
}

/* --- threads -------------------------------------------------------------------------------------
 */

struct worker {
    pthread_t thread;
    struct rate_store *store;
    unsigned seed;
    int64_t accepted;
};

/* Keys in changing order, some messages refused: no deadlock, and the count is exact. */
static void *work(void *context)
{
    static const struct rate_windows limit = {.count = 1, .at = {{2000, HOUR}}};
    static const struct rate_windows wide = {.count = 1, .at = {{1000000, HOUR}}};
    struct worker *worker = context;

    for (int i = 0; i < 3000; i++) {
        struct rate_reservation reservation = {NULL};
        struct rate_item items[4];
        char keys[3][16];
        size_t at = (size_t)rand_r(&worker->seed) % 4;
        bool is_charged;

        for (size_t j = 0; j < 4; j++) {
            if (j == at) {
                items[j] = item("total", "all", 1);
                items[j].windows = &limit;
                continue;
            }
            (void)snprintf(keys[j > at ? j - 1 : j], sizeof(keys[0]), "%d",
                           rand_r(&worker->seed) % 50);
            items[j] = item(j % 2 == 0 ? "even" : "odd", keys[j > at ? j - 1 : j], 1);
            items[j].windows = &wide;
            if (j == 3)
                items[j].value = BASE_TEXT("value");
            if (j == 3)
                items[j].name = BASE_TEXT("values");
        }
        is_charged = rate_store_charge(worker->store, &reservation, items, 4);
        if (is_charged && rand_r(&worker->seed) % 4 == 0) {
            rate_store_give_back(worker->store, &reservation);
            continue;
        }
        rate_store_commit(worker->store, &reservation);
        worker->accepted += is_charged;
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 16 << 20);
    struct worker workers[4];
    int64_t accepted = 0;

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        workers[i] = (struct worker){.store = store, .seed = i};
        assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
        accepted += workers[i].accepted;
    }
    assert_int_equal(accepted, 2000);
    rate_store_destroy(&store);
}

/* Windows of another limit: different values are not forgotten, nor counted twice; memory is. */
static void test_changed_values(void **state)
{
    static const char *const values[] = {"a", "b", "c", "a", "d", "e"};
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_numbers numbers;
    size_t octets = 0;

    (void)state;
    for (unsigned i = 0; i < 60; i++) {
        struct rate_windows windows = {.count = 2,
                                       .at = {{3 + i / 30, HOUR, 0}, {7 + i, 2 * HOUR, 0}}};
        struct rate_reservation reservation = {NULL};
        struct rate_item one = item("r", "k", 1);

        one.windows = &windows;
        one.value = base_text_of(values[i % 6]);
        if (rate_store_charge(store, &reservation, &one, 1) !=
            (i % 6 < 4 || (i >= 30 && i % 6 < 5)))
            fail_msg("%u", i);
        rate_store_commit(store, &reservation);
        rate_store_numbers(store, &numbers);
        assert_int_equal(numbers.keys, 1);
        if (octets != 0)
            assert_int_equal(numbers.octets, octets);
        octets = i >= 40 ? numbers.octets : 0;
    }
    assert_int_equal(rate_store_release(store, BASE_TEXT("r"), BASE_TEXT("k")), 1);
    rate_store_numbers(store, &numbers);
    assert_int_equal(numbers.octets, 0);
    rate_store_destroy(&store);
}

/* Windows are kept as long as a key has them. */
static void test_pool(void **state)
{
    struct rate_windows one = {.count = 1, .at = {{1, HOUR, 0}}};
    struct rate_windows other = {.count = 1, .at = {{1, HOUR, 20}}};
    struct rate_pool *pool = rate_pool_create();
    const struct rate_windows *first = rate_pool_get(pool, &one);
    const struct rate_windows *second = rate_pool_get(pool, &other);

    (void)state;
    assert_ptr_not_equal(first, second);
    assert_ptr_equal(first, rate_pool_get(pool, &one));
    assert_int_equal(rate_pool_count(pool), 2);
    rate_pool_put(pool, first);
    rate_pool_put(pool, second);
    assert_int_equal(rate_pool_count(pool), 1);
    for (int64_t i = 0; i < 10000; i++) {
        one.at[0].limit = i;
        rate_pool_put(pool, rate_pool_get(pool, &one));
    }
    assert_int_equal(rate_pool_count(pool), 1);
    rate_pool_put(pool, first);
    assert_int_equal(rate_pool_count(pool), 0);
    rate_pool_destroy(&pool);
}

/* --- holds that are over
 * --------------------------------------------------------------------------
 */

struct over {
    unsigned count;
    char keys[100];
};

static void note_over(void *context, const struct rate_status *status)
{
    struct over *over = context;

    over->count++;
    snprintf(over->keys + strlen(over->keys), sizeof(over->keys) - strlen(over->keys), "%.*s ",
             (int)status->key.length, status->key.data);
    assert_false(status->is_held);
}

static struct rate_item hold(struct rate_store *store, const char *key, int64_t hold_ns)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("r", key, 11);

    one.hold_ns = hold_ns;
    assert_false(rate_store_charge(store, &reservation, &one, 1));
    rate_store_give_back(store, &reservation);
    return one;
}

static void must_be_over(struct rate_store *store, const char *want)
{
    struct over over = {0, ""};

    rate_store_end_holds(store, note_over, &over);
    assert_string_equal(over.keys, want);
}

/* Each is told of once: by the one who looks, or by the item that comes first. */
static void test_end_holds(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("r", "c", 1);
    struct over over = {0, ""};

    (void)state;
    must_be_over(store, "");
    assert_true(hold(store, "a", 10 * S).is_newly_blocked);
    hold(store, "b", 20 * S);
    hold(store, "c", 30 * S);
    hold(store, "forever", -1);
    hold(store, "d", 40 * S);
    base_clock_advance(&clock, 10 * S - 1);
    must_be_over(store, "");
    base_clock_advance(&clock, 1);
    must_be_over(store, "a ");
    must_be_over(store, "");
    base_clock_advance(&clock, 5 * S);
    /* By hand, and so never by time. */
    assert_int_equal(rate_store_release(store, BASE_TEXT("r"), BASE_TEXT("b")), 1);
    base_clock_advance(&clock, 15 * S);
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    assert_true(one.is_released);
    assert_true(rate_store_charge(store, &reservation, &one, 1));
    assert_false(one.is_released);
    rate_store_give_back(store, &reservation);
    must_be_over(store, "");
    /* Held again by the first that comes: it was never free. */
    base_clock_advance(&clock, 10 * S);
    one = hold(store, "d", 10 * S);
    assert_true(one.answer == RATE_HELD && one.is_newly_blocked && !one.is_released);
    must_be_over(store, "");
    base_clock_advance(&clock, 10 * S);
    must_be_over(store, "d ");
    for (unsigned i = 0; i < 1000; i++) {
        char key[16];

        snprintf(key, sizeof(key), "k%u", i);
        hold(store, key, (int64_t)(1 + i % 7) * S);
    }
    base_clock_advance(&clock, 7 * S);
    rate_store_end_holds(store, note_over, &over);
    assert_int_equal(over.count, 1000);
    rate_store_destroy(&store);
}

/* One that nobody looks at does not stay in the way for ever. */
static void test_end_holds_unseen(void **state)
{
    struct base_clock clock = base_clock_manual(START);
    struct rate_store *store = create(&clock, 0);
    struct rate_numbers before, after;
    char key[16];

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "h%u", i);
        hold(store, key, S);
    }
    rate_store_numbers(store, &before);
    assert_true(before.blocked > 100);
    base_clock_advance(&clock, 30 * S);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "x%u", i);
        (void)spend(store, "other", key, 1);
    }
    rate_store_numbers(store, &after);
    assert_int_equal(after.blocked, before.blocked);
    base_clock_advance(&clock, 40 * S);
    for (unsigned i = 0; i < 20000; i++) {
        snprintf(key, sizeof(key), "y%u", i);
        (void)spend(store, "other", key, 1);
    }
    rate_store_numbers(store, &after);
    assert_int_equal(after.blocked, 0);
    rate_store_destroy(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_same_key),
        cmocka_unit_test(test_give_back_all_times),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_windows),
        cmocka_unit_test(test_give_back_later),
        cmocka_unit_test(test_ask),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_warning),
        cmocka_unit_test(test_hold),
        cmocka_unit_test(test_other_windows),
        cmocka_unit_test(test_bounded),
        cmocka_unit_test(test_blocked_bound),
        cmocka_unit_test(test_bounded_distinct),
        cmocka_unit_test(test_forgotten_reservation),
        cmocka_unit_test(test_wall_clock),
        cmocka_unit_test(test_restore),
        cmocka_unit_test(test_restore_future),
        cmocka_unit_test(test_changed_values),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_end_holds),
        cmocka_unit_test(test_end_holds_unseen),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
