/* The shared store on a real redis-server. Skipped, and said so, where there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "tests/unit/shared_world.h"

static void test_limit(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("limit", 1);

    assert_int_equal(fill(store, "limit"), 10);
    assert_int_equal(charge(store, &reservation, &item), RATE_OVER);
    assert_int_equal(item.used, 10);
    assert_true(item.wait_ns > 0 && item.wait_ns <= HOUR_NS + HOUR_NS / 16);
    pass(*state, HOUR_NS + HOUR_NS / 16);
    assert_int_equal(fill(store, "limit"), 10);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void test_give_back(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation first = {0};
    struct rate_reservation second = {0};
    struct rate_item item = item_of("back", 6);

    assert_int_equal(charge(store, &first, &item), RATE_FREE);
    assert_int_equal(charge(store, &second, &item), RATE_OVER);
    rate_store_give_back(store, &first);
    assert_int_equal(charge(store, &second, &item), RATE_FREE);
    rate_store_commit(store, &second);
    assert_int_equal(fill(store, "back"), 4);
    rate_store_destroy(&store);
}

/* All are judged before any is charged. */
static void test_all_or_none(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item items[2] = {item_of("all-a", 1), item_of("all-b", 11)};

    assert_false(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[0].answer, RATE_FREE);
    assert_int_equal(items[1].answer, RATE_OVER);
    assert_int_equal(items[1].wait_ns, -1);
    rate_store_give_back(store, &reservation);
    assert_int_equal(fill(store, "all-a"), 10);
    rate_store_destroy(&store);
}

/* The same key twice in one call counts both. */
static void test_same_key(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item items[2] = {item_of("twice", 6), item_of("twice", 6)};

    assert_false(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[1].answer, RATE_OVER);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void test_several_windows(void **state)
{
    static const struct rate_windows windows = {.count = 2,
                                                .at = {{100, HOUR_NS}, {3, 60 * BASE_NS_PER_S}}};
    struct rate_store *store = open_store(*state, 1);
    struct rate_item item = item_of("windows", 1);

    item.windows = &windows;
    for (int i = 0; i < 4; i++) {
        struct rate_reservation reservation = {0};

        assert_int_equal(charge(store, &reservation, &item), i < 3 ? RATE_FREE : RATE_OVER);
        rate_store_commit(store, &reservation);
    }
    assert_int_equal(item.window, 1);
    assert_true(item.wait_ns <= 64 * BASE_NS_PER_S);
    rate_store_destroy(&store);
}

static void test_distinct(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_reservation other = {0};

    for (int i = 0; i < 12; i++) {
        struct rate_item item = item_of("distinct", 1);
        char value[16];

        (void)snprintf(value, sizeof(value), "v%d", i % 6);
        item.value = base_text_of(value);
        assert_int_equal(charge(store, i % 2 == 0 ? &reservation : &other, &item), RATE_FREE);
        assert_int_equal(item.used, i < 6 ? i : 6);
    }
    rate_store_commit(store, &reservation);
    rate_store_give_back(store, &other);
    for (int i = 0; i < 12; i++) {
        struct rate_reservation more = {0};
        struct rate_item item = item_of("distinct", 1);
        char value[16];

        (void)snprintf(value, sizeof(value), "w%d", i);
        item.value = base_text_of(value);
        /* Those with even numbers were committed: v0, v2, v4. */
        assert_int_equal(charge(store, &more, &item), i < 7 ? RATE_FREE : RATE_OVER);
        rate_store_commit(store, &more);
    }
    rate_store_destroy(&store);
}

static void test_hold_and_release(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("held", 11);

    item.hold_ns = -1;
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    assert_true(item.is_newly_blocked);
    item.amount = 1;
    pass(*state, 100 * HOUR_NS);
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    assert_false(item.is_newly_blocked);
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("held")), 1);
    item.hold_ns = 0;
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static struct rate_item value_of(const char *key, const char *value,
                                 const struct rate_windows *windows)
{
    struct rate_item item = item_of(key, 1);

    item.windows = windows;
    item.value = base_text_of(value);
    return item;
}

