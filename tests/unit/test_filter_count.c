/* filter/count: sessions and messages under way, and waiting for their end. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>

#include "filter/count.h"

#define QUIET_NS (5 * BASE_NS_PER_S)

static void test_sessions(void **state)
{
    struct base_clock clock = base_clock_manual(1);
    struct filter_count count;

    (void)state;
    filter_count_init(&count, &clock);
    assert_true(filter_count_begin_session(&count, 2));
    assert_true(filter_count_begin_session(&count, 2));
    assert_false(filter_count_begin_session(&count, 2));
    assert_int_equal(filter_count_read(&count).sessions, 3);
    filter_count_end_session(&count);
    assert_false(filter_count_begin_session(&count, 2));
    filter_count_end_session(&count);
    filter_count_end_session(&count);
    filter_count_end_session(&count);
    assert_int_equal(filter_count_read(&count).sessions, 0);
    filter_count_deinit(&count);
}

static void test_drain(void **state)
{
    struct base_clock clock = base_clock_manual(1);
    struct filter_count count;

    (void)state;
    filter_count_init(&count, &clock);
    assert_true(filter_count_wait_drained(&count, true, QUIET_NS, 0));
    assert_true(filter_count_begin_message(&count));
    filter_count_drain(&count);
    assert_false(filter_count_begin_message(&count));
    assert_int_equal(filter_count_read(&count).under_way, 1);
    assert_int_equal(filter_count_read(&count).refused, 1);
    assert_false(filter_count_wait_drained(&count, false, QUIET_NS, 0));

    /* The reply of the last one may not be written yet. */
    filter_count_end_message(&count, false);
    assert_false(filter_count_wait_drained(&count, false, QUIET_NS, 0));
    base_clock_advance(&clock, QUIET_NS);
    assert_true(filter_count_wait_drained(&count, false, QUIET_NS, 0));

    assert_false(filter_count_wait_drained(&count, true, QUIET_NS, 0));
    filter_count_end_message(&count, true);
    base_clock_advance(&clock, QUIET_NS);
    assert_true(filter_count_wait_drained(&count, true, QUIET_NS, 0));
    assert_int_equal(filter_count_read(&count).messages_total, 1);
    filter_count_deinit(&count);
}

static void *end_one(void *context)
{
    filter_count_end_message(context, false);
    return NULL;
}

/* The waiting thread is woken by the end, long before its time is up. */
static void test_wakes(void **state)
{
    struct base_clock clock = base_clock_system();
    struct filter_count count;
    pthread_t thread;

    (void)state;
    filter_count_init(&count, &clock);
    assert_true(filter_count_begin_message(&count));
    assert_int_equal(pthread_create(&thread, NULL, end_one, &count), 0);
    assert_true(filter_count_wait_drained(&count, true, 0, 60 * BASE_NS_PER_S));
    pthread_join(thread, NULL);
    filter_count_deinit(&count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sessions),
                                       cmocka_unit_test(test_drain), cmocka_unit_test(test_wakes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
