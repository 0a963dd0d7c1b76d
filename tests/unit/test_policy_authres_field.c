/* policy/authres_field: RFC 8601 section 2.2, read and written. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "policy/authres_field.h"

/* Puts what was read into one line: id [version]; method=result[!reason] ptype.property=value ...
 */
static void show(const struct authres_field *field, struct base_buf *out)
{
    base_buf_append_text(out, field->authserv_id);
    if (field->version.data != NULL) {
        base_buf_append_char(out, ' ');
        base_buf_append_text(out, field->version);
    }
    for (const struct authres_result *result = field->results; result != NULL;
         result = result->next) {
        base_buf_append_cstr(out, "; ");
        base_buf_append_text(out, result->method);
        base_buf_append_char(out, '=');
        base_buf_append_text(out, result->result);
        if (result->reason.data != NULL) {
            base_buf_append_char(out, '!');
            base_buf_append_text(out, result->reason);
        }
        for (const struct authres_property *property = result->properties; property != NULL;
             property = property->next) {
            base_buf_append_char(out, ' ');
            base_buf_append_text(out, property->ptype);
            base_buf_append_char(out, '.');
            base_buf_append_text(out, property->property);
            base_buf_append_char(out, '=');
            base_buf_append_text(out, property->value);
        }
    }
}

struct row {
    struct base_text value;
    /* NULL: it cannot be read. */
    const char *want;
};

#define D8(text)  text text text text text text text text
#define D32(text) D8(text) D8(text) D8(text) D8(text)