/* What is past the exact values goes as well. */
static void test_release_of_many_values(void **state)
{
    static const struct rate_windows windows = {.count = 2,
                                                .at = {{5000, HOUR_NS}, {4000, HOUR_NS / 2}}};
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item;
    char answer[64];

    for (int i = 0; i < 1100; i++) {
        char value[16];

        (void)snprintf(value, sizeof(value), "v%d", i);
        item = value_of("sketch", value, &windows);
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    }
    rate_store_commit(store, &reservation);
    assert_true(item.used > 1050);
    ask(*state, "KEYS '*:h:*' | wc -l", answer, sizeof(answer));
    assert_true(atoi(answer) >= 2);
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("sketch")),
                     1);
    ask(*state, "KEYS '*:h*' | wc -l", answer, sizeof(answer));
    /* An empty list is an empty line. */
    assert_true(atoi(answer) <= 1);
    item = value_of("sketch", "other", &windows);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    assert_int_equal(item.used, 0);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* What was charged before a release is not taken from what was charged after it. */
static void test_release_under_way(void **state)
{
    static const struct rate_windows windows = {.count = 1, .at = {{3, HOUR_NS}}};
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation before = {0};
    struct rate_reservation after = {0};
    struct rate_item items[2] = {item_of("under-way", 6), value_of("under-way-v", "a", &windows)};

    assert_true(rate_store_charge(store, &before, items, 2));
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("under-way")),
                     1);
    assert_int_equal(
        rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("under-way-v")), 1);
    assert_true(rate_store_charge(store, &after, items, 2));
    assert_int_equal(items[0].used, 0);
    assert_int_equal(items[1].used, 0);
    rate_store_give_back(store, &before);
    items[1] = value_of("under-way-v", "b", &windows);
    assert_int_equal(charge(store, &before, &items[1]), RATE_FREE);
    assert_int_equal(items[1].used, 1);
    rate_store_give_back(store, &before);
    rate_store_commit(store, &after);
    assert_int_equal(fill(store, "under-way"), 4);
    rate_store_destroy(&store);
}

/* A fifth, from five on: what came back, and what was sent. */
static struct rate_item tell_share(struct rate_store *store, const char *key, int64_t bounces,
                                   int64_t sent, int64_t hold_ns)
{
    static const struct rate_windows fifth = {.count = 1, .at = {{5, HOUR_NS, 20}}};
    static const struct rate_windows whole = {.count = 1, .at = {{RATE_WHOLE_LIMIT, HOUR_NS, 0}}};
    struct rate_reservation reservation = {0};
    struct rate_item items[2] = {
        {.name = BASE_TEXT("r"), .key = base_text_of(key), .windows = &fifth, .amount = bounces},
        {.name = BASE_TEXT("\002r"), .key = base_text_of(key), .windows = &whole, .amount = sent},
    };

    items[0].hold_ns = hold_ns;
    items[0].warn_percent = 50;
    assert_true(rate_store_charge(store, &reservation, items, 2));
    rate_store_commit(store, &reservation);
    return items[0];
}

