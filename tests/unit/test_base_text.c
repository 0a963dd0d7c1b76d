/* base/text: slices, numbers, buffers with a cap. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/text.h"

static void test_to_uint(void **state)
{
    static const struct {
        const char *input;
        uint64_t max;
        bool want;
        uint64_t value;
    } cases[] = {
        {"0", 0, true, 0},
        {"1", 0, false, 0},
        {"007", 7, true, 7},
        {"255", 255, true, 255},
        {"256", 255, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
        {"", 9, false, 0},
        {"-1", 9, false, 0},
        {"+1", 9, false, 0},
        {" 1", 9, false, 0},
        {"1 ", 9, false, 0},
        {"0x1", 9, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t value = 0;
        bool got = base_text_to_uint(base_text_of(cases[i].input), cases[i].max, &value);

        if (got != cases[i].want || value != cases[i].value)
            fail_msg("\"%s\": %d, %llu", cases[i].input, got, (unsigned long long)value);
    }
}

static void test_compare(void **state)
{
    (void)state;
    assert_true(base_text_equals(BASE_TEXT("ab"), BASE_TEXT("ab")));
    assert_false(base_text_equals(BASE_TEXT("ab"), BASE_TEXT("aB")));
    assert_false(base_text_equals(BASE_TEXT("ab"), BASE_TEXT("abc")));
    assert_true(base_text_equals(base_text_of(NULL), BASE_TEXT("")));
    assert_true(base_text_equals_nocase(BASE_TEXT("aB"), BASE_TEXT("Ab")));
    assert_false(base_text_equals_nocase(BASE_TEXT("a@"), BASE_TEXT("A`")));
    assert_false(base_text_equals_nocase(BASE_TEXT("\xc3\x84"), BASE_TEXT("\xc3\xa4")));
    assert_true(base_text_starts_with(BASE_TEXT("abc"), BASE_TEXT("ab")));
    assert_true(base_text_starts_with(BASE_TEXT("abc"), BASE_TEXT("")));
    assert_false(base_text_starts_with(BASE_TEXT("ab"), BASE_TEXT("abc")));
    assert_false(base_text_starts_with(BASE_TEXT("abc"), BASE_TEXT("AB")));
    assert_true(base_text_starts_with_nocase(BASE_TEXT("abc"), BASE_TEXT("AB")));
    assert_false(base_text_equals(BASE_TEXT("a\0b"), BASE_TEXT("a\0c")));
}

static void test_trim(void **state)
{
    static const struct {
        const char *input, *want;
    } cases[] = {{" \t a b\r\n", "a b"}, {"", ""}, {" \r\n\t", ""}, {"x", "x"}, {"\vx", "\vx"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        assert_true(base_text_equals(base_text_trim(base_text_of(cases[i].input)),
                                     base_text_of(cases[i].want)));
}

static void test_split(void **state)
{
    static const struct {
        const char *input, *want;
    } cases[] = {{"a,b", "<a><b>"}, {"a", "<a>"}, {"", "<>"}, {",", "<><>"}, {",,x", "<><><x>"}};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_text rest = base_text_of(cases[i].input);
        char storage[64];
        struct base_buf got;

        base_buf_init_fixed(&got, storage, sizeof(storage));
        while (rest.data != NULL) {
            struct base_text part = base_text_split(&rest, ',');

            base_buf_appendf(&got, "<%.*s>", (int)part.length, part.data);
        }
        assert_string_equal(base_buf_cstr(&got), cases[i].want);
    }
}

static void test_is_utf8(void **state)
{
    static const struct {
        const char *input;
        bool want;
    } cases[] = {
        {"", true},
        {"abc", true},
        {"\xc3\xa4", true},
        {"\xe2\x82\xac", true},
        {"\xf0\x9f\x93\xa7", true},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xc3", false},
        {"\xa4", false},
        {"\xc0\x80", false},
        {"\xc1\xbf", false},
        {"\xe0\x80\x80", false},
        {"\xed\xa0\x80", false},
        {"\xf0\x80\x80\x80", false},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xe2\x82"
         "a",
         false},
        {"\xff", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (base_text_is_utf8(base_text_of(cases[i].input)) != cases[i].want)
            fail_msg("case %zu", i);
    assert_true(base_text_is_utf8(BASE_TEXT("a\0b")));
}

static void test_classes(void **state)
{
    (void)state;
    assert_int_equal(base_ascii_lower('Z'), 'z');
    assert_int_equal(base_ascii_lower('['), '[');
    assert_true(base_ascii_is_alpha('a') && !base_ascii_is_alpha('1'));
    assert_true(base_ascii_is_digit('9') && !base_ascii_is_digit(':'));
    assert_true(base_ascii_is_alnum('Q') && !base_ascii_is_alnum('_'));
    assert_true(base_ascii_is_print(' ') && base_ascii_is_print('~'));
    assert_true(!base_ascii_is_print('\x7f') && !base_ascii_is_print('\x1f') &&
                !base_ascii_is_print((char)0x80));
}

static void test_buf_cap(void **state)
{
    struct base_buf buf;

    (void)state;
    base_buf_init(&buf, NULL, 4);
    assert_string_equal(base_buf_cstr(&buf), "");
    base_buf_append_cstr(&buf, "abc");
    base_buf_append_char(&buf, 'd');
    assert_false(buf.is_over);
    base_buf_append_text(&buf, BASE_TEXT(""));
    assert_false(buf.is_over);
    base_buf_append_char(&buf, 'e');
    assert_true(buf.is_over);
    assert_string_equal(base_buf_cstr(&buf), "abcd");
    base_buf_clear(&buf);
    base_buf_append_cstr(&buf, "abcde");
    assert_true(buf.is_over);
    /* Sticky: what would fit alone is not appended either. */
    base_buf_append_char(&buf, 'x');
    assert_int_equal(buf.length, 0);
    base_buf_deinit(&buf);
    base_buf_deinit(&buf);
}

