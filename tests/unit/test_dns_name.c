#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "dns/name.h"

#define L63  "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
#define N127 L63 "." L63
/* 253 octets: three labels of 63, one of 61. */
#define N253 N127 "." L63 ".abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghi"

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return name;
}

static void test_make(void **state)
{
    static const struct {
        struct base_text input;
        enum dns_name_fault fault;
        const char *want;
        unsigned labels;
    } cases[] = {
        {BASE_TEXT("example.org"), DNS_NAME_OK, "example.org", 2},
        {BASE_TEXT("Example.ORG."), DNS_NAME_OK, "example.org", 2},
        {BASE_TEXT("a"), DNS_NAME_OK, "a", 1},
        {BASE_TEXT("_dmarc.example.org"), DNS_NAME_OK, "_dmarc.example.org", 3},
        {BASE_TEXT("a\\.b"), DNS_NAME_OK, "a\\.b", 2},
        {BASE_TEXT("\xc3\xa4 (\r\n.x"), DNS_NAME_OK, "\xc3\xa4 (\r\n.x", 2},
        {BASE_TEXT(""), DNS_NAME_EMPTY, "", 0},
        {{NULL, 0}, DNS_NAME_EMPTY, "", 0},
        {BASE_TEXT("."), DNS_NAME_EMPTY, "", 0},
        {BASE_TEXT(".."), DNS_NAME_EMPTY_LABEL, "", 0},
        {BASE_TEXT("a..b"), DNS_NAME_EMPTY_LABEL, "", 0},
        {BASE_TEXT(".a"), DNS_NAME_EMPTY_LABEL, "", 0},
        {BASE_TEXT("a.."), DNS_NAME_EMPTY_LABEL, "", 0},
        {BASE_TEXT("a\0b.org"), DNS_NAME_BAD_OCTET, "", 0},
        {BASE_TEXT(L63 ".org"), DNS_NAME_OK, L63 ".org", 2},
        {BASE_TEXT(L63 "x.org"), DNS_NAME_LABEL_TOO_LONG, "", 0},
        {BASE_TEXT(N253), DNS_NAME_OK, N253, 4},
        {BASE_TEXT(N253 "."), DNS_NAME_OK, N253, 4},
        {BASE_TEXT(N253 "x"), DNS_NAME_TOO_LONG, "", 0},
        {BASE_TEXT("x." N253), DNS_NAME_TOO_LONG, "", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_name name;

        memset(&name, 0x55, sizeof(name));
        assert_int_equal(dns_name_make(&name, cases[i].input), cases[i].fault);
        assert_string_equal(name.text, cases[i].want);
        assert_int_equal(name.length, strlen(cases[i].want));
        assert_int_equal(name.label_count, cases[i].labels);
        assert_true(strlen(dns_name_fault_text(cases[i].fault)) > 5);
    }
}

/* 127 labels are as many as fit. */
static void test_make_labels(void **state)
{
    struct dns_name name;
    char text[256];

    (void)state;
    for (size_t i = 0; i < 254; i++)
        text[i] = i % 2 == 0 ? 'a' : '.';
    assert_int_equal(dns_name_make(&name, (struct base_text){text, 254}), DNS_NAME_OK);
    assert_int_equal(name.label_count, 127);
    assert_int_equal(name.length, 253);
    text[254] = 'a';
    assert_int_equal(dns_name_make(&name, (struct base_text){text, 255}), DNS_NAME_TOO_LONG);
}

static void test_escape(void **state)
{
    static const struct {
        const char *input;
        const char *want;
    } cases[] = {
        {"example.org", "example.org"},
        {"A-b_c.org", "a-b_c.org"},
        {"a\\.b", "a\\092.b"},
        {"a b\"(;)@$*.org", "a\\032b\\034\\040\\059\\041\\064\\036\\042.org"},
        {"\xff\x01\x7f", "\\255\\001\\127"},
    };
    char out[DNS_NAME_ESCAPED_SIZE];
    struct dns_name name;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        name = name_of(cases[i].input);
        assert_string_equal(dns_name_escape(&name, out), cases[i].want);
    }
    assert_int_equal(dns_name_make(&name, BASE_TEXT("")), DNS_NAME_EMPTY);
    assert_string_equal(dns_name_escape(&name, out), ".");
}