static void test_share(void **state)
{
    static const struct {
        int64_t bounces;
        int64_t sent;
        enum rate_answer want;
        int64_t used;
        int64_t whole;
    } rows[] = {
        {0, 0, RATE_FREE, 0, 0},    {1, 2, RATE_FREE, 0, 0},    {3, 2, RATE_FREE, 1, 2},
        {0, 0, RATE_FREE, 4, 4},    {1, 0, RATE_OVER, 4, 4},    {1, 0, RATE_OVER, 5, 4},
        {0, 20, RATE_OVER, 6, 4},   {0, 5, RATE_OVER, 6, 24},   {0, 1, RATE_OVER, 6, 29},
        {0, 0, RATE_FREE, 6, 30},   {1, 0, RATE_OVER, 6, 30},   {0, 70, RATE_OVER, 7, 30},
        {13, 0, RATE_FREE, 7, 100}, {1, 0, RATE_OVER, 20, 100},
    };
    struct rate_store *store = open_store(*state, 1);
    struct rate_item got = {.wait_ns = 0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        got = tell_share(store, "share", rows[i].bounces, rows[i].sent, 0);
        if (got.answer != rows[i].want || got.used != rows[i].used || got.whole != rows[i].whole)
            fail_msg("row %zu: %d, %lld of %lld", i, got.answer, (long long)got.used,
                     (long long)got.whole);
    }
    assert_true(got.wait_ns > HOUR_NS - HOUR_NS / 16 && got.wait_ns <= HOUR_NS + HOUR_NS / 16);
    pass(*state, got.wait_ns + BASE_NS_PER_S);
    assert_int_equal(tell_share(store, "share", 0, 0, 0).answer, RATE_FREE);
    rate_store_destroy(&store);
}

static void test_warning(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    int warnings = 0;

    for (int i = 0; i < 10; i++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("warning", 1);

        item.warn_percent = 80;
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        if (item.is_warning_due) {
            warnings++;
            assert_int_equal(i, 7);
        }
        rate_store_commit(store, &reservation);
    }
    assert_int_equal(warnings, 1);
    rate_store_destroy(&store);
}

/* A host that is dead gives back what it had reserved when its lease ends. */
static void test_lease(void **state)
{
    struct rate_store *dead = open_store(*state, 2);
    struct rate_store *living = open_store(*state, 2);
    struct rate_reservation lost = {0};
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("lease", 10);

    assert_int_equal(charge(dead, &lost, &item), RATE_FREE);
    assert_int_equal(charge(living, &reservation, &item), RATE_OVER);
    pass(*state, 601 * BASE_NS_PER_S);
    assert_int_equal(charge(living, &reservation, &item), RATE_FREE);
    rate_store_commit(living, &reservation);
    rate_store_give_back(dead, &lost);
    assert_int_equal(fill(living, "lease"), 0);
    rate_store_destroy(&living);
    rate_store_destroy(&dead);
}

/* A message that is slower than its lease counts all the same: when it goes on, and at its end. */
static void test_slow_message(void **state)
{
    struct rate_store *store = open_store(*state, 2);
    struct rate_reservation slow = {0};
    struct rate_reservation slower = {0};
    struct rate_item item = item_of("slow", 5);

    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    item.amount = 1;
    assert_int_equal(charge(store, &slower, &item), RATE_FREE);
    pass(*state, 601 * BASE_NS_PER_S);
    item.amount = 0;
    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    assert_int_equal(item.used, 5);
    item.amount = 1;
    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    assert_int_equal(item.used, 5);
    rate_store_commit(store, &slower);
    pass(*state, 601 * BASE_NS_PER_S);
    rate_store_commit(store, &slow);
    assert_int_equal(fill(store, "slow"), 3);
    rate_store_destroy(&store);
}

/* A limit and a burst of the same length are charged once each. */
static void test_same_length(void **state)
{
    static const struct rate_windows windows = {.count = 2, .at = {{10, HOUR_NS}, {9, HOUR_NS}}};
    struct rate_store *store = open_store(*state, 1);

    for (int i = 0; i < 9; i++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("length", 1);

        item.windows = &windows;
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        assert_int_equal(item.used, i);
        rate_store_commit(store, &reservation);
    }
    rate_store_destroy(&store);
}

static enum rate_answer charge_value(struct rate_store *store, struct rate_reservation *reservation,
                                     const char *value)
{
    static const struct rate_windows windows = {.count = 2,
                                                .at = {{100, HOUR_NS}, {2, 60 * BASE_NS_PER_S}}};
    struct rate_item item = item_of("again", 1);

    item.windows = &windows;
    item.value = base_text_of(value);
    return charge(store, reservation, &item);
}

