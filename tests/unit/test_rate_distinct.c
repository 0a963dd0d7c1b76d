/* Different values: exact against a list, estimated within the error that the manual names, given
 * back without harm to others. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "base/text.h"
#include "policy/rate/distinct.h"
#include "policy/rate/hash.h"
#include "policy/rate/window.h"

#define FIRST INT64_C(1000000)

static uint64_t value_of(unsigned i)
{
    const uint64_t seed[2] = {1, 2};

    return rate_hash(seed, (struct base_text){(const char *)&i, sizeof(i)});
}

static void see(struct rate_distinct *distinct, unsigned i, int64_t slot)
{
    rate_distinct_reserve(distinct, value_of(i), slot);
    rate_distinct_commit(distinct, value_of(i), slot);
}

static void test_window(void **state)
{
    struct rate_distinct *distinct = rate_distinct_create();

    (void)state;
    assert_int_equal(rate_distinct_used(distinct, FIRST), 0);
    see(distinct, 1, FIRST);
    see(distinct, 1, FIRST);
    see(distinct, 2, FIRST + 3);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 3), 2);
    assert_true(rate_distinct_has(distinct, value_of(1), FIRST + 16));
    assert_int_equal(rate_distinct_oldest(distinct, FIRST + 16), FIRST);
    assert_false(rate_distinct_has(distinct, value_of(1), FIRST + 17));
    assert_int_equal(rate_distinct_used(distinct, FIRST + 17), 1);
    /* Seen again: remembered from then on. */
    see(distinct, 2, FIRST + 18);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 34), 1);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 35), 0);
    assert_int_equal(rate_distinct_oldest(distinct, FIRST + 35), FIRST + 35);
    rate_distinct_destroy(&distinct);
    assert_null(distinct);
    rate_distinct_destroy(&distinct);
}

static void test_give_back(void **state)
{
    struct rate_distinct *distinct = rate_distinct_create();

    (void)state;
    /* Two messages under way with one value: one is refused. */
    rate_distinct_reserve(distinct, value_of(1), FIRST);
    rate_distinct_reserve(distinct, value_of(1), FIRST);
    assert_int_equal(rate_distinct_used(distinct, FIRST), 1);
    rate_distinct_give_back(distinct, value_of(1));
    assert_int_equal(rate_distinct_used(distinct, FIRST), 1);
    rate_distinct_commit(distinct, value_of(1), FIRST);
    assert_int_equal(rate_distinct_used(distinct, FIRST), 1);
    /* It was there before: giving back leaves it as it was. */
    rate_distinct_reserve(distinct, value_of(1), FIRST + 5);
    rate_distinct_give_back(distinct, value_of(1));
    assert_int_equal(rate_distinct_used(distinct, FIRST + 16), 1);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 17), 0);
    /* Only reserved, and given back, once too often. */
    rate_distinct_reserve(distinct, value_of(2), FIRST + 20);
    rate_distinct_give_back(distinct, value_of(2));
    rate_distinct_give_back(distinct, value_of(2));
    rate_distinct_commit(distinct, value_of(3), FIRST + 20);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 20), 0);
    assert_false(rate_distinct_has(distinct, value_of(2), FIRST + 20));
    rate_distinct_destroy(&distinct);
}

enum {
    VALUES = 900
};

/* A list of when each value was seen last says the same, at random. */
static void test_model(void **state)
{
    struct rate_distinct *distinct = rate_distinct_create();
    static int64_t seen[VALUES];
    static unsigned reserved[VALUES];
    int64_t slot = FIRST;
    unsigned seed = 7;

    (void)state;
    for (int i = 0; i < 60000; i++) {
        unsigned value = (unsigned)rand_r(&seed) % VALUES;
        int64_t want = 0;

        switch (rand_r(&seed) % 4) {
        case 0:
            rate_distinct_reserve(distinct, value_of(value), slot);
            reserved[value]++;
            break;
        case 1:
            if (reserved[value] == 0)
                break;
            rate_distinct_commit(distinct, value_of(value), slot - 2);
            reserved[value]--;
            seen[value] = seen[value] < slot - 2 ? slot - 2 : seen[value];
            break;
        case 2:
            if (reserved[value] == 0)
                break;
            rate_distinct_give_back(distinct, value_of(value));
            reserved[value]--;
            break;
        default:
            slot += rand_r(&seed) % 200 == 0;
            break;
        }
        if (i % 10 != 0)
            continue;
        for (unsigned j = 0; j < VALUES; j++)
            want += reserved[j] > 0 || (seen[j] > 0 && seen[j] >= slot - 16);
        assert_int_equal(rate_distinct_used(distinct, slot), want);
    }
    rate_distinct_destroy(&distinct);
}

/* Exact up to the cap, within 4 standard errors above it. */
static void test_estimate(void **state)
{
    static const unsigned checked[] = {100, RATE_EXACT_MAX, 1500, 2000, 5000, 20000, 100000};
    struct rate_distinct *distinct = rate_distinct_create();
    unsigned seen = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(checked) / sizeof(checked[0]); i++) {
        for (; seen < checked[i]; seen++) {
            see(distinct, seen, FIRST + seen % 10);
            see(distinct, seen / 2, FIRST + seen % 10);
        }
        double used = (double)rate_distinct_used(distinct, FIRST + 10);
        double error = (used - checked[i]) / checked[i];

        if (checked[i] <= RATE_EXACT_MAX ? error != 0.0 : error > 0.13 || error < -0.13)
            fail_msg("%u values: %.0f", checked[i], used);
    }
    assert_true(rate_distinct_size(distinct) < 20000);
    /* What is under way counts on top, and is not estimated away. */
    int64_t before = rate_distinct_used(distinct, FIRST + 10);

    rate_distinct_reserve(distinct, value_of(1), FIRST + 10);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 10), before + 1);
    assert_false(rate_distinct_has(distinct, value_of(1), FIRST + 10));
    rate_distinct_give_back(distinct, value_of(1));
    rate_distinct_give_back(distinct, value_of(1));
    assert_int_equal(rate_distinct_used(distinct, FIRST + 10), before);
    assert_int_equal(rate_distinct_used(distinct, FIRST + 9 + 17), 0);
    rate_distinct_destroy(&distinct);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_window),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_estimate),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