/* The longest name, every octet of it escaped but the dots, fills the room and no more. */
static void test_escape_longest(void **state)
{
    char out[DNS_NAME_ESCAPED_SIZE];
    char text[DNS_NAME_MAX];
    struct dns_name name;

    (void)state;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 64 == 63 ? '.' : '\xff';
    assert_int_equal(dns_name_make(&name, (struct base_text){text, sizeof(text)}), DNS_NAME_OK);
    assert_int_equal(strlen(dns_name_escape(&name, out)), 4 * 250 + 3);
}

static void test_within(void **state)
{
    static const struct {
        const char *name;
        const char *ancestor;
        bool want;
    } cases[] = {
        {"example.org", "example.org", true},    {"a.example.org", "example.org", true},
        {"a.b.example.org", "org", true},        {"badexample.org", "example.org", false},
        {"example.org", "a.example.org", false}, {"example.org", "example.com", false},
        {"EXAMPLE.org", "example.ORG", true},
    };
    struct dns_name root = {0};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_name name = name_of(cases[i].name);
        struct dns_name ancestor = name_of(cases[i].ancestor);

        assert_int_equal(dns_name_is_within(&name, &ancestor), cases[i].want);
        assert_true(dns_name_is_within(&name, &root));
        assert_false(dns_name_is_within(&root, &name));
        assert_true(dns_name_equals(&name, &name));
        assert_false(dns_name_equals(&name, &root));
    }
    assert_true(dns_name_is_within(&root, &root));
}

static void test_prepend(void **state)
{
    static const struct {
        const char *prefix;
        const char *name;
        const char *want;
    } cases[] = {
        {"_dmarc", "example.org", "_dmarc.example.org"},
        {"s1._domainkey", "example.org", "s1._domainkey.example.org"},
        {"SEL", "org", "sel.org"},
        {"", "org", NULL},
        {".", "org", NULL},
        {"a.", "org", NULL},
        {L63 "x", "org", NULL},
        {"a", N253, NULL},
        {N253 N253 N253, "org", NULL},
    };
    struct dns_name root = {0};
    struct dns_name out;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_name name = name_of(cases[i].name);

        assert_int_equal(dns_name_prepend(&out, cases[i].prefix, &name), cases[i].want != NULL);
        if (cases[i].want != NULL)
            assert_string_equal(out.text, cases[i].want);
        /* In place too. */
        assert_int_equal(dns_name_prepend(&name, cases[i].prefix, &name), cases[i].want != NULL);
    }
    assert_true(dns_name_prepend(&out, "_dmarc", &root));
    assert_string_equal(out.text, "_dmarc");
    assert_false(dns_name_prepend(&out, "a.", &root));
}

static void test_suffix(void **state)
{
    static const char *const wants[] = {"",
                                        "org",
                                        "example.org",
                                        "b.example.org",
                                        "a.b.example.org",
                                        "a.b.example.org",
                                        "a.b.example.org"};

    (void)state;
    for (unsigned labels = 0; labels < sizeof(wants) / sizeof(wants[0]); labels++) {
        struct dns_name name = name_of("a.b.example.org");
        struct dns_name out;

        dns_name_suffix(&out, &name, labels);
        assert_string_equal(out.text, wants[labels]);
        assert_int_equal(out.length, strlen(wants[labels]));
        assert_int_equal(out.label_count, labels > 4 ? 4 : labels);
        dns_name_suffix(&name, &name, labels);
        assert_true(dns_name_equals(&name, &out));
    }
}

static void test_reverse(void **state)
{
    static const unsigned char v4[] = {192, 0, 2, 1};
    static const unsigned char v6[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 0xcb};
    struct dns_name name;

    (void)state;
    dns_name_reverse(&name, v4, sizeof(v4));
    assert_string_equal(name.text, "1.2.0.192.in-addr.arpa");
    dns_name_reverse(&name, v6, sizeof(v6));
    assert_string_equal(name.text, "b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0."
                                   "8.b.d.0.1.0.0.2.ip6.arpa");
    assert_int_equal(name.label_count, 34);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make),   cmocka_unit_test(test_make_labels),
        cmocka_unit_test(test_escape), cmocka_unit_test(test_escape_longest),
        cmocka_unit_test(test_within), cmocka_unit_test(test_prepend),
        cmocka_unit_test(test_suffix), cmocka_unit_test(test_reverse),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