/* A value that has left the short window, but not the long one, counts there when it comes back. */
static void test_value_again(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation first = {0};
    struct rate_reservation second = {0};

    assert_int_equal(charge_value(store, &first, "a"), RATE_FREE);
    rate_store_commit(store, &first);
    pass(*state, 128 * BASE_NS_PER_S);
    assert_int_equal(charge_value(store, &first, "a"), RATE_FREE);
    assert_int_equal(charge_value(store, &second, "b"), RATE_FREE);
    assert_int_equal(charge_value(store, &second, "c"), RATE_OVER);
    rate_store_give_back(store, &first);
    assert_int_equal(charge_value(store, &second, "c"), RATE_FREE);
    rate_store_commit(store, &second);
    rate_store_destroy(&store);
}

/* Whatever lies in the server goes one day. */
static void test_expiry(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("for-good", 11);
    char answer[256];

    item.hold_ns = -1;
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    pass(*state, HOUR_NS);
    assert_int_equal(charge_value(store, &reservation, "z"), RATE_FREE);
    ask(*state,
        "EVAL \"local n, m = 0, 0 for _, k in ipairs(redis.call('KEYS', '*')) do n = n + 1 "
        "if redis.call('TTL', k) < 0 then m = m + 1 end end return n > 5 and m or -1\" 0",
        answer, sizeof(answer));
    assert_string_equal(answer, "0");
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* All hosts may be away for longer than a lease; and a clock that is set makes nothing expire. */
static void test_long_expiry(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("long", 1);
    char answer[256];

    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    ask(*state,
        "EVAL \"local n = 1e9 for _, k in ipairs(redis.call('KEYS', '*')) do "
        "n = math.min(n, redis.call('TTL', k)) end return n >= 3900 and 1 or n\" 0",
        answer, sizeof(answer));
    assert_string_equal(answer, "1");
    ask(*state,
        "EVAL \"local n = 1e9 for _, k in ipairs(redis.call('KEYS', '*:r:*')) do "
        "if redis.call('HEXISTS', k, 'st') == 0 then n = math.min(n, redis.call('TTL', k)) end "
        "end return n >= 86400 and redis.call('TTL', '{postseal}:due') >= 86400 and 1 or n\" 0",
        answer, sizeof(answer));
    assert_string_equal(answer, "1");
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* Set back and forward, by more than the window: nobody is freed, nobody locked out. */
static void test_clock_is_set(void **state)
{
    static const int64_t steps[] = {HOUR_NS, -3 * HOUR_NS, 2 * HOUR_NS, 2 * HOUR_NS, -HOUR_NS};
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation under_way = {0};
    struct rate_item item = item_of("set-clock-lease", 1);

    assert_int_equal(fill(store, "set-clock"), 10);
    assert_int_equal(charge(store, &under_way, &item), RATE_FREE);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        set_clock(*state, steps[i]);
        assert_int_equal(fill(store, "set-clock"), 0);
        pass(*state, 60 * BASE_NS_PER_S);
    }
    /* It has not fallen due: nine are left. */
    assert_int_equal(fill(store, "set-clock-lease"), 9);
    rate_store_commit(store, &under_way);
    pass(*state, HOUR_NS * 3 / 4);
    assert_int_equal(fill(store, "set-clock"), 0);
    pass(*state, HOUR_NS / 4);
    assert_int_equal(fill(store, "set-clock"), 10);
    rate_store_destroy(&store);
}

/* The server has lost what it had added to its clock: windows that are ahead go on all the same. */
static void test_clock_is_lost(void **state)
{
    static const char *const commands[] = {"DEL '{postseal}:meta'",
                                           "HSET '{postseal}:meta' o 1e300 t -5",
                                           "HSET '{postseal}:meta' o rubbish t 1e15 e -1"};
    struct rate_store *store;
    char answer[64];

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        store = open_store(*state, 1);
        pass(*state, 1000 * HOUR_NS);
        assert_int_equal(fill(store, "lost-clock"), 10);
        ask(*state, commands[i], answer, sizeof(answer));
        assert_int_equal(fill(store, "lost-clock"), 0);
        pass(*state, HOUR_NS + HOUR_NS / 16);
        assert_int_equal(fill(store, "lost-clock"), 10);
        pass(*state, 2 * HOUR_NS);
        rate_store_destroy(&store);
    }
}

