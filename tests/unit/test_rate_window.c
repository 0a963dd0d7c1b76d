/* The sliding window: never more than N in any interval of W, never a wait that is W/16 too long.
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/rate/hash.h"
#include "policy/rate/window.h"

#define S    INT64_C(1000000000)
#define HOUR (3600 * S)
#define NOW  (INT64_C(1790000000) * S)

union ring {
    uint64_t align;
    char octets[256];
};

/* The paper's appendix: key 00 01 ... 0f, message 00 01 ... 0e; and the reference's vectors. */
static void test_hash(void **state)
{
    static const struct {
        size_t length;
        uint64_t want;
    } rows[] = {
        {15, UINT64_C(0xa129ca6149be45e5)},
        {0, UINT64_C(0x726fdb47dd0e0e31)},
        {1, UINT64_C(0x74f839c593dc67fd)},
        {8, UINT64_C(0x93f5f5799a932462)},
    };
    const uint64_t seed[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    char text[15];

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = (char)i;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_true(rate_hash(seed, (struct base_text){text, rows[i].length}) == rows[i].want);
}

static void test_steps(void **state)
{
    /* Sub-windows of one second. */
    static const struct rate_limit limit = {.limit = 10, .length_ns = 16 * S};
    static const struct {
        const char *name;
        int64_t at_s;
        int64_t charge;
        int64_t want_used;
        /* Of one more. */
        int64_t want_wait_s;
    } rows[] = {
        {"first", 0, 4, 4, 0},          {"same sub-window", 0, 1, 5, 0},
        {"later", 10, 5, 10, 7},        {"first expires, counts whole", 16, 0, 10, 1},
        {"gone", 17, 0, 5, 0},          {"full again", 17, 5, 10, 10},
        {"second gone", 27, 0, 5, 0},   {"third expires", 33, 0, 5, 0},
        {"all gone", 34, 0, 0, 0},      {"long after", 1000, 10, 10, 17},
        {"long after", 1016, 0, 10, 1}, {"rested", 1017, 0, 0, 0},
    };
    union ring ring = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t now = NOW + rows[i].at_s * S;

        rate_window_charge(&ring, 1, &limit, now, rows[i].charge);
        if (rate_window_used(&ring, 1, &limit, now) != rows[i].want_used ||
            rate_window_wait(&ring, 1, &limit, now, 1) != rows[i].want_wait_s * S)
            fail_msg("%s (%zu): used %lld wait %lld", rows[i].name, i,
                     (long long)rate_window_used(&ring, 1, &limit, now),
                     (long long)rate_window_wait(&ring, 1, &limit, now, 1));
    }
    assert_int_equal(rate_window_wait(&ring, 1, &limit, NOW, 11), -1);
}

static void test_give_back(void **state)
{
    static const struct rate_limit limit = {.limit = 100, .length_ns = 16 * S};
    union ring ring = {0};

    (void)state;
    rate_window_charge(&ring, 2, &limit, NOW, 5);
    rate_window_charge(&ring, 2, &limit, NOW + 3 * S, 7);
    /* To the sub-window that was charged: what is left expires with the other. */
    rate_window_give_back(&ring, 2, &limit, NOW, 5);
    assert_int_equal(rate_window_used(&ring, 2, &limit, NOW + 3 * S), 7);
    assert_int_equal(rate_window_used(&ring, 2, &limit, NOW + 19 * S), 7);
    assert_int_equal(rate_window_used(&ring, 2, &limit, NOW + 20 * S), 0);
    /* Too late, twice, never charged: nothing is taken from others. */
    rate_window_charge(&ring, 2, &limit, NOW + 40 * S, 9);
    rate_window_give_back(&ring, 2, &limit, NOW + 3 * S, 7);
    rate_window_give_back(&ring, 2, &limit, NOW + 90 * S, 7);
    assert_int_equal(rate_window_used(&ring, 2, &limit, NOW + 40 * S), 9);
    rate_window_give_back(&ring, 2, &limit, NOW + 40 * S, 10);
    assert_int_equal(rate_window_used(&ring, 2, &limit, NOW + 40 * S), 0);
}

static void test_widths(void **state)
{
    static const struct {
        int64_t limit;
        unsigned want;
    } rows[] = {
        {0, 1}, {65535, 1}, {65536, 2}, {UINT32_MAX, 2}, {INT64_C(1) << 32, 3}, {RATE_LIMIT_MAX, 3},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rate_limit limit = {.limit = rows[i].limit, .length_ns = HOUR};
        union ring ring = {0};

        assert_int_equal(rate_window_width(rows[i].limit), rows[i].want);
        assert_true(rate_window_size(rows[i].want) <= sizeof(ring));
        rate_window_charge(&ring, rows[i].want, &limit, NOW, rows[i].limit);
        assert_int_equal(rate_window_used(&ring, rows[i].want, &limit, NOW), rows[i].limit);
        /* Past what the counter holds it stays full. */
        rate_window_charge(&ring, rows[i].want, &limit, NOW, 1);
        assert_true(rate_window_used(&ring, rows[i].want, &limit, NOW) >= rows[i].limit);
    }
}

