/* Forward-confirmed names of clients (RFC 8601 section 2.7.3). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <string.h>

#include "policy/iprev.h"
#include "tests/unit/dkim_message.h"

#define REVERSE(last) #last ".2.0.192.in-addr.arpa. IN PTR "
#define MANY(prefix)                                                         \
    REVERSE(6)                                                               \
    prefix "1.example.\n" REVERSE(6) prefix "2.example.\n" REVERSE(6) prefix \
        "3.example.\n" REVERSE(6) prefix "4.example.\n" REVERSE(6) prefix "5.example.\n"

static const char zone[] = REVERSE(
    1) "one.example.\n"
       "one.example. IN A 198.51.100.1\n"
       "one.example. IN A 192.0.2.1\n"
       "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. IN PTR "
       "six.example.\n"
       "six.example. IN AAAA 2001:db8::1\n" REVERSE(
           2) "other.example.\n"
              "other.example. IN A 198.51.100.1\n" REVERSE(
                  3) "missing.example.\n"
                     "$FAULT 4.2.0.192.in-addr.arpa. PTR SERVFAIL\n" REVERSE(
                         5) "down.example.\n"
                            "$FAULT down.example. A TIMEOUT\n" MANY("a") MANY("b") REVERSE(
                                6) "last.example.\n"
                                   "a1.example. IN A 192.0.2.6\n"
                                   "b5.example. IN A 192.0.2.6\n"
                                   "last.example. IN A 192.0.2.6\n" REVERSE(
                                       7) "down.example.\n" REVERSE(7) "seven.example.\n"
                                                                       "seven.example. IN A "
                                                                       "192.0.2.7\n" REVERSE(
                                                                           8) ".\n"
    /* Its name has the address as IPv6 only: another address. */
    REVERSE(9) "nine.example.\n"
               "nine.example. IN AAAA ::ffff:192.0.2.9\n";

static const struct {
    const char *address;
    const char *result;
    size_t names;
    const char *name;
} rows[] = {
    {"192.0.2.1", "pass", 1, "one.example"},
    {"2001:db8::1", "pass", 1, "six.example"},
    {"192.0.2.2", "fail", 0, NULL},
    {"192.0.2.3", "fail", 0, NULL},
    {"192.0.2.4", "temperror", 0, NULL},
    {"192.0.2.5", "temperror", 0, NULL},
    /* The eleventh name is not looked at. */
    {"192.0.2.6", "pass", 2, "a1.example"},
    {"192.0.2.7", "pass", 1, "seven.example"},
    {"192.0.2.8", "permerror", 0, NULL},
    {"192.0.2.9", "fail", 0, NULL},
    {"192.0.2.200", "permerror", 0, NULL},
};

static void test_results(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool is_ip6 = strchr(rows[i].address, ':') != NULL;
        unsigned char address[16];
        struct policy_iprev iprev;
        struct test_dns dns;

        test_dns_begin(&dns, BASE_TEXT(zone));
        assert_int_equal(inet_pton(is_ip6 ? AF_INET6 : AF_INET, rows[i].address, address), 1);
        policy_iprev_prefetch(dns.lookups, address, is_ip6 ? 16 : 4);
        policy_iprev_evaluate(dns.arena, dns.lookups, address, is_ip6 ? 16 : 4, &iprev);
        if (strcmp(policy_iprev_result_text(iprev.result), rows[i].result) != 0 ||
            iprev.count != rows[i].names || (iprev.reason == NULL) != (iprev.count > 0))
            fail_msg("%s: %s, %zu names", rows[i].address, policy_iprev_result_text(iprev.result),
                     iprev.count);
        if (rows[i].name != NULL)
            assert_string_equal(iprev.names[0].text, rows[i].name);
        test_dns_end(&dns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
