/* policy/helo: the kinds of HELO (RFC 5321 section 4.1.1.1). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <sys/socket.h>

#include "policy/helo.h"
#include "policy/networks.h"

#define BIT(class)  (1U << POLICY_HELO_##class)
#define TEN         "abcdefghij"
#define SIXTY_THREE TEN TEN TEN TEN TEN TEN "abc"

static const struct policy_client ip4 = {.family = AF_INET, .address = {192, 0, 2, 1}};
static const struct policy_client ip6 = {
    .family = AF_INET6, .address = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}};
static const struct policy_client local = {.family = AF_UNIX};

static void test_classes(void **state)
{
    static const struct {
        const char *helo;
        const struct policy_client *client;
        unsigned want;
    } cases[] = {
        {"mail.example.org", &ip4, 0},
        {"MAIL.Example.ORG", &ip4, 0},
        {"a.b", &ip4, 0},
        {"1.example", &ip4, 0},
        {"a--b.example", &ip4, 0},
        {"xn--bcher-kva.example", &ip4, 0},
        {"b\xc3\xbc"
         "cher.example",
         &ip4, 0},
        {SIXTY_THREE ".example", &ip4, 0},
        {"", &ip4, BIT(MISSING)},
        {NULL, &ip4, BIT(MISSING)},
        {"  \t", &ip4, BIT(MISSING)},
        {"localhost", &ip4, BIT(UNQUALIFIED)},
        {"user-pc", &ip4, BIT(UNQUALIFIED)},
        {"4", &ip4, BIT(UNQUALIFIED)},
        {"192.0.2.1", &ip4, BIT(BARE_ADDRESS)},
        {"198.51.100.1", &ip4, BIT(BARE_ADDRESS)},
        {"2001:db8::1", &ip6, BIT(BARE_ADDRESS)},
        {"::1", &ip6, BIT(BARE_ADDRESS)},
        {"ABCD:ABCD:ABCD:ABCD:ABCD:ABCD:192.168.158.190", &ip6, BIT(BARE_ADDRESS)},
        {"ABCD:ABCD:ABCD:ABCD:ABCD:ABCD:192.168.158.1900", &ip6, BIT(SYNTAX)},
        {"ABCD:ABCD:ABCD:ABCD:ABCD:ABCD:192.168.158.19000", &ip6, BIT(SYNTAX)},
        /* No address: labels of digits, which the grammar allows. */
        {"192.0.2.256", &ip4, 0},
        {"192.0.2", &ip4, 0},
        {"[192.0.2.1]", &ip4, BIT(LITERAL)},
        {" [192.0.2.1] ", &ip4, BIT(LITERAL)},
        {"[192.0.2.2]", &ip4, BIT(LITERAL) | BIT(WRONG_LITERAL)},
        {"[IPv6:2001:db8::1]", &ip6, BIT(LITERAL)},
        {"[ipv6:2001:DB8:0::1]", &ip6, BIT(LITERAL)},
        {"[IPv6:2001:db8::2]", &ip6, BIT(LITERAL) | BIT(WRONG_LITERAL)},
        {"[IPv6:2001:db8::1]", &ip4, BIT(LITERAL) | BIT(WRONG_LITERAL)},
        {"[192.0.2.1]", &ip6, BIT(LITERAL) | BIT(WRONG_LITERAL)},
        {"[IPv6:::ffff:192.0.2.1]", &ip4, BIT(LITERAL)},
        {"[192.0.2.1]", &local, BIT(LITERAL)},
        {"[2001:db8::1]", &ip6, BIT(SYNTAX)},
        {"[IPv6:192.0.2.1]", &ip4, BIT(SYNTAX)},
        {"[192.0.2.1", &ip4, BIT(SYNTAX)},
        {"192.0.2.1]", &ip4, BIT(SYNTAX)},
        {"[", &ip4, BIT(SYNTAX)},
        {"[192.0.2.11", &ip4, BIT(SYNTAX)},
        {SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE, &ip4, 0},
        {"[]", &ip4, BIT(SYNTAX)},
        {"[192.0.2.01]", &ip4, BIT(SYNTAX)},
        {"[192.0.2.1 ]", &ip4, BIT(SYNTAX)},
        {"[x-tag:abc]", &ip4, BIT(SYNTAX)},
        {"[mail.example.org]", &ip4, BIT(SYNTAX)},
        {"a_b.example", &ip4, BIT(SYNTAX)},
        {"a b.example", &ip4, BIT(SYNTAX)},
        {"a..example", &ip4, BIT(SYNTAX)},
        {".example", &ip4, BIT(SYNTAX)},
        {"a.example.", &ip4, BIT(SYNTAX)},
        {".", &ip4, BIT(SYNTAX)},
        {"-a.example", &ip4, BIT(SYNTAX)},
        {"a-.example", &ip4, BIT(SYNTAX)},
        {SIXTY_THREE "d.example", &ip4, BIT(SYNTAX)},
        {SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE "." SIXTY_THREE ".a", &ip4, BIT(SYNTAX)},
        {"user@example.org", &ip4, BIT(SYNTAX)},
        {"<mail.example.org>", &ip4, BIT(SYNTAX)},
        {"\"mail\"", &ip4, BIT(SYNTAX)},
        {"a,b", &ip4, BIT(SYNTAX)},
        {"mail.example.org\x01", &ip4, BIT(SYNTAX)},
        {"\xff\xfe.example", &ip4, BIT(SYNTAX)},
        {"b\xc3\xbc"
         "cher.example.",
         &ip4, BIT(SYNTAX)},
        {"(none)", &ip4, BIT(SYNTAX)},
        {"%d.example", &ip4, BIT(SYNTAX)},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned classes = policy_helo_classes(base_text_of(cases[i].helo), cases[i].client);

        if (classes != cases[i].want)
            fail_msg("row %zu, \"%s\": 0x%x, want 0x%x", i, cases[i].helo, classes, cases[i].want);
    }
}

static void test_nul(void **state)
{
    (void)state;
    assert_int_equal(policy_helo_classes((struct base_text){"a\0.example", 10}, &ip4), BIT(SYNTAX));
    assert_int_equal(policy_helo_classes((struct base_text){"[192.0.2.1\0]", 12}, &ip4),
                     BIT(SYNTAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_classes),
        cmocka_unit_test(test_nul),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
