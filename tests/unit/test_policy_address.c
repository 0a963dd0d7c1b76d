/* policy/address: paths of the envelope as clients type them, and policy/idn's refusals. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "policy/address.h"
#include "policy/idn.h"

struct row {
    struct base_text path;
    enum policy_address_kind kind;
    const char *text;
    const char *local;
    const char *domain;
};

#define DOMAIN(path, text, local, domain)                                 \
    {                                                                     \
        BASE_TEXT(path), POLICY_ADDRESS_DOMAIN, (text), (local), (domain) \
    }
#define INVALID(path, text)                                       \
    {                                                             \
        BASE_TEXT(path), POLICY_ADDRESS_INVALID, (text), NULL, "" \
    }

static const struct row rows[] = {
    {BASE_TEXT("<>"), POLICY_ADDRESS_NULL, "", NULL, ""},
    {BASE_TEXT(""), POLICY_ADDRESS_NULL, "", NULL, ""},
    {BASE_TEXT(" < > "), POLICY_ADDRESS_NULL, "", NULL, ""},
    {{NULL, 0}, POLICY_ADDRESS_NULL, "", NULL, ""},
    {BASE_TEXT("<postmaster>"), POLICY_ADDRESS_LOCAL, "postmaster", "postmaster", ""},
    {BASE_TEXT("root"), POLICY_ADDRESS_LOCAL, "root", "root", ""},
    {BASE_TEXT("<\"a b\">"), POLICY_ADDRESS_LOCAL, "\"a b\"", "\"a b\"", ""},
    {BASE_TEXT("<a@[192.0.2.1]>"), POLICY_ADDRESS_LITERAL, "a@[192.0.2.1]", "a", ""},
    {BASE_TEXT("a@[IPv6:2001:db8::1]"), POLICY_ADDRESS_LITERAL, "a@[IPv6:2001:db8::1]", "a", ""},
    DOMAIN("<a@example.org>", "a@example.org", "a", "example.org"),
    DOMAIN("a@example.org", "a@example.org", "a", "example.org"),
    DOMAIN("  <a@example.org>\t", "a@example.org", "a", "example.org"),
    DOMAIN("< a@example.org >", "a@example.org", "a", "example.org"),
    DOMAIN("<A@Example.ORG>", "A@Example.ORG", "A", "example.org"),
    DOMAIN("<a@example.org.>", "a@example.org.", "a", "example.org"),
    DOMAIN("<a+b=c@x-y.example>", "a+b=c@x-y.example", "a+b=c", "x-y.example"),
    DOMAIN("<a..b@example.org>", "a..b@example.org", "a..b", "example.org"),
    DOMAIN("<a.@example.org>", "a.@example.org", "a.", "example.org"),
    DOMAIN("<SRS0=x=y=b.example=a@c.example>", "SRS0=x=y=b.example=a@c.example",
           "SRS0=x=y=b.example=a", "c.example"),
    DOMAIN("<\"a b\"@example.org>", "\"a b\"@example.org", "\"a b\"", "example.org"),
    DOMAIN("<\"a@b\"@example.org>", "\"a@b\"@example.org", "\"a@b\"", "example.org"),
    DOMAIN("<\"a\\\"b>\"@example.org>", "\"a\\\"b>\"@example.org", "\"a\\\"b>\"", "example.org"),
    DOMAIN("<\"\"@example.org>", "\"\"@example.org", "\"\"", "example.org"),
    DOMAIN("<@a.test:u@example.org>", "u@example.org", "u", "example.org"),
    DOMAIN("<@a.test,@b.test:u@example.org>", "u@example.org", "u", "example.org"),
    DOMAIN("@a.test:u@example.org", "u@example.org", "u", "example.org"),
    DOMAIN("<@[192.0.2.1]:u@example.org>", "u@example.org", "u", "example.org"),
    DOMAIN("<j\xc3\xb6rg@b\xc3\xbc"
           "cher.example>",
           "j\xc3\xb6rg@b\xc3\xbc"
           "cher.example",
           "j\xc3\xb6rg", "xn--bcher-kva.example"),
    DOMAIN("<a@localhost>", "a@localhost", "a", "localhost"),
    INVALID("<a@example.org", "<a@example.org"),
    INVALID("a@example.org>", "a@example.org>"),
    INVALID("<", "<"),
    INVALID(">", ">"),
    INVALID("<<a@example.org>>", "<a@example.org>"),
    INVALID("<a@example.org><b@example.net>", "a@example.org><b@example.net"),
    INVALID("<a b@example.org>", "a b@example.org"),
    INVALID("<a@b@example.org>", "a@b@example.org"),
    INVALID("<@example.org>", "@example.org"),
    INVALID("<@a.test:>", "@a.test:"),
    INVALID("<@a.test u@example.org>", "@a.test u@example.org"),
    INVALID("<a@>", "a@"),
    INVALID("<a@.>", "a@."),
    INVALID("<a@example..org>", "a@example..org"),
    INVALID("<a@exam ple.org>", "a@exam ple.org"),
    INVALID("<a@example.org\\>", "a@example.org\\"),
    INVALID("<a@exam\"ple.org>", "a@exam\"ple.org"),
    INVALID("<a@[192.0.2.1>", "a@[192.0.2.1"),
    INVALID("<a@[]>", "a@[]"),
    INVALID("<a@[192.0.2.1]x>", "a@[192.0.2.1]x"),
    INVALID("<\"a@example.org>", "\"a@example.org"),
    INVALID("<\"a\"b@example.org>", "\"a\"b@example.org"),
    INVALID("<\"a\\>", "\"a\\"),
    INVALID("<\"a\x01\"@example.org>", "\"a\x01\"@example.org"),
    INVALID("<a\r\n@example.org>", "a\r\n@example.org"),
    INVALID("<a@example.org;b>", "a@example.org;b"),
    INVALID("<a@\xff.example>", "a@\xff.example"),
    INVALID("<\xff@b.example>", "\xff@b.example"),
    INVALID("<a,b@example.org>", "a,b@example.org"),
    INVALID("<(c)a@example.org>", "(c)a@example.org"),
};

static bool is_text(struct base_text got, const char *want)
{
    return want == NULL ? got.length == 0 : base_text_equals(got, base_text_of(want));
}

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_address got;
        enum policy_address_kind kind = policy_address_parse(rows[i].path, &got);

        if (kind != got.kind || kind != rows[i].kind)
            fail_msg("row %zu %s: kind %d", i, rows[i].path.data, (int)kind);
        if (!is_text(got.text, rows[i].text) || !is_text(got.local, rows[i].local) ||
            strcmp(got.domain.text, rows[i].domain) != 0)
            fail_msg("row %zu %s: %.*s, %.*s, %s", i, rows[i].path.data, (int)got.text.length,
                     got.text.data, (int)got.local.length, got.local.data, got.domain.text);
    }
}

static void test_nul(void **state)
{
    static const struct base_text paths[] = {
        BASE_TEXT("<a\0@example.org>"),     BASE_TEXT("<a@example.org\0.evil.example>"),
        BASE_TEXT("<\"a\0\"@example.org>"), BASE_TEXT("\0"),
        BASE_TEXT("<a@[192.0.2.1\0]>"),
    };
    struct policy_address got;

    (void)state;
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        assert_int_equal(policy_address_parse(paths[i], &got), POLICY_ADDRESS_INVALID);
}

static void test_length(void **state)
{
    static char path[POLICY_ADDRESS_MAX + 2];
    struct policy_address got;

    (void)state;
    memset(path, 'a', sizeof(path));
    memcpy(path + POLICY_ADDRESS_MAX - 12, "@example.org", 12);
    struct base_text longest = {path, POLICY_ADDRESS_MAX};
    assert_int_equal(policy_address_parse(longest, &got), POLICY_ADDRESS_DOMAIN);
    memmove(path + POLICY_ADDRESS_MAX - 11, path + POLICY_ADDRESS_MAX - 12, 12);
    path[POLICY_ADDRESS_MAX - 12] = 'a';
    longest.length++;
    assert_int_equal(policy_address_parse(longest, &got), POLICY_ADDRESS_INVALID);
    assert_int_equal(got.text.length, POLICY_ADDRESS_MAX + 1);
}

static void test_names(void **state)
{
    static const struct {
        struct base_text text;
        const char *want;
    } cases[] = {
        {BASE_TEXT("Example.ORG."), "example.org"},
        {BASE_TEXT("a_b.example"), "a_b.example"},
        {BASE_TEXT("xn--bcher-kva.example"), "xn--bcher-kva.example"},
        {BASE_TEXT(""), NULL},
        {BASE_TEXT("."), NULL},
        {BASE_TEXT("a b"), NULL},
        {BASE_TEXT("a\0b"), NULL},
        {BASE_TEXT("b\xc3\xbc\0b"), NULL},
        {BASE_TEXT("a..b"), NULL},
        {BASE_TEXT("b\xc3\xbc..b"), NULL},
        {BASE_TEXT("a/b"), NULL},
        {BASE_TEXT("\xe2\x84\x80.example"), NULL},
        {BASE_TEXT("\xc3"), NULL},
    };
    char longest[POLICY_IDN_MAX + 1];
    struct dns_name name;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool got = policy_idn_to_name(cases[i].text, &name);
        if (got != (cases[i].want != NULL) || strcmp(name.text, got ? cases[i].want : "") != 0)
            fail_msg("case %zu: %s", i, name.text);
    }
    memset(longest, 'a', sizeof(longest));
    assert_false(policy_idn_to_name((struct base_text){longest, sizeof(longest)}, &name));
    for (size_t i = 0; i + 1 < sizeof(longest); i += 2)
        memcpy(longest + i, "\xc3\xa4", 2);
    assert_false(policy_idn_to_name((struct base_text){longest, POLICY_IDN_MAX}, &name));
}

static void test_local_part(void **state)
{
    static const struct {
        const char *path;
        bool want;
    } cases[] = {
        {"<user@a.example>", true},
        {"<USER@a.example>", true},
        {"<\"user\"@a.example>", true},
        {"<\"us\\er\"@a.example>", true},
        {"<user>", true},
        {"<users@a.example>", false},
        {"<use@a.example>", false},
        {"<\"use\"@a.example>", false},
        {"<\"users\"@a.example>", false},
        {"<\"\"@a.example>", false},
        {"<\"user \"@a.example>", false},
        {"<user+x@a.example>", false},
        {"<>", false},
        {"<us er@a.example>", false},
    };
    struct policy_address address;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)policy_address_parse(base_text_of(cases[i].path), &address);
        if (policy_address_is_local_part(&address, BASE_TEXT("user")) != cases[i].want)
            fail_msg("%s", cases[i].path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),      cmocka_unit_test(test_nul),
        cmocka_unit_test(test_length),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_local_part),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