/* --- two hosts, many threads -------------------------------------------------------------------
 */

struct runner {
    struct rate_store *store;
    int accepted;
};

static void *run_fill(void *context)
{
    struct runner *runner = context;

    runner->accepted = fill(runner->store, "together");
    return NULL;
}

static void test_exact_together(void **state)
{
    static const unsigned count = 8;
    struct rate_store *stores[2] = {open_store(*state, 2), open_store(*state, 2)};
    struct runner runners[8];
    pthread_t threads[8];
    int accepted = 0;

    for (unsigned i = 0; i < count; i++) {
        runners[i] = (struct runner){stores[i % 2], 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_fill, &runners[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        accepted += runners[i].accepted;
    }
    assert_int_equal(accepted, 10);
    rate_store_destroy(&stores[0]);
    rate_store_destroy(&stores[1]);
}

/* --- the server fails --------------------------------------------------------------------------
 */

static void wait_until_closed(struct world *world, struct rate_store *store)
{
    struct rate_shared_numbers numbers;

    /* The thread looks once a second of real time; its clock is ours. */
    for (int i = 0; i < 1000; i++) {
        base_clock_advance(&world->clock, BASE_NS_PER_S / 10);
        rate_shared_numbers(store, &numbers);
        if (!numbers.is_broken && numbers.waiting == 0)
            return;
        (void)usleep(10000);
    }
    fail_msg("the breaker stays open: %s", numbers.fault);
}

/* Two hosts share: each admits half of what was left, rounded up; afterwards all of it is known. */
static void test_break(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store_at(world, world->url, NULL, NULL, 2, 50 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    struct rate_shared_numbers numbers;
    struct rate_item item = item_of("break", 3);

    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(fill(store, "break"), 4);
    assert_int_equal(fill(store, "unknown"), 5);
    rate_shared_numbers(store, &numbers);
    assert_true(numbers.is_broken);
    assert_int_equal(numbers.breaks, 1);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    /* Others may come back later than this host: for that long it admits no more of its own. */
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    /* 3 and 4 are known, also those whose calls were answered too late. */
    assert_int_equal(fill(store, "break"), 3);
    assert_int_equal(fill(store, "unknown"), 5);
    rate_store_destroy(&store);
}

/* A call that was answered too late, and that this host has refused of itself, is not counted with
 * the message that goes on without it. */
static void test_refused_unheard(void **state)
{
    struct world *world = *state;
    struct rate_store *here = open_store_at(world, world->url, NULL, NULL, 1, 300 * BASE_NS_PER_MS);
    struct rate_store *there = open_store(world, 1);
    struct rate_reservation reservation = {0};
    struct rate_item first = item_of("heard", 1);
    struct rate_item second = item_of("unheard", 1);

    /* Of the release this host does not hear. */
    assert_int_equal(fill(here, "unheard"), 10);
    assert_int_equal(rate_store_release(there, BASE_TEXT("r"), BASE_TEXT("unheard")), 1);
    assert_int_equal(charge(here, &reservation, &first), RATE_FREE);
    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(charge(here, &reservation, &second), RATE_OVER);
    (void)kill(world->pid, SIGCONT);
    assert_int_equal(charge(here, &reservation, &first), RATE_FREE);
    rate_store_commit(here, &reservation);
    wait_until_closed(world, here);
    assert_int_equal(fill(there, "unheard"), 10);
    assert_int_equal(fill(there, "heard"), 8);
    /* The same, with nothing but what was heard. */
    assert_int_equal(charge(here, &reservation, &second), RATE_OVER);
    rate_store_give_back(here, &reservation);
    assert_int_equal(rate_store_release(there, BASE_TEXT("r"), BASE_TEXT("heard")), 1);
    assert_int_equal(rate_store_release(there, BASE_TEXT("r"), BASE_TEXT("unheard")), 1);
    assert_int_equal(charge(here, &reservation, &first), RATE_FREE);
    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(charge(here, &reservation, &second), RATE_OVER);
    (void)kill(world->pid, SIGCONT);
    rate_store_commit(here, &reservation);
    wait_until_closed(world, here);
    assert_int_equal(fill(there, "unheard"), 10);
    assert_int_equal(fill(there, "heard"), 9);
    rate_store_destroy(&here);
    rate_store_destroy(&there);
}

/* Held with the bounce that is one too many; released, it is not forgotten what was sent; and while
 * the server is away all that is known counts, too. */
static void test_share_hold(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store_at(world, world->url, NULL, NULL, 1, 50 * BASE_NS_PER_MS);
    struct rate_item got;

    (void)tell_share(store, "s", 0, 100, -1);
    assert_true(tell_share(store, "s", 20, 0, -1).is_warning_due);
    got = tell_share(store, "s", 1, 0, -1);
    assert_int_equal(got.answer, RATE_HELD);
    assert_true(got.is_newly_blocked);
    assert_int_equal(tell_share(store, "s", 1, 1000, -1).answer, RATE_HELD);
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("s")), 1);
    got = tell_share(store, "s", 2, 0, -1);
    assert_int_equal(got.answer, RATE_FREE);
    assert_int_equal(got.whole, 1100);
    (void)kill(world->pid, SIGSTOP);
    got = tell_share(store, "s", 218, 0, -1);
    assert_int_equal(got.answer, RATE_FREE);
    assert_int_equal(got.used, 2);
    (void)tell_share(store, "s", 0, 4, -1);
    got = tell_share(store, "s", 1, 0, -1);
    assert_int_equal(got.answer, RATE_HELD);
    assert_int_equal(got.used, 220);
    assert_int_equal(got.whole, 1104);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    /* All that was admitted meanwhile is known there. */
    got = tell_share(store, "s", 0, 0, -1);
    assert_int_equal(got.used, 221);
    assert_int_equal(got.whole, 1104);
    assert_int_equal(got.answer, RATE_HELD);
    rate_store_destroy(&store);
}

struct over {
    unsigned count;
    char key[16];
};

static void note_over(void *context, const struct rate_status *status)
{
    struct over *over = context;

    over->count++;
    (void)snprintf(over->key, sizeof(over->key), "%.*s", (int)status->key.length, status->key.data);
    assert_int_equal(status->used[0], 3);
}

/* Of two hosts that know of it one is told that a hold is over; or the message that comes first. A
 * held key stays held while the server is away. */
static void test_end_holds(void **state)
{
    struct world *world = *state;
    struct rate_store *stores[2];
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("held", 3);
    struct over over = {0, ""};

    for (size_t i = 0; i < 2; i++)
        stores[i] = open_store_at(world, world->url, NULL, NULL, 2, 50 * BASE_NS_PER_MS);
    assert_int_equal(charge(stores[0], &reservation, &item), RATE_FREE);
    rate_store_commit(stores[0], &reservation);
    item.amount = 8;
    item.hold_ns = 300 * BASE_NS_PER_S;
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(charge(stores[i], &reservation, &item), RATE_HELD);
    (void)kill(world->pid, SIGSTOP);
    item.amount = 1;
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(charge(stores[i % 2], &reservation, &item), RATE_HELD);
        assert_true(item.wait_ns > 290 * BASE_NS_PER_S && !item.is_newly_blocked);
        rate_store_give_back(stores[i % 2], &reservation);
    }
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, stores[0]);
    wait_until_closed(world, stores[1]);
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    assert_int_equal(charge(stores[0], &reservation, &item), RATE_HELD);
    pass(world, 300 * BASE_NS_PER_S);
    base_clock_advance(&world->clock, 300 * BASE_NS_PER_S);
    for (unsigned i = 0; i < 400 && over.count == 0; i++) {
        (void)usleep(10000);
        rate_store_end_holds(stores[i % 2], note_over, &over);
    }
    assert_string_equal(over.key, "held");
    /* The other has seen it, too. */
    (void)usleep(1500000);
    rate_store_end_holds(stores[0], note_over, &over);
    rate_store_end_holds(stores[1], note_over, &over);
    assert_int_equal(over.count, 1);
    assert_int_equal(charge(stores[0], &reservation, &item), RATE_FREE);
    assert_false(item.is_released);
    rate_store_give_back(stores[0], &reservation);
    /* Nobody has looked yet. */
    item = item_of("message", 11);
    item.hold_ns = BASE_NS_PER_S;
    assert_int_equal(charge(stores[0], &reservation, &item), RATE_HELD);
    pass(world, 2 * BASE_NS_PER_S);
    item.amount = 1;
    assert_int_equal(charge(stores[0], &reservation, &item), RATE_FREE);
    assert_true(item.is_released);
    rate_store_give_back(stores[0], &reservation);
    rate_store_destroy(&stores[0]);
    rate_store_destroy(&stores[1]);
}

