/* base/clock: RFC 3339 both ways, and clocks that stand still. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

static void test_parse(void **state)
{
    static const struct {
        const char *input;
        bool want;
        int64_t value;
    } cases[] = {
        {"1970-01-01T00:00:00Z", true, 0},
        {"2026-11-22T12:00:00Z", true, 1795348800},
        {"2026-11-22t12:00:00z", true, 1795348800},
        {"2026-11-22T13:30:00+01:30", true, 1795348800},
        {"2026-11-22T04:00:00-08:00", true, 1795348800},
        {"2026-11-22T12:00:00.123456789012Z", true, 1795348800},
        {"2000-02-29T00:00:00Z", true, 951782400},
        {"2024-02-29T23:59:59Z", true, 1709251199},
        {"2016-12-31T23:59:60Z", true, 1483228800},
        {"1969-12-31T23:59:59Z", true, -1},
        {"0000-01-01T00:00:00Z", true, -62167219200},
        {"9999-12-31T23:59:59Z", true, 253402300799},
        {"1900-02-29T00:00:00Z", false, 0},
        {"2023-02-29T00:00:00Z", false, 0},
        {"2023-13-01T00:00:00Z", false, 0},
        {"2023-00-01T00:00:00Z", false, 0},
        {"2023-01-00T00:00:00Z", false, 0},
        {"2023-04-31T00:00:00Z", false, 0},
        {"2023-01-01T24:00:00Z", false, 0},
        {"2023-01-01T00:60:00Z", false, 0},
        {"2023-01-01T00:00:61Z", false, 0},
        {"2023-01-01T00:00:00", false, 0},
        {"2023-01-01T00:00:00.Z", false, 0},
        {"2023-01-01T00:00:00Zx", false, 0},
        {"2023-01-01T00:00:00+1:00", false, 0},
        {"2023-01-01T00:00:00+24:00", false, 0},
        {"2023-01-01T00:00:00+00:60", false, 0},
        {"2023-01-01 00:00:00Z", false, 0},
        {"2023-1-1T00:00:00Z", false, 0},
        {"2023-01-01", false, 0},
        {"", false, 0},
        {"now", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t value = 0;
        bool got = base_clock_parse_rfc3339(cases[i].input, &value);

        if (got != cases[i].want || value != cases[i].value)
            fail_msg("%s: %d, %lld", cases[i].input, got, (long long)value);
    }
}

static void test_format(void **state)
{
    static const struct {
        int64_t input;
        const char *want;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},         {1795348800, "2026-11-22T12:00:00Z"},
        {951782400, "2000-02-29T00:00:00Z"}, {-1, "1969-12-31T23:59:59Z"},
        {INT64_MIN, "0000-01-01T00:00:00Z"}, {INT64_MAX, "9999-12-31T23:59:59Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[21];

        base_clock_format_rfc3339(cases[i].input, out, sizeof(out));
        assert_string_equal(out, cases[i].want);
    }
}

/* Every day of 800 years, there and back. */
static void test_round_trip(void **state)
{
    (void)state;
    for (int64_t s = -12622780800; s < 12622780800; s += 86400 + 61) {
        char out[21];
        int64_t back;

        base_clock_format_rfc3339(s, out, sizeof(out));
        assert_true(base_clock_parse_rfc3339(out, &back));
        assert_int_equal(back, s);
    }
}

static void test_manual(void **state)
{
    struct base_clock clock = base_clock_manual(1000);
    int64_t mono = base_clock_mono_ns(&clock);

    (void)state;
    assert_int_equal(base_clock_wall_s(&clock), 1000);
    base_clock_advance(&clock, 1500 * BASE_NS_PER_MS);
    assert_int_equal(base_clock_wall_s(&clock), 1001);
    assert_int_equal(base_clock_wall_ns(&clock), INT64_C(1001500000000));
    assert_int_equal(base_clock_mono_ns(&clock) - mono, INT64_C(1500000000));
    clock = base_clock_manual(0);
    base_clock_advance(&clock, -1);
    assert_int_equal(base_clock_wall_s(&clock), -1);
}

static void test_fixed(void **state)
{
    struct base_clock clock = base_clock_fixed(1795348800);
    int64_t before = base_clock_mono_ns(&clock);

    (void)state;
    assert_int_equal(base_clock_wall_s(&clock), 1795348800);
    assert_true(base_clock_mono_ns(&clock) >= before);
    assert_int_equal(base_clock_wall_s(&clock), 1795348800);
}

static void test_system(void **state)
{
    struct base_clock clock = base_clock_system();
    int64_t before = base_clock_mono_ns(&clock);

    (void)state;
    /* After 2020, and in nanoseconds. */
    assert_true(base_clock_wall_ns(&clock) > INT64_C(1577836800000000000));
    assert_true(base_clock_mono_ns(&clock) >= before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),      cmocka_unit_test(test_format),
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_manual),
        cmocka_unit_test(test_fixed),      cmocka_unit_test(test_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
