/* The honest From fields of tests/data/author-honest: none is invalid, each has its author domain
 * and its display address. And what shows an address, or only seems to. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "policy/author.h"
#include "policy/author_display.h"

#define FILE_MAX ((size_t)1 << 20)

/* \n, \t, \\, \xHH */
static void unescape(struct base_text text, struct base_buf *out)
{
    for (size_t i = 0; i < text.length; i++) {
        char hex[3] = "";

        if (text.data[i] != '\\' || i + 1 == text.length) {
            base_buf_append_char(out, text.data[i]);
            continue;
        }
        i++;
        switch (text.data[i]) {
        case 'n':
            base_buf_append_char(out, '\n');
            break;
        case 't':
            base_buf_append_char(out, '\t');
            break;
        case '\\':
            base_buf_append_char(out, '\\');
            break;
        case 'x':
            assert_true(i + 2 < text.length);
            memcpy(hex, text.data + i + 1, 2);
            base_buf_append_char(out, (char)strtoul(hex, NULL, 16));
            i += 2;
            break;
        default:
            fail_msg("no such escape in \"%.*s\"", (int)text.length, text.data);
        }
    }
}

static void check_honest(struct base_text line)
{
    struct base_text rest = line;
    struct base_text domain = base_text_split(&rest, ' ');
    struct base_text display = base_text_split(&rest, ' ');
    struct policy_author author;
    struct base_buf value;
    const char *word;
    char got[300];

    assert_true(rest.data != NULL && display.length > 0);
    base_buf_init(&value, NULL, FILE_MAX);
    unescape(rest, &value);
    policy_author_parse(base_buf_text(&value), &author);
    base_buf_deinit(&value);
    word = author.outcome == POLICY_AUTHOR_ONE    ? author.domain.text
           : author.outcome == POLICY_AUTHOR_NONE ? "(none)"
                                                  : "(several)";
    snprintf(got, sizeof(got), "%s %s", word,
             author.outcome == POLICY_AUTHOR_ONE ? policy_display_address_text(author.display)
                                                 : "-");
    if (author.outcome == POLICY_AUTHOR_INVALID)
        fail_msg("%.*s: invalid: %s", (int)line.length, line.data, author.reason);
    if (!base_text_equals((struct base_text){line.data, domain.length + 1 + display.length},
                          base_text_of(got)))
        fail_msg("%.*s: got %s", (int)line.length, line.data, got);
}

static void test_honest(void **state)
{
    const char *srcdir = getenv("srcdir");
    struct base_error error = {""};
    struct base_text rest;
    char path[4096];
    size_t count = 0;
    char *data;

    (void)state;
    snprintf(path, sizeof(path), "%s/tests/data/author-honest", srcdir == NULL ? "." : srcdir);
    if (!base_file_read(path, FILE_MAX, &data, &rest.length, &error))
        fail_msg("%s", error.text);
    rest.data = data;
    while (rest.data != NULL) {
        struct base_text line = base_text_split(&rest, '\n');

        if (line.length == 0 || line.data[0] == '#')
            continue;
        check_honest(line);
        count++;
    }
    assert_true(count >= 200);
    base_mem_free(data);
}

static void test_display(void **state)
{
    static const struct {
        const char *value;
        const char *want;
    } rows[] = {
        {"Alice <alice@example.org>", "none"},
        {"\"x@a.example\" <alice@example.org>", "other-domain"},
        {"\"x@example.org\" <alice@example.org>", "same"},
        {"\"x@example.org, y@a.example\" <alice@example.org>", "other-domain"},
        {"\"y@a.example, x@example.org\" <alice@example.org>", "other-domain"},
        {"\"x\\@a.example\" <alice@example.org>", "other-domain"},
        {"\"x@a.ex\n ample\" <alice@example.org>", "other-domain"},
        {"\"<x@a.example>\" <alice@example.org>", "other-domain"},
        {"\"x@a.example.\" <alice@example.org>", "other-domain"},
        {"\"\xe2\x80\x98x@example.org\xe2\x80\x99\" <alice@example.org>", "same"},
        {"alice@example.org (x@a.example)", "other-domain"},
        {"(x@a.example) alice@example.org", "other-domain"},
        {"alice@example.org (a (b (x@a.example)))", "other-domain"},
        {"alice@example.org (\"x@a.example)", "other-domain"},
        {"=?utf-8?q?x=40a=2Eexample?= <alice@example.org>", "other-domain"},
        {"=?utf-8?B?eEBhLmV4YW1wbGU=?= <alice@example.org>", "other-domain"},
        {"\"=?utf-8?B?eEBhLmV4YW1wbGU=?=\" <alice@example.org>", "other-domain"},
        {"=?utf-8?q?x=40a?= =?utf-8?q?=2Eexample?= <alice@example.org>", "other-domain"},
        {"=?utf-8?q?x?=\n =?utf-8?b?QA==?= =?utf-8?q?a=2Eexample?= <alice@example.org>",
         "other-domain"},
        {"=?utf-8?q?x=40_a=2Eexample?= <alice@example.org>", "none"},
        {"=?utf-8?x?x=40a=2Eexample?= <alice@example.org>", "none"},
        {"=?utf-8?q?x=4?= <alice@example.org>", "none"},
        {"\"x@\" <alice@a.example>", "none"},
        {"\"@a.example\" <alice@example.org>", "none"},
        {"\"x @a.example\" <alice@example.org>", "none"},
        {"\"x@ a.example\" <alice@example.org>", "none"},
        {"\"x@home\" <alice@example.org>", "none"},
        {"\"x@1.2\" <alice@example.org>", "none"},
        {"\"x@a..example\" <alice@example.org>", "none"},
        {"\"x@a.example\" \"y\" <alice@example.org>, bob@example.org", "other-domain"},
        {"\"=?x@a.example?q?y?=\" <alice@example.org>", "other-domain"},
        {"\"x@b\xc3\xbc.example\xff\" <alice@example.org>", "other-domain"},
        {"\"=?x?b?x@a.example?=\" <alice@example.org>", "other-domain"},
        {"\"x@example.o\\rg\" <alice@example.org>", "other-domain"},
        /* a route is not shown */
        {"<@a.example:alice@example.org>", "none"},
    };
    struct dns_name author;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_author got;

        policy_author_parse(base_text_of(rows[i].value), &got);
        assert_int_equal(got.outcome, POLICY_AUTHOR_ONE);
        if (strcmp(policy_display_address_text(got.display), rows[i].want) != 0)
            fail_msg("%s: got %s", rows[i].value, policy_display_address_text(got.display));
    }
    /* never past the end, whatever is cut off */
    assert_int_equal(dns_name_make(&author, BASE_TEXT("example.org")), DNS_NAME_OK);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t length = 0; length <= strlen(rows[i].value); length++) {
            char *copy = base_mem_alloc(length + 1);

            memcpy(copy, rows[i].value, length);
            (void)policy_author_display((struct base_text){copy, length}, &author);
            base_mem_free(copy);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest),
        cmocka_unit_test(test_display),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
