/* conf/guard: what no value may hold. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "conf/guard.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_texts(void **state)
{
    static const struct {
        struct base_text text;
        /* NULL: it may. */
        const char *want;
    } cases[] = {
        {BASE_TEXT(""), NULL},
        {BASE_TEXT(" ~"), NULL},
        {BASE_TEXT("$"), NULL},
        {BASE_TEXT("$a $$ {$} $ {"), NULL},
        {BASE_TEXT("\xc3\xb6 \xe2\x82\xac \xf0\x9f\x93\xa7"), NULL},
        {BASE_TEXT("\xc2\xa0"), NULL},
        {BASE_TEXT("a${"), "\"${\" is refused"},
        {BASE_TEXT("$(b"), "\"$(\" is refused"},
        {BASE_TEXT("a\0b"), "0x00"},
        {BASE_TEXT("\t"), "0x09"},
        {BASE_TEXT("\n"), "0x0a"},
        {BASE_TEXT("a\x1f"), "0x1f"},
        {BASE_TEXT("\x7f"), "0x7f"},
        {BASE_TEXT("\xc2\x80"), "U+0080"},
        {BASE_TEXT("\xc2\x9f"), "U+009F"},
        {BASE_TEXT("\xc2"), "not UTF-8"},
        {BASE_TEXT("\x80"), "not UTF-8"},
        {BASE_TEXT("\xc0\xaf"), "not UTF-8"},
        {BASE_TEXT("\xed\xa0\x80"), "not UTF-8"},
        {BASE_TEXT("\xf4\x90\x80\x80"), "not UTF-8"},
        {BASE_TEXT("d\xf6rfl"), "not UTF-8"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct base_error error = {""};
        bool is_good = conf_guard_text(cases[i].text, &error);
        if (is_good != (cases[i].want == NULL))
            fail_msg("case %zu: %s", i, error.text);
        if (!is_good && strstr(error.text, cases[i].want) == NULL)
            fail_msg("case %zu: %s", i, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