static const struct row readings[] = {
    {BASE_TEXT("mx.example.org; none"), "mx.example.org"},
    {BASE_TEXT(" mx.example.org 1; none"), "mx.example.org 1"},
    {BASE_TEXT("a;NONE"), "a"},
    {BASE_TEXT("a; none (really)"), "a"},
    {BASE_TEXT("\"a b\"; none"), "a b"},
    {BASE_TEXT("a; spf=pass"), "a; spf=pass"},
    {BASE_TEXT("a;SPF=Pass"), "a; spf=pass"},
    {BASE_TEXT("a; spf/1=pass"), "a; spf=pass"},
    {BASE_TEXT("a; spf / 1 = pass"), "a; spf=pass"},
    {BASE_TEXT("a; spf=pass;"), "a; spf=pass"},
    {BASE_TEXT("a; spf=pass ; dkim=none"), "a; spf=pass; dkim=none"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=b@c.example"), "a; spf=pass smtp.mailfrom=b@c.example"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=@c.example"), "a; spf=pass smtp.mailfrom=@c.example"},
    {BASE_TEXT("a; spf=pass SMTP.MailFrom=\"b c\"@d.example x.y=z"),
     "a; spf=pass smtp.mailfrom=\"b c\"@d.example x.y=z"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=\"b\\\"c\""), "a; spf=pass smtp.mailfrom=b\"c"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=\"\""), "a; spf=pass smtp.mailfrom="},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=\"a\r\n b\""), "a; spf=pass smtp.mailfrom=a b"},
    {BASE_TEXT("a; dkim=fail reason=\"bad; (key)\" header.d=b.example"),
     "a; dkim=fail!bad; (key) header.d=b.example"},
    {BASE_TEXT("a; dkim=fail reason=word"), "a; dkim=fail!word"},
    {BASE_TEXT("a; dkim=pass header.b=ab/cd header.a=rsa-sha256"),
     "a; dkim=pass header.b=ab/cd header.a=rsa-sha256"},
    {BASE_TEXT("a; x=y z=1 p.q=2"), "a; x=y p.q=2"},
    {BASE_TEXT("(c) a (c(d)e) ; (f) spf (g) = (h) pass (i) smtp (j) . (k) helo (l) = (m) n (o)"),
     "a; spf=pass smtp.helo=n"},
    {BASE_TEXT("a; spf=pass (it\\)s) smtp.helo=b"), "a; spf=pass smtp.helo=b"},
    {BASE_TEXT("a;\r\n\tspf=pass\r\n\tsmtp.helo=b"), "a; spf=pass smtp.helo=b"},
    {BASE_TEXT("a; spf=pass smtp.helo=b\xc3\xbc"), "a; spf=pass smtp.helo=b\xc3\xbc"},
    {BASE_TEXT(D32("(") "x" D32(")") "a; none"), "a"},

    {BASE_TEXT("(" D32("(") "x" D32(")") ")a; none"), NULL},
    {BASE_TEXT("a; spf=pass (((("), NULL},
    {BASE_TEXT("a; spf=pass (\\)"), NULL},
    {BASE_TEXT(""), NULL},
    {BASE_TEXT(" "), NULL},
    {BASE_TEXT(";"), NULL},
    {BASE_TEXT("a"), NULL},
    {BASE_TEXT("a b; none"), NULL},
    {BASE_TEXT("a 1b; none"), NULL},
    {BASE_TEXT("a 1\xff; none"), NULL},
    {BASE_TEXT("a 1.0; none"), NULL},
    {BASE_TEXT("a@b; none"), NULL},
    {BASE_TEXT("\"a; none"), NULL},
    {BASE_TEXT("a; ; spf=pass"), NULL},
    {BASE_TEXT("a; spf"), NULL},
    {BASE_TEXT("a; spf="), NULL},
    {BASE_TEXT("a; =pass"), NULL},
    {BASE_TEXT("a; none; spf=pass"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo"), NULL},
    {BASE_TEXT("a; spf=pass smtp.=b"), NULL},
    {BASE_TEXT("a; spf=pass .helo=b"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo=b@c@d"), "a; spf=pass smtp.helo=b@c@d"},
    {BASE_TEXT("a; spf=pass smtp.helo=b=c"), NULL},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=b+c=d.example@e.example x.y=z"),
     "a; spf=pass smtp.mailfrom=b+c=d.example@e.example x.y=z"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=b/c?@e.example"),
     "a; spf=pass smtp.mailfrom=b/c?@e.example"},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=b@c=d"), NULL},
    {BASE_TEXT("a; spf=pass smtp.mailfrom=b?"), NULL},
    {BASE_TEXT("a;"), NULL},
    {BASE_TEXT("a 1 ; (c)"), NULL},
    {BASE_TEXT("a; spf/x=pass"), NULL},
    {BASE_TEXT("a; spf/=pass"), NULL},
    {BASE_TEXT("a; spf-=pass"), NULL},
    {BASE_TEXT("a; x-y-1=pass p-q.r-s=t"), "a; x-y-1=pass p-q.r-s=t"},
    {BASE_TEXT("a; spf=pass smtp.helo=\"b"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo=\"b\"c"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo=\"b\"@"), NULL},
    {BASE_TEXT("a; spf=pass reason=a reason=b"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo=b reason=a"), NULL},
    {BASE_TEXT("a; spf=pass reason=a@b"), NULL},
    {BASE_TEXT("a; spf=pass smtp.helo=a\0b"), NULL},
    {BASE_TEXT("a\0; none"), NULL},
};

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(readings) / sizeof(readings[0]); i++) {
        struct base_arena *arena = base_arena_create(65536, NULL);
        struct authres_field field;
        struct base_buf shown;
        bool is_good = authres_field_parse(arena, readings[i].value, &field);

        base_buf_init(&shown, NULL, 65536);
        if (is_good)
            show(&field, &shown);
        if (is_good != (readings[i].want != NULL))
            fail_msg("%s: %s", readings[i].value.data, is_good ? base_buf_cstr(&shown) : "bad");
        if (is_good && strcmp(base_buf_cstr(&shown), readings[i].want) != 0)
            fail_msg("%s: %s", readings[i].value.data, base_buf_cstr(&shown));
        base_buf_deinit(&shown);
        base_arena_destroy(&arena);
    }
}

/* Folds become blanks. */
static void unfold(char *text)
{
    char *fold;

    while ((fold = strstr(text, "\n\t")) != NULL) {
        *fold = ' ';
        memmove(fold + 1, fold + 2, strlen(fold + 1));
    }
}

/* How a value of a property, and a reason, stand in a field. */
static void test_values(void **state)
{
    static const struct {
        struct base_text value;
        const char *property;
        const char *reason;
    } rows[] = {
        {BASE_TEXT("a.example"), "a.example", "a.example"},
        {BASE_TEXT("a@b.example"), "a@b.example", "\"a@b.example\""},
        {BASE_TEXT("@b.example"), "@b.example", "\"@b.example\""},
        {BASE_TEXT("a+b=c@d.example"), "\"a+b=c@d.example\"", "\"a+b=c@d.example\""},
        {BASE_TEXT("a@"), "\"a@\"", "\"a@\""},
        {BASE_TEXT("a@b@c"), "\"a@b@c\"", "\"a@b@c\""},
        {BASE_TEXT("a..b@c.example"), "\"a..b@c.example\"", "\"a..b@c.example\""},
        {BASE_TEXT(".a@c.example"), "\".a@c.example\"", "\".a@c.example\""},
        {BASE_TEXT("a@.example"), "\"a@.example\"", "\"a@.example\""},
        {BASE_TEXT("a@[192.0.2.1]"), "\"a@[192.0.2.1]\"", "\"a@[192.0.2.1]\""},
        {BASE_TEXT("a@b_c"), "\"a@b_c\"", "\"a@b_c\""},
        {BASE_TEXT("a/b"), "\"a/b\"", "\"a/b\""},
        {BASE_TEXT(""), "\"\"", "\"\""},
        {BASE_TEXT("a b"), "\"a b\"", "\"a b\""},
        {BASE_TEXT("a;b"), "\"a;b\"", "\"a;b\""},
        {BASE_TEXT("x; dkim=pass header.d=bank.example"), "\"x; dkim=pass header.d=bank.example\"",
         "\"x; dkim=pass header.d=bank.example\""},
        {BASE_TEXT("(c)"), "\"(c)\"", "\"(c)\""},
        {BASE_TEXT("a\"b\\c"), "\"a\\\"b\\\\c\"", "\"a\\\"b\\\\c\""},
        {BASE_TEXT("\\"), "\"\\\\\"", "\"\\\\\""},
        {BASE_TEXT("a\r\nX-Evil: b"), "\"a??X-Evil: b\"", "\"a??X-Evil: b\""},
        {BASE_TEXT("a\0b\tc\x7f"), "\"a?b?c?\"", "\"a?b?c?\""},
        {BASE_TEXT("b\xc3\xbc.example"), "\"b\xc3\xbc.example\"", "\"b\xc3\xbc.example\""},
        {BASE_TEXT("\xc3"), "\"?\"", "\"?\""},
        {BASE_TEXT("\xc0\xaf\xed\xa0\x80\xf5z"), "\"??????z\"", "\"??????z\""},
        {BASE_TEXT("\xf0\x9f\x93\xae"), "\"\xf0\x9f\x93\xae\"", "\"\xf0\x9f\x93\xae\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct authres_property property = {BASE_TEXT("p"), BASE_TEXT("q"), rows[i].value, NULL};
        struct authres_result result = {.method = BASE_TEXT("m"),
                                        .result = BASE_TEXT("r"),
                                        .reason = rows[i].value,
                                        .properties = &property};
        struct authres_field field = {.authserv_id = BASE_TEXT("id"), .results = &result};
        char want[256];
        struct base_buf out;

        base_buf_init(&out, NULL, 4096);
        snprintf(want, sizeof(want), " id;\n\tm=r reason=%s p.q=%s", rows[i].reason,
                 rows[i].property);
        authres_field_write(&field, &out);
        unfold(out.data + 6);
        if (strcmp(base_buf_cstr(&out), want) != 0)
            fail_msg("%s: %s", want, base_buf_cstr(&out));
        base_buf_clear(&out);
        authres_append_value(&out, rows[i].value);
        assert_string_equal(base_buf_cstr(&out), rows[i].property);
        base_buf_deinit(&out);
    }
}

/* No line is long, none begins without a blank, there is no CR. */
static void check_lines(const char *text)
{
    size_t length = 0;

    assert_int_equal(text[0], ' ');
    for (; *text != '\0'; text++) {
        assert_int_not_equal(*text, '\r');
        if (*text == '\n') {
            assert_int_equal(text[1], '\t');
            length = 0;
        }
        assert_true(++length <= 998);
    }
}

/* What was written is read again as it was. */
static void check_back(struct base_arena *arena, const struct authres_field *field,
                       struct base_text want)
{
    struct base_buf out;
    struct authres_field back;

    base_buf_init(&out, NULL, 65536);
    authres_field_write(field, &out);
    check_lines(base_buf_cstr(&out));
    if (!authres_field_parse(arena, base_buf_text(&out), &back))
        fail_msg("cannot be read: %s", base_buf_cstr(&out));
    assert_true(base_text_equals(back.authserv_id, field->authserv_id));
    assert_non_null(back.results);
    assert_true(base_text_equals(back.results->reason, want));
    assert_true(base_text_equals(back.results->properties->value, want));
    assert_null(back.results->properties->next);
    assert_null(back.results->next);
    base_buf_deinit(&out);
}

static void test_back(void **state)
{
    static const struct {
        struct base_text value;
        /* {NULL, 0}: the same. */
        struct base_text want;
    } rows[] = {
        {BASE_TEXT("a"), {NULL, 0}},
        {BASE_TEXT("a@b.example"), {NULL, 0}},
        {BASE_TEXT("\"a b\"@c.example"), {NULL, 0}},
        {BASE_TEXT("\\\\\\"), {NULL, 0}},
        {BASE_TEXT("\"; dkim=pass (x"), {NULL, 0}},
        {BASE_TEXT("((((("), {NULL, 0}},
        {BASE_TEXT(")"), {NULL, 0}},
        {BASE_TEXT(""), {NULL, 0}},
        {BASE_TEXT("none"), {NULL, 0}},
        {BASE_TEXT("b\xc3\xbc"), {NULL, 0}},
        {BASE_TEXT("\r\n\0\x01\xff"), BASE_TEXT("?????")},
        {BASE_TEXT(" trailing "), {NULL, 0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_arena *arena = base_arena_create(65536, NULL);
        struct authres_property property = {BASE_TEXT("p"), BASE_TEXT("q"), rows[i].value, NULL};
        struct authres_result result = {.method = BASE_TEXT("m"),
                                        .result = BASE_TEXT("r"),
                                        .reason = rows[i].value,
                                        .properties = &property};
        struct authres_field field = {.authserv_id = BASE_TEXT("id"), .results = &result};

        check_back(arena, &field, rows[i].want.data == NULL ? rows[i].value : rows[i].want);
        base_arena_destroy(&arena);
    }
}

/* A value of 10 KB is cut, at a character. */
static void test_large(void **state)
{
    static const char *const units[] = {"a",   "\"", "\xc3\xbc", "\xe2\x82\xac", "\xf0\x9f\x93\xae",
                                        "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        struct base_arena *arena = base_arena_create(65536, NULL);
        struct base_buf large;
        size_t unit = strlen(units[i]);
        size_t whole = AUTHRES_VALUE_MAX / unit * unit;
        char want[AUTHRES_VALUE_MAX];

        base_buf_init(&large, NULL, 65536);
        while (large.length < 10240)
            base_buf_append_cstr(&large, units[i]);
        struct authres_property property = {BASE_TEXT("p"), BASE_TEXT("q"), base_buf_text(&large),
                                            NULL};
        struct authres_result result = {.method = BASE_TEXT("m"),
                                        .result = BASE_TEXT("r"),
                                        .reason = property.value,
                                        .properties = &property};
        struct authres_field field = {.authserv_id = BASE_TEXT("id"), .results = &result};
        for (size_t k = 0; k < whole; k++)
            want[k] = units[i][0] == '\xff' ? '?' : large.data[k];
        check_back(arena, &field, (struct base_text){want, whole});
        base_buf_deinit(&large);
        base_arena_destroy(&arena);
    }
}

/* Names that are too long for a line are left out; a field stays a field. */
static void test_long_names(void **state)
{
    char name[2048];
    struct base_text long_name = {name, sizeof(name)};
    struct authres_property property = {BASE_TEXT("p"), long_name, BASE_TEXT("v"), NULL};
    struct authres_result result = {
        .method = BASE_TEXT("m"), .result = BASE_TEXT("r"), .properties = &property};
    struct authres_field field = {
        .authserv_id = BASE_TEXT("id"), .version = long_name, .results = &result};
    struct base_buf out;

    (void)state;
    memset(name, 'x', sizeof(name));
    base_buf_init(&out, NULL, 65536);
    authres_field_write(&field, &out);
    assert_string_equal(base_buf_cstr(&out), " id;\n\tm=r");
    result.method = long_name;
    base_buf_clear(&out);
    authres_field_write(&field, &out);
    assert_string_equal(base_buf_cstr(&out), " id; none");
    base_buf_deinit(&out);
}

static void test_writing(void **state)
{
    struct authres_property from = {BASE_TEXT("header"), BASE_TEXT("from"),
                                    BASE_TEXT("a-rather-long-name-of-a-domain.example.org"), NULL};
    struct authres_property mail = {BASE_TEXT("smtp"), BASE_TEXT("mailfrom"),
                                    BASE_TEXT("joe@example.org"), &from};
    struct authres_result dmarc = {.method = BASE_TEXT("dmarc"), .result = BASE_TEXT("fail")};
    struct authres_result spf = {.method = BASE_TEXT("spf"),
                                 .result = BASE_TEXT("pass"),
                                 .reason = BASE_TEXT("it is"),
                                 .properties = &mail,
                                 .next = &dmarc};
    struct authres_field field = {.authserv_id = BASE_TEXT("mx.example.org"),
                                  .version = BASE_TEXT("1"),
                                  .comment = BASE_TEXT("test zone"),
                                  .results = &spf};
    struct base_buf out;

    (void)state;
    base_buf_init(&out, NULL, 65536);
    authres_field_write(&field, &out);
    assert_string_equal(base_buf_cstr(&out),
                        " mx.example.org 1 (test zone);\n\tspf=pass reason=\"it is\""
                        " smtp.mailfrom=joe@example.org\n\theader.from="
                        "a-rather-long-name-of-a-domain.example.org;\n\tdmarc=fail");
    field.results = NULL;
    base_buf_clear(&out);
    authres_field_write(&field, &out);
    assert_string_equal(base_buf_cstr(&out), " mx.example.org 1 (test zone); none");
    base_buf_deinit(&out);
}

static void test_memory(void **state)
{
    (void)state;
    for (size_t cap = 16; cap <= 256; cap += 16) {
        struct base_arena *arena = base_arena_create(cap, NULL);
        struct authres_field field;

        assert_false(authres_field_parse(
            arena, BASE_TEXT("a 1; spf=pass reason=\"b c\" smtp.helo=d smtp.mailfrom=e; dkim=none"),
            &field));
        base_arena_destroy(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),    cmocka_unit_test(test_values),
        cmocka_unit_test(test_back),       cmocka_unit_test(test_large),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_writing),
        cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
