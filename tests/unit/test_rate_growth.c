/* Limits that grow: their steps, by hand; what is no growth. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "policy/rate/growth.h"

#define DAY_S INT64_C(86400)

static struct rate_growth make(int64_t first, const char *grow, int64_t until)
{
    struct rate_growth growth = {.first = {first, DAY_S * 1000000000}, .until = until};

    assert_null(rate_growth_parse(base_text_of(grow), &growth));
    assert_null(rate_growth_parse_since("2026-12-01", &growth));
    return growth;
}

static void test_steps(void **state)
{
    static const struct {
        int64_t first;
        const char *grow;
        int64_t until;
        /* Days after the first. */
        int64_t day;
        int64_t want;
    } rows[] = {
        {50, "1.5/1d", 100000, -1, 50},
        {50, "1.5/1d", 100000, 0, 50},
        {50, "1.5/1d", 100000, 1, 75},
        {50, "1.5/1d", 100000, 2, 113},
        {50, "1.5/1d", 100000, 3, 170},
        {50, "1.5/1d", 100000, 18, 74723},
        {50, "1.5/1d", 100000, 19, 100000},
        {50, "1.5/1d", 100000, 1000000, 100000},
        {1, "1.01/1d", 50, 10, 11},
        {1, "1.01/1d", 50, 49, 50},
        {50, "2/12h", 1000, 1, 200},
        {50, "2/7d", 1000, 6, 50},
        {50, "2/7d", 1000, 7, 100},
        {1, "100/1d", RATE_LIMIT_MAX, 20, RATE_LIMIT_MAX},
        {1, "1.01/1d", RATE_LIMIT_MAX, 1000000, RATE_LIMIT_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct rate_growth growth = make(rows[i].first, rows[i].grow, rows[i].until);
        int64_t got = rate_growth_limit(&growth, growth.since_s + rows[i].day * DAY_S);

        if (got != rows[i].want)
            fail_msg("row %zu: %lld", i, (long long)got);
    }
}

/* The table is what is in force. */
static void test_table(void **state)
{
    struct rate_growth growth = make(50, "1.5/1d", 100000);
    int64_t begin_s;
    int64_t limit = 0;
    unsigned count = 0;

    (void)state;
    for (; rate_growth_step(&growth, count, &begin_s, &limit); count++) {
        assert_int_equal(rate_growth_limit(&growth, begin_s), limit);
        assert_int_equal(rate_growth_limit(&growth, begin_s + DAY_S - 1), limit);
    }
    assert_int_equal(count, 20);
    assert_int_equal(limit, 100000);
}

static void test_faults(void **state)
{
    static const char *const growths[] = {
        "",         "1.5",       "1.5/",  "1/1d",
        "1.009/1d", "101/1d",    "1.5/1", "1.5/0d",
        "-1.5/1d",  "1.5000/1d", "x/1d",  "1.x/1d",
        "1.5/x",    "1./1d",     ".5/1d", "1.5/99999999999999999999999999999999999999999999999d"};
    static const char *const days[] = {"", "2026", "2026-13-01", "2026-12-1", "tomorrow12"};
    struct rate_growth growth = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(growths) / sizeof(growths[0]); i++)
        if (rate_growth_parse(base_text_of(growths[i]), &growth) == NULL)
            fail_msg("\"%s\" is a growth", growths[i]);
    for (size_t i = 0; i < sizeof(days) / sizeof(days[0]); i++)
        if (rate_growth_parse_since(days[i], &growth) == NULL)
            fail_msg("\"%s\" is a day", days[i]);
    assert_null(rate_growth_parse_since("2026-12-01T12:00:00+01:00", &growth));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
