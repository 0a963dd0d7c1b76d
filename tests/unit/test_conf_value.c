/* conf/value: numbers, units, words, and what is said of those that are none. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <inttypes.h>
#include <string.h>

#include "conf/value.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define BAD             INT64_MIN

struct number_case {
    const char *text;
    int64_t want;
};

static void check_numbers(const struct number_case *cases, size_t count,
                          bool (*parse)(const char *, int64_t *, struct base_error *))
{
    for (size_t i = 0; i < count; i++) {
        struct base_error error = {""};
        int64_t got = BAD;
        bool is_good = parse(cases[i].text, &got, &error);
        if (is_good != (cases[i].want != BAD) || (is_good && got != cases[i].want))
            fail_msg("\"%s\": %" PRId64 " %s", cases[i].text, got, error.text);
        if (!is_good && strstr(error.text, cases[i].text) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].text, error.text);
    }
}

static void test_sizes(void **state)
{
    static const struct number_case cases[] = {
        {"0", 0},
        {"1048576", 1048576},
        {"64KiB", 65536},
        {"64 KiB", 65536},
        {"64kib", 65536},
        {"2MiB", 2 << 20},
        {"3GiB", INT64_C(3) << 30},
        {"1TiB", INT64_C(1) << 40},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", BAD},
        {"8388608TiB", BAD},
        {"8388607TiB", INT64_C(8388607) << 40},
        {"99999999999999999999999", BAD},
        {"", BAD},
        {" 1", BAD},
        {"-1", BAD},
        {"+1", BAD},
        {"1.5MiB", BAD},
        {"1MB", BAD},
        {"1K", BAD},
        {"MiB", BAD},
        {"0x10", BAD},
        {"1MiBs", BAD},
        {"1 Mi B", BAD},
    };
    (void)state;
    check_numbers(cases, COUNT_OF(cases), conf_value_size);
}

static void test_durations(void **state)
{
    static const struct number_case cases[] = {
        {"500ms", 500},
        {"7s", 7000},
        {"7 s", 7000},
        {"10m", 600000},
        {"4h", 4 * 3600000},
        {"2d", 2 * 86400000},
        {"0s", 0},
        {"7", BAD},
        {"0", BAD},
        {"", BAD},
        {"s", BAD},
        {"1h30m", BAD},
        {"1.5h", BAD},
        {"-1s", BAD},
        {"1min", BAD},
        {"1w", BAD},
        {"106751991168d", BAD},
        {"106751991167d", INT64_C(106751991167) * 86400000},
    };
    (void)state;
    check_numbers(cases, COUNT_OF(cases), conf_value_duration);
}

static void test_append(void **state)
{
    static const struct {
        int64_t value;
        const char *size;
        const char *duration;
    } cases[] = {
        {0, "0", "0ms"},
        {1, "1", "1ms"},
        {1500, "1500", "1500ms"},
        {1024, "1KiB", "1024ms"},
        {60000, "60000", "1m"},
        {3600000, "3600000", "1h"},
        {INT64_C(172800000), "168750KiB", "2d"},
        {INT64_C(5) << 40, "5TiB", "5497558138880ms"},
    };
    char storage[64];
    struct base_buf out;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        base_buf_init_fixed(&out, storage, sizeof(storage));
        conf_value_append_size(&out, cases[i].value);
        assert_string_equal(base_buf_cstr(&out), cases[i].size);
        base_buf_init_fixed(&out, storage, sizeof(storage));
        conf_value_append_duration(&out, cases[i].value);
        if (cases[i].duration != NULL)
            assert_string_equal(base_buf_cstr(&out), cases[i].duration);
    }
}

static const char *const words[] = {"accept", "reject", "tempfail", NULL};

static const struct conf_option int_option = {"i", CONF_INT, 0, NULL, -5, 10, NULL};
static const struct conf_option size_option = {"s", CONF_SIZE, 0, NULL, 1024, 1 << 20, NULL};
static const struct conf_option time_option = {"t", CONF_DURATION, 0, NULL, 1000, 60000, NULL};
static const struct conf_option bool_option = {"b", CONF_BOOL, 0, NULL, 0, 0, NULL};
static const struct conf_option mode_option = {"m", CONF_MODE, 0, NULL, 0, 0, NULL};
static const struct conf_option word_option = {"w", CONF_WORD, 0, NULL, 0, 0, words};
static const struct conf_option words_option = {"ws", CONF_WORDS, 0, NULL, 0, 0, words};
static const struct conf_option text_option = {"x", CONF_STRING, 0, NULL, 0, 0, NULL};

static int64_t stored(const struct conf_option *option, const void *field)
{
    switch (option->type) {
    case CONF_BOOL:
        return *(const bool *)field ? 1 : 0;
    case CONF_WORD:
    case CONF_MODE:
        return *(const int *)field;
    default:
        return *(const int64_t *)field;
    }
}

static void test_store(void **state)
{
    static const struct {
        const struct conf_option *option;
        const char *text;
        int64_t want;
        /* In the error when want is BAD. */
        const char *error;
    } cases[] = {
        {&int_option, "-5", -5, NULL},
        {&int_option, "10", 10, NULL},
        {&int_option, "007", 7, NULL},
        {&int_option, "11", BAD, "from -5 to 10"},
        {&int_option, "-6", BAD, "from -5 to 10"},
        {&int_option, "--5", BAD, "no whole number"},
        {&int_option, "-", BAD, "no whole number"},
        {&int_option, "5x", BAD, "no whole number"},
        {&int_option, "0x5", BAD, "no whole number"},
        {&int_option, "", BAD, "no whole number"},
        {&size_option, "1KiB", 1024, NULL},
        {&size_option, "1023", BAD, "from 1KiB to 1MiB"},
        {&size_option, "1048577", BAD, "from 1KiB to 1MiB"},
        {&time_option, "1s", 1000, NULL},
        {&time_option, "1m", 60000, NULL},
        {&time_option, "999ms", BAD, "from 1s to 1m"},
        {&time_option, "60001ms", BAD, "from 1s to 1m"},
        {&bool_option, "yes", 1, NULL},
        {&bool_option, "on", 1, NULL},
        {&bool_option, "TRUE", 1, NULL},
        {&bool_option, "no", 0, NULL},
        {&bool_option, "off", 0, NULL},
        {&bool_option, "False", 0, NULL},
        {&bool_option, "1", BAD, "yes, no, true, false, on, off"},
        {&bool_option, "ture", BAD, "did you mean \"true\"?"},
        {&bool_option, "", BAD, "not one of"},
        {&mode_option, "0660", 0660, NULL},
        {&mode_option, "660", 0660, NULL},
        {&mode_option, "0000", 0, NULL},
        {&mode_option, "0777", 0777, NULL},
        {&mode_option, "1777", BAD, "\"0000\" to \"0777\""},
        {&mode_option, "0688", BAD, "octal"},
        {&mode_option, "66", BAD, "octal"},
        {&mode_option, "00660", BAD, "octal"},
        {&mode_option, "rw", BAD, "octal"},
        {&word_option, "accept", 0, NULL},
        {&word_option, "tempfail", 2, NULL},
        {&word_option, "Accept", BAD, "did you mean \"accept\"?"},
        {&word_option, "temp-fail", BAD, "did you mean \"tempfail\"?"},
        {&word_option, "zzzzz", BAD, "accept, reject, tempfail"},
        {&words_option, "accept", 1, NULL},
        {&words_option, "tempfail", 4, NULL},
        {&words_option, "x", BAD, "accept, reject, tempfail"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct base_error error = {""};
        int64_t field = 0;
        bool is_good = conf_value_store(cases[i].option, cases[i].text, &field, &error);
        if (is_good != (cases[i].want != BAD))
            fail_msg("%s = %s: %s", cases[i].option->name, cases[i].text, error.text);
        if (is_good)
            assert_int_equal(stored(cases[i].option, &field), cases[i].want);
        else if (strstr(error.text, cases[i].error) == NULL)
            fail_msg("%s = %s: %s", cases[i].option->name, cases[i].text, error.text);
    }
}

static void test_store_text_and_sets(void **state)
{
    const char *text = NULL;
    uint64_t set = 0;
    struct base_error error;
    (void)state;
    assert_true(conf_value_store(&text_option, "abc", &text, &error));
    assert_string_equal(text, "abc");
    assert_true(conf_value_store(&words_option, "reject", &set, &error));
    assert_true(conf_value_store(&words_option, "accept", &set, &error));
    assert_true(conf_value_store(&words_option, "accept", &set, &error));
    assert_int_equal(set, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_append),
        cmocka_unit_test(test_store),
        cmocka_unit_test(test_store_text_and_sets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
