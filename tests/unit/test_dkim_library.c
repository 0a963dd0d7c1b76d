/* policy/dkim/library: what does not get as far as libopendkim. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/dkim/library.h"

static const char *no_key(void *context, const char *domain, const char *selector)
{
    (void)context;
    (void)domain;
    (void)selector;
    return NULL;
}

#define T(literal)                   \
    {                                \
        literal, sizeof(literal) - 1 \
    }

static const struct {
    struct base_text name;
    struct base_text value;
    bool is_taken;
} rows[] = {
    {T("Subject"), T(" x"), true},
    {T("Subject"), T(""), true},
    {T("Subject"), T(" a\n b"), true},
    {T("Subject"), T(" a\r\n b"), true},
    {T("!#$~"), T(" x"), true},
    {T("Subject"), T(" \xc3\xa4"), true},
    {T(""), T(" x"), false},
    {T("Sub ject"), T(" x"), false},
    {T("Subject "), T(" x"), false},
    {T("Sub:ject"), T(" x"), false},
    {T("Subj\xc3\xa4"), T(" x"), false},
    {T("Sub\0ject"), T(" x"), false},
    {T("Subject"), T(" a\0b"), false},
    {T("Subject"), T("\0"), false},
    {T("Sub\tject"), T(" x"), false},
    {T("Sub\x7fject"), T(" x"), false},
};

static void test_fields(void **state)
{
    struct dkim_library *library = dkim_library_create();
    struct dkim_pass *pass = dkim_pass_begin(library, no_key, NULL);

    (void)state;
    assert_non_null(pass);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (dkim_pass_field(pass, rows[i].name, rows[i].value) != rows[i].is_taken)
            fail_msg("row %zu", i);
    /* There is no signature to judge. */
    assert_false(dkim_pass_end_header(pass));
    dkim_pass_end(&pass);
    dkim_library_destroy(&library);
}

static void test_nothing(void **state)
{
    struct dkim_library *library = NULL;
    struct dkim_pass *pass = NULL;

    (void)state;
    dkim_pass_end(&pass);
    dkim_library_destroy(&library);
    library = dkim_library_create();
    pass = dkim_pass_begin(library, no_key, NULL);
    dkim_pass_end(&pass);
    assert_null(pass);
    dkim_library_destroy(&library);
    assert_null(library);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