/* A key that is released while the store is away is free here at once, and there when it is back.
 */
static void test_release_in_a_break(void **state)
{
    struct world *world = *state;
    struct rate_store *store =
        open_store_at(world, world->url, NULL, NULL, 1, 100 * BASE_NS_PER_MS);
    struct rate_store *there = open_store(world, 1);
    struct base_text any = {NULL, 0};
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("away", 1);

    assert_int_equal(fill(store, "away"), 10);
    (void)kill(world->pid, SIGSTOP);
    for (int i = 0; i < 4; i++)
        assert_int_equal(charge(store, &reservation, &item), RATE_OVER);
    assert_int_equal(fill(store, "new"), 10);
    assert_int_equal(rate_store_release(store, any, BASE_TEXT("away")), 1);
    assert_int_equal(rate_store_release(store, any, BASE_TEXT("nobody")), 0);
    assert_int_equal(rate_store_release(store, BASE_TEXT("r"), BASE_TEXT("nobody")), 0);
    assert_int_equal(rate_store_release(store, BASE_TEXT("r"), BASE_TEXT("new")), 1);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_give_back(store, &reservation);
    assert_int_equal(fill(store, "new"), 10);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    assert_int_equal(fill(there, "away"), 10);
    assert_int_equal(fill(there, "new"), 0);
    rate_store_destroy(&store);
    rate_store_destroy(&there);
}