static void test_buf_fixed(void **state)
{
    char storage[4];
    struct base_buf buf;

    (void)state;
    base_buf_init_fixed(&buf, storage, sizeof(storage));
    base_buf_appendf(&buf, "%d", 123);
    assert_false(buf.is_over);
    assert_string_equal(storage, "123");
    base_buf_appendf(&buf, "%d", 4);
    assert_true(buf.is_over);
    assert_string_equal(base_buf_cstr(&buf), "123");
    base_buf_init_fixed(&buf, storage, 0);
    base_buf_append_char(&buf, 'x');
    assert_true(buf.is_over);
    assert_string_equal(base_buf_cstr(&buf), "");
}

static void test_buf_grows(void **state)
{
    struct base_arena *arena = base_arena_create(100000, NULL);
    struct base_arena *const arenas[] = {NULL, arena};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct base_buf buf;

        base_buf_init(&buf, arenas[i], 20000);
        for (int n = 0; n < 20000; n++)
            base_buf_append_char(&buf, (char)('a' + n % 26));
        assert_false(buf.is_over);
        assert_int_equal(strlen(base_buf_cstr(&buf)), 20000);
        assert_int_equal(buf.data[19999], 'a' + 19999 % 26);
        base_buf_append_char(&buf, 'x');
        assert_true(buf.is_over);
        base_buf_deinit(&buf);
    }
    base_arena_destroy(&arena);
}

static void test_buf_arena_cap(void **state)
{
    struct base_arena *arena = base_arena_create(100, NULL);
    struct base_buf buf;

    (void)state;
    base_buf_init(&buf, arena, 1000);
    for (int n = 0; n < 100; n++)
        base_buf_append_char(&buf, 'a');
    assert_true(buf.is_over);
    assert_true(base_arena_is_exhausted(arena));
    assert_int_equal(strlen(base_buf_cstr(&buf)), buf.length);
    base_buf_deinit(&buf);
    base_arena_destroy(&arena);
}

/* RFC 4648 section 10. */
static void test_base64(void **state)
{
    static const struct {
        const char *input, *want;
    } cases[] = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"foob", "Zm9vYg=="},
        {"fooba", "Zm9vYmE="},
        {"foobar", "Zm9vYmFy"},
        {"\xff\xfe\xfd", "//79"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char storage[16];
        struct base_buf buf;

        base_buf_init_fixed(&buf, storage, sizeof(storage));
        base_buf_append_base64(&buf, cases[i].input, strlen(cases[i].input));
        assert_string_equal(base_buf_cstr(&buf), cases[i].want);
        base_buf_init_fixed(&buf, storage, strlen(cases[i].want));
        base_buf_append_base64(&buf, cases[i].input, strlen(cases[i].input));
        assert_true(buf.is_over);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_uint),   cmocka_unit_test(test_compare),
        cmocka_unit_test(test_trim),      cmocka_unit_test(test_split),
        cmocka_unit_test(test_is_utf8),   cmocka_unit_test(test_classes),
        cmocka_unit_test(test_buf_cap),   cmocka_unit_test(test_buf_fixed),
        cmocka_unit_test(test_buf_grows), cmocka_unit_test(test_buf_arena_cap),
        cmocka_unit_test(test_base64),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
