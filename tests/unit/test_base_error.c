/* base/error: one text for the operator, whatever the arguments hold. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/error.h"

static void test_set(void **state)
{
    static const struct {
        const char *input, *want;
    } cases[] = {
        {"plain", "plain"},
        {"a\nb\tc\x1b[2Jd\x7f", "a?b?c?[2Jd?"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"csi \xc2\x9b"
         "2J",
         "csi ?2J"},
        {"nbsp \xc2\xa0", "nbsp \xc2\xa0"},
        {"end \xc2", "end \xc2"},
        {"%s%n", "%s%n"},
    };
    struct base_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        base_error_set(&error, "%s", cases[i].input);
        assert_string_equal(error.text, cases[i].want);
    }
    base_error_set(NULL, "nobody reads %d", 1);
    base_error_prefix(NULL, "nobody");
}

static void test_cut(void **state)
{
    struct base_error error;
    char text[3000];

    (void)state;
    memset(text, 'x', sizeof(text));
    text[sizeof(error.text) - 1] = '\0';
    base_error_set(&error, "%s", text);
    assert_string_equal(error.text, text);
    text[sizeof(error.text) - 1] = 'x';
    text[sizeof(error.text)] = '\0';
    base_error_set(&error, "%s", text);
    assert_int_equal(strlen(error.text), sizeof(error.text) - 1);
    assert_string_equal(error.text + sizeof(error.text) - 5, "x...");
    /* Never within a character: two octets each, from an odd offset and from an even one. */
    for (size_t i = 0; i + 2 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xa9", 3);
    for (int odd = 0; odd < 2; odd++) {
        base_error_set(&error, "%s%s", odd ? "a" : "", text);
        assert_true(strlen(error.text) <= sizeof(error.text) - 1);
        assert_string_equal(error.text + strlen(error.text) - 4, "\xa9...");
    }
}

static void test_prefix(void **state)
{
    struct base_error error;

    (void)state;
    base_error_set(&error, "line %d", 7);
    base_error_prefix(&error, "file %s", "x.conf");
    assert_string_equal(error.text, "file x.conf: line 7");
    base_error_set(&error, "again: %s", error.text);
    assert_string_equal(error.text, "again: file x.conf: line 7");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_cut),
        cmocka_unit_test(test_prefix),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