/* What the server never takes does not keep what is behind it. */
static void test_poison(void **state)
{
    struct world *world = *state;
    struct rate_store *store =
        open_store_at(world, world->url, NULL, NULL, 1, 100 * BASE_NS_PER_MS);
    struct rate_reservation poison = {0};
    struct rate_shared_numbers numbers;
    struct rate_item item = item_of("poison", 1);
    char answer[64];

    assert_int_equal(charge(store, &poison, &item), RATE_FREE);
    /* Its reservation is no hash: each call that asks for it is an error. */
    ask(world,
        "EVAL \"for _, k in ipairs(redis.call('KEYS', '*:r:*')) do if redis.call('HEXISTS', k, "
        "'st') == 0 then redis.call('SET', k, 'x') end end return 'OK'\" 0",
        answer, sizeof(answer));
    assert_int_equal(charge(store, &poison, &item), RATE_FREE);
    rate_store_commit(store, &poison);
    assert_int_equal(fill(store, "behind"), 10);
    wait_until_closed(world, store);
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.lost, 1);
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    assert_int_equal(fill(store, "behind"), 0);
    /* Nor does it when it falls due. */
    pass(world, 601 * BASE_NS_PER_S);
    assert_int_equal(fill(store, "behind"), 0);
    rate_shared_numbers(store, &numbers);
    assert_false(numbers.is_broken);
    ask(world, "ZCARD '{postseal}:due'", answer, sizeof(answer));
    assert_string_equal(answer, "0");
    rate_store_destroy(&store);
}

