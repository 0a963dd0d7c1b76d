/* store/fold: what is the same key. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "store/fold.h"

static void test_fold(void **state)
{
    static const struct {
        const char *input;
        const char *want;
    } cases[] = {
        {"", ""},
        {"abc", "abc"},
        {"AbC@Example.ORG", "abc@example.org"},
        {"a[]{}^~", "a[]{}^~"},
        {"JOSÉ", "josé"},
        {"Ångström", "ångström"},
        {"Å", "å"}, /* the Ångström sign */
        {"ΣΊΣΥΦΟΣ", "σίσυφοσ"},
        {"ς", "σ"},
        {"ИВАН", "иван"},
        {"Straße", "strasse"},
        {"STRAẞE", "strasse"},
        {"ſ", "s"},
        {"K", "k"}, /* the Kelvin sign */
        /* Neither is an i. */
        {"İ", "İ"},
        {"ı", "ı"},
        /* Its small letter has three octets. */
        {"Ⱥ", "Ⱥ"},
        {"日本", "日本"},
        {"😀A", "😀a"},
        /* Not UTF-8: ASCII alone. */
        {"\xc3(A", "\xc3(a"},
        {"\xff\xc3\x89", "\xff\xc3\x89"},
    };
    struct store_fold fold;

    (void)state;
    store_fold_init(&fold);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64] = "";
        size_t length = store_fold_apply(&fold, base_text_of(cases[i].input), out);

        out[length] = '\0';
        assert_string_equal(out, cases[i].want);
        assert_true(length <= strlen(cases[i].input));
        /* What is folded stays, and may be folded in place. */
        assert_int_equal(store_fold_apply(&fold, (struct base_text){out, length}, out), length);
        assert_string_equal(out, cases[i].want);
    }
    store_fold_deinit(&fold);
}

static void test_without_locale(void **state)
{
    const struct store_fold fold = {(locale_t)0};
    char out[16];

    (void)state;
    assert_int_equal(store_fold_apply(&fold, base_text_of("É.B"), out), 4);
    assert_memory_equal(out, "É.b", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fold),
        cmocka_unit_test(test_without_locale),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