static void test_move(void **state)
{
    static const struct rate_limit from_limit = {.limit = 100, .length_ns = HOUR};
    static const struct rate_limit to_limit = {.limit = 70000, .length_ns = 2 * HOUR};
    union ring from = {0};
    union ring to = {0};

    (void)state;
    rate_window_charge(&from, 1, &from_limit, NOW - HOUR / 2, 20);
    rate_window_charge(&from, 1, &from_limit, NOW, 30);
    rate_window_move(&to, 2, &to_limit, &from, 1, &from_limit);
    assert_int_equal(rate_window_used(&to, 2, &to_limit, NOW), 50);
    assert_int_equal(rate_window_used(&to, 2, &to_limit, NOW + HOUR), 50);
    assert_int_equal(rate_window_used(&to, 2, &to_limit, NOW + 2 * HOUR + HOUR / 4), 0);
}

/* Should the clock go back, what was charged stays charged. */
static void test_backwards(void **state)
{
    static const struct rate_limit limit = {.limit = 100, .length_ns = HOUR};
    union ring ring = {0};

    (void)state;
    rate_window_charge(&ring, 1, &limit, NOW, 60);
    assert_int_equal(rate_window_used(&ring, 1, &limit, NOW - HOUR), 60);
    rate_window_charge(&ring, 1, &limit, NOW - HOUR / 2, 10);
    assert_int_equal(rate_window_used(&ring, 1, &limit, NOW), 70);
    assert_int_equal(rate_window_used(&ring, 1, &limit, NOW - 24 * HOUR), 70);
}

struct event {
    int64_t at;
    int64_t amount;
};

/* What was admitted in (at - W, at], by the log of all. */
static int64_t admitted(const struct event *events, size_t count, int64_t at, int64_t length)
{
    int64_t sum = 0;

    for (size_t i = count; i > 0 && events[i - 1].at > at - length; i--)
        sum += events[i - 1].amount;
    return sum;
}

/* The wait of an exact log, without sub-windows. */
static int64_t ideal_wait(const struct event *events, size_t count, int64_t at,
                          const struct rate_limit *limit, int64_t amount)
{
    int64_t over = admitted(events, count, at, limit->length_ns) + amount - limit->limit;

    for (size_t i = 0; i < count && over > 0; i++) {
        if (events[i].at <= at - limit->length_ns)
            continue;
        over -= events[i].amount;
        if (over <= 0)
            return events[i].at + limit->length_ns - at;
    }
    return 0;
}

enum {
    EVENTS = 4000
};

static void play(unsigned *seed, const struct rate_limit *limit, struct event *events)
{
    unsigned width = rate_window_width(limit->limit);
    union ring ring = {0};
    int64_t now = NOW + rand_r(seed);
    size_t count = 0;

    for (int i = 0; i < EVENTS; i++) {
        int64_t amount = 1 + rand_r(seed) % (limit->limit < 8 ? 1 : limit->limit / 4);
        int64_t wait;

        now += (int64_t)(limit->length_ns / 100 * (rand_r(seed) % 1000) / 300);
        wait = rate_window_wait(&ring, width, limit, now, amount);
        if (wait == 0) {
            rate_window_charge(&ring, width, limit, now, amount);
            events[count++] = (struct event){now, amount};
            assert_true(admitted(events, count, now, limit->length_ns) <= limit->limit);
            continue;
        }
        assert_true(wait <= ideal_wait(events, count, now, limit, amount) + limit->length_ns / 16);
        assert_true(rate_window_wait(&ring, width, limit, now + wait, amount) == 0);
        assert_true(rate_window_wait(&ring, width, limit, now + wait - 1, amount) != 0);
    }
    now += limit->length_ns + limit->length_ns / 16;
    assert_int_equal(rate_window_used(&ring, width, limit, now), 0);
    assert_int_equal(rate_window_wait(&ring, width, limit, now, limit->limit), 0);
}

static void test_property(void **state)
{
    struct event *events = calloc(EVENTS, sizeof(*events));
    unsigned seed = 20261122;

    (void)state;
    for (int round = 0; round < 60; round++) {
        struct rate_limit limit = {
            .limit = 1 + rand_r(&seed) % (round % 3 == 0 ? 5 : 100000),
            .length_ns = INT64_C(16) * (1 + rand_r(&seed) / 2) * (round % 2 == 0 ? 1 : 100),
        };

        play(&seed, &limit, events);
    }
    free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hash),      cmocka_unit_test(test_steps),
        cmocka_unit_test(test_give_back), cmocka_unit_test(test_widths),
        cmocka_unit_test(test_move),      cmocka_unit_test(test_backwards),
        cmocka_unit_test(test_property),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