/* A message with a thousand recipients and many rates, all of them during a break, and one of which
 * all stand in one call: neither is too long to be said. */
static void test_many(void **state)
{
    static const struct rate_windows wide = {.count = 2,
                                             .at = {{100000, HOUR_NS}, {90000, 2 * HOUR_NS}}};
    struct world *world = *state;
    struct rate_store *store =
        open_store_at(world, world->url, NULL, NULL, 1, 300 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    static char values[1000][16];
    static struct rate_item items[1000];
    struct rate_shared_numbers numbers;
    struct rate_item item = item_of("many", 1);

    item.windows = &wide;
    (void)kill(world->pid, SIGSTOP);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(values[i], sizeof(values[i]), "v%d", i);
        items[i] = item_of("many-values", 1);
        items[i].windows = &wide;
        items[i].value = base_text_of(values[i]);
        assert_true(rate_store_charge(store, &reservation, &items[i], 1));
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    }
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    assert_int_equal(item.used, 1000);
    rate_store_give_back(store, &reservation);
    rate_shared_numbers(store, &numbers);
    rate_store_destroy(&store);

    store = open_store(world, 1);
    assert_true(rate_store_charge(store, &reservation, items, 1000));
    assert_int_equal(items[999].used, 1000);
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.failures, 0);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* A message of thousands of recipients that is judged at its end, by sendmail(1): the answer is not
 * too long to be read. */
static void test_thousands(void **state)
{
    enum {
        COUNT = 4000
    };
    static const struct rate_windows wide = {.count = 2,
                                             .at = {{100000, HOUR_NS}, {90000, 2 * HOUR_NS}}};
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item *items = calloc(COUNT, sizeof(*items));
    char(*values)[16] = calloc(COUNT, sizeof(*values));
    struct rate_shared_numbers numbers;

    assert_true(items != NULL && values != NULL);
    for (int i = 0; i < COUNT; i++) {
        (void)snprintf(values[i], sizeof(values[i]), "v%d", i);
        items[i] = item_of("thousands", 1);
        items[i].windows = &wide;
        items[i].value = base_text_of(values[i]);
    }
    assert_true(rate_store_charge(store, &reservation, items, COUNT));
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.failures, 0);
    rate_store_commit(store, &reservation);
    rate_store_destroy(&store);
    free(values);
    free(items);
}

/* What waits when the process ends is sent before. */
static void test_flush(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store_at(world, world->url, NULL, NULL, 1, 50 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("flush", 7);
    struct rate_shared_numbers numbers;

    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGCONT);
    rate_shared_flush(store);
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.waiting, 0);
    rate_store_destroy(&store);
    store = open_store(world, 1);
    assert_int_equal(fill(store, "flush"), 3);
    rate_store_destroy(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_all_or_none),
        cmocka_unit_test(test_same_key),
        cmocka_unit_test(test_several_windows),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_hold_and_release),
        cmocka_unit_test(test_release_of_many_values),
        cmocka_unit_test(test_release_under_way),
        cmocka_unit_test(test_share),
        cmocka_unit_test(test_share_hold),
        cmocka_unit_test(test_end_holds),
        cmocka_unit_test(test_warning),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_slow_message),
        cmocka_unit_test(test_same_length),
        cmocka_unit_test(test_value_again),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_long_expiry),
        cmocka_unit_test(test_clock_is_set),
        cmocka_unit_test(test_clock_is_lost),
        cmocka_unit_test(test_exact_together),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_refused_unheard),
        cmocka_unit_test(test_release_in_a_break),
        cmocka_unit_test(test_poison),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_thousands),
        cmocka_unit_test(test_flush),
    };

    if (server_path() == NULL) {
        puts("skipped: no redis-server here (Debian: redis-server)");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
