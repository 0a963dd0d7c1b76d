/* The table behind tempfail-for: time, cap, order of forgetting, threads. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "policy/deferrals.h"

#define HOUR (3600 * BASE_NS_PER_S)

static bool may_hold(struct policy_deferrals *deferrals, const char *rule, const char *domain,
                     int64_t now_ns)
{
    return policy_deferrals_may_hold(deferrals, rule, base_text_of(domain), now_ns, 4 * HOUR);
}

static void test_time(void **state)
{
    static const struct {
        const char *rule;
        const char *domain;
        int64_t now_ns;
        bool want;
    } rows[] = {
        {"r", "a.example", 0, true},
        {"r", "a.example", 4 * HOUR - 1, true},
        {"r", "a.example", 4 * HOUR, false},
        {"r", "b.example", 4 * HOUR, true},
        {"s", "a.example", 4 * HOUR, true},
        /* Name and domain do not run into each other. */
        {"ra", ".example", 4 * HOUR, true},
        {"r", "", 4 * HOUR, true},
        {"r", "", 8 * HOUR, false},
        /* Seen within a day: the same failure. */
        {"r", "a.example", 28 * HOUR, false},
        {"r", "a.example", 52 * HOUR, false},
        {"r", "a.example", 76 * HOUR + 1, true},
        {"r", "a.example", 80 * HOUR, true},
        {"r", "a.example", 80 * HOUR + 1, false},
    };
    struct policy_deferrals *deferrals = policy_deferrals_create(100);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (may_hold(deferrals, rows[i].rule, rows[i].domain, rows[i].now_ns) != rows[i].want)
            fail_msg("row %zu", i);
    policy_deferrals_destroy(&deferrals);
    assert_null(deferrals);
    policy_deferrals_destroy(&deferrals);
}

/* A limit of more than a day is not cut short by the day. */
static void test_long_limit(void **state)
{
    struct policy_deferrals *deferrals = policy_deferrals_create(1);
    struct base_text domain = BASE_TEXT("a.example");

    (void)state;
    assert_true(policy_deferrals_may_hold(deferrals, "r", domain, 0, 72 * HOUR));
    assert_true(policy_deferrals_may_hold(deferrals, "r", domain, 71 * HOUR, 72 * HOUR));
    assert_false(policy_deferrals_may_hold(deferrals, "r", domain, 73 * HOUR, 72 * HOUR));
    policy_deferrals_destroy(&deferrals);
}

static void test_clear(void **state)
{
    struct policy_deferrals *deferrals = policy_deferrals_create(100);

    (void)state;
    assert_true(may_hold(deferrals, "r", "a.example", 0));
    assert_true(may_hold(deferrals, "r", "b.example", 0));
    policy_deferrals_clear(deferrals, "r", BASE_TEXT("none.example"));
    policy_deferrals_clear(deferrals, "s", BASE_TEXT("a.example"));
    assert_int_equal(policy_deferrals_count(deferrals), 2);
    policy_deferrals_clear(deferrals, "r", BASE_TEXT("a.example"));
    assert_int_equal(policy_deferrals_count(deferrals), 1);
    assert_true(may_hold(deferrals, "r", "a.example", 5 * HOUR));
    assert_false(may_hold(deferrals, "r", "b.example", 5 * HOUR));
    policy_deferrals_destroy(&deferrals);
}

/* Past the cap the one that was not seen for the longest time goes. */
static void test_cap(void **state)
{
    static const size_t caps[] = {1, 2, 3, 16, 17, 1000};

    (void)state;
    for (size_t c = 0; c < sizeof(caps) / sizeof(caps[0]); c++) {
        struct policy_deferrals *deferrals = policy_deferrals_create(caps[c]);
        char domain[32];

        for (size_t i = 0; i < caps[c]; i++) {
            snprintf(domain, sizeof(domain), "d%zu.example", i);
            assert_true(may_hold(deferrals, "r", domain, (int64_t)i));
        }
        assert_int_equal(policy_deferrals_count(deferrals), caps[c]);
        if (caps[c] > 1) {
            /* Seen again: d1 is the oldest now. */
            assert_true(may_hold(deferrals, "r", "d0.example", 2000));
            assert_true(may_hold(deferrals, "r", "more.example", 2001));
            assert_int_equal(policy_deferrals_count(deferrals), caps[c]);
            assert_false(may_hold(deferrals, "r", "d0.example", 4 * HOUR));
            assert_true(may_hold(deferrals, "r", "d1.example", 4 * HOUR + 1));
        } else {
            assert_true(may_hold(deferrals, "r", "more.example", 4 * HOUR));
            assert_true(may_hold(deferrals, "r", "d0.example", 4 * HOUR));
        }
        assert_int_equal(policy_deferrals_count(deferrals), caps[c]);
        policy_deferrals_destroy(&deferrals);
    }
}

static void *work(void *context)
{
    char domain[32];

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(domain, sizeof(domain), "d%u.example", i * 7 % 50);
        (void)may_hold(context, "r", domain, i);
        if (i % 3 == 0)
            policy_deferrals_clear(context, "r", base_text_of(domain));
    }
    return NULL;
}

static void test_threads(void **state)
{
    struct policy_deferrals *deferrals = policy_deferrals_create(20);
    pthread_t threads[4];

    (void)state;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, work, deferrals), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(policy_deferrals_count(deferrals), 1, 20);
    policy_deferrals_destroy(&deferrals);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),    cmocka_unit_test(test_long_limit),
        cmocka_unit_test(test_clear),   cmocka_unit_test(test_cap),
        cmocka_unit_test(test_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
