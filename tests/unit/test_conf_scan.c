/* conf/scan: where tokens begin and end, and in which line. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/scan.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Each token as "LINE<text>". */
static void test_tokens(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"", ""},
        {"a = b", "1<a>1<=>1<b>"},
        {"a=b", "1<a>1<=>1<b>"},
        {"a+=b", "1<a>1<+=>1<b>"},
        {"a\n=\n\nb", "1<a>2<=>4<b>"},
        {"a={b,c}", "1<a>1<=>1<{>1<b>1<,>1<c>1<}>"},
        {"f(\"x\")", "1<f>1<(>1<\"x\">1<)>"},
        {"a\"b\"'c'd", "1<a>1<\"b\">1<'c'>1<d>"},
        {"a# b\nc", "1<a>2<c>"},
        {"a // b\nc", "1<a>2<c>"},
        {"a//b\nc", "1<a//b>2<c>"},
        {"/a/b /", "1</a/b>1</>"},
        {"a/ /*\n*/b", "1<a/>2<b>"},
        {"/*/ a */ b", "1<b>"},
        {"/**/b/***/", NULL},
        {"/**/b /***/", "1<b>"},
        {"/* /* */ b", "1<b>"},
        {"# /*\nb", "2<b>"},
        {"// /*\nb", "2<b>"},
        {"/* # */ b", "1<b>"},
        {"\"# // /* \" b", "1<\"# // /* \">1<b>"},
        {"\"a\\\"b\\\\\" c", "1<\"a\\\"b\\\\\">1<c>"},
        {"'a\\'b\\\\' c", "1<'a\\'b\\\\'>1<c>"},
        {"'a\\b' c", "1<'a\\b'>1<c>"},
        {"\"'\" '\"'", "1<\"'\">1<'\"'>"},
        {"a\r\nb\r\n", "1<a>2<b>"},
        {"$a a$ $", "1<$a>1<a$>1<$>"},
        {"\xef\xbb\xbf"
         "a",
         "1<a>"},
        {"a:b@c.d|e-f_g~h!i?j<k>l%m^n&o[p]q\\r`s", "1<a:b@c.d|e-f_g~h!i?j<k>l%m^n&o[p]q\\r`s>"},
        {"a \"", NULL},
        {"a ;", NULL},
        {"a*", NULL},
        {"a ${b}", NULL},
        {"a $(b)", NULL},
        {"+", NULL},
        {"\"\t\"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char storage[512];
        struct base_buf out;
        struct base_error error = {""};
        struct conf_scanner scanner;
        struct conf_token token = {.kind = CONF_TOKEN_WORD};
        base_buf_init_fixed(&out, storage, sizeof(storage));
        conf_scanner_init(&scanner, base_text_of(cases[i].text), "f");
        while (conf_scanner_next(&scanner, &token, &error) && token.kind != CONF_TOKEN_END)
            base_buf_appendf(&out, "%d<%.*s>", token.where.line, (int)token.raw.length,
                             token.raw.data);
        if (cases[i].want == NULL) {
            if (strncmp(error.text, "f:1: ", 5) != 0)
                fail_msg("%s: %s %s", cases[i].text, base_buf_cstr(&out), error.text);
        } else {
            assert_string_equal(error.text, "");
            assert_string_equal(base_buf_cstr(&out), cases[i].want);
        }
    }
}

static void test_inner(void **state)
{
    struct conf_token word = {.kind = CONF_TOKEN_WORD, .raw = BASE_TEXT("ab")};
    struct conf_token string = {.kind = CONF_TOKEN_STRING, .raw = BASE_TEXT("\"ab\"")};
    struct conf_token empty = {.kind = CONF_TOKEN_STRING, .raw = BASE_TEXT("''")};
    struct conf_token comma = {.kind = CONF_TOKEN_COMMA, .raw = BASE_TEXT(",")};
    (void)state;
    assert_true(base_text_equals(conf_token_inner(&word), BASE_TEXT("ab")));
    assert_true(base_text_equals(conf_token_inner(&string), BASE_TEXT("ab")));
    assert_int_equal(conf_token_inner(&empty).length, 0);
    assert_true(conf_token_is_text(&word) && conf_token_is_text(&empty));
    assert_false(conf_token_is_text(&comma));
}

static bool scan_word(size_t length, struct base_error *error)
{
    char *text = malloc(length);
    struct conf_scanner scanner;
    struct conf_token token;
    assert_non_null(text);
    memset(text, 'a', length);
    conf_scanner_init(&scanner, (struct base_text){text, length}, "f");
    bool is_good = conf_scanner_next(&scanner, &token, error);
    assert_true(!is_good || token.raw.length == length);
    free(text);
    return is_good;
}

static void test_longest(void **state)
{
    struct base_error error;
    (void)state;
    assert_true(scan_word(CONF_SCAN_TOKEN_MAX, &error));
    assert_false(scan_word(CONF_SCAN_TOKEN_MAX + 1, &error));
    assert_non_null(strstr(error.text, "65537 octets: at most 65536"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_inner),
        cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
