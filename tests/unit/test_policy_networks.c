/* policy/networks: CIDR sets, mapped addresses, local pickup. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "conf/conf.h"
#include "policy/networks.h"

static struct policy_client client_of(const char *address, uint16_t port, const char *name)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct policy_client client;

    if (inet_pton(AF_INET, address, &in.sin_addr) == 1) {
        policy_client_init(&client, (const struct sockaddr *)&in, base_text_of(name));
    } else {
        assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
        policy_client_init(&client, (const struct sockaddr *)&in6, base_text_of(name));
    }
    return client;
}

static struct policy_networks *make(const char *item)
{
    const struct conf_item items[] = {{.text = item, .where = {"x.conf", 3}}};
    const struct conf_list list = {.count = 1, .items = items};
    struct base_error error;
    struct policy_networks *networks = policy_networks_create(&list, "trusted-networks", &error);

    if (networks == NULL)
        fail_msg("%s: %s", item, error.text);
    return networks;
}

static void test_contain(void **state)
{
    static const struct {
        const char *network;
        const char *address;
        bool want;
    } cases[] = {
        {"192.0.2.0/24", "192.0.2.0", true},
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.0/24", "192.0.1.255", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1/32", "192.0.2.1", true},
        {"192.0.2.128/25", "192.0.2.127", false},
        {"192.0.2.128/25", "192.0.2.128", true},
        {"192.0.2.4/30", "192.0.2.7", true},
        {"192.0.2.4/30", "192.0.2.8", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"0.0.0.0/0", "2001:db8::1", false},
        {"0.0.0.0/0", "::ffff:203.0.113.9", true},
        {"128.0.0.0/1", "127.255.255.255", false},
        {"128.0.0.0/1", "128.0.0.0", true},
        {"2001:db8::/32", "2001:db8:ffff::1", true},
        {"2001:db8::/32", "2001:db9::1", false},
        {"2001:db8::1", "2001:db8::1", true},
        {"[2001:db8::1]", "2001:db8::1", true},
        {"[2001:db8::]/32", "2001:db8::1", true},
        {"2001:db8::/127", "2001:db8::1", true},
        {"2001:db8::/127", "2001:db8::2", false},
        {"2001:db8:8000::/33", "2001:db8:7fff::", false},
        {"::/0", "2001:db8::1", true},
        {"::/0", "192.0.2.1", false},
        {"::ffff:192.0.2.0/120", "192.0.2.77", true},
        {"::ffff:192.0.2.0/120", "::ffff:192.0.2.77", true},
        {"::ffff:192.0.2.0/120", "192.0.3.77", false},
        {"192.0.2.0/24", "::ffff:192.0.2.77", true},
        {"local", "127.0.0.1", false},
        {"127.0.0.0/8", "127.0.0.1", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_networks *networks = make(cases[i].network);
        struct policy_client client = client_of(cases[i].address, 25, "client.example");

        if (policy_networks_contain(networks, &client) != cases[i].want)
            fail_msg("%s in %s", cases[i].address, cases[i].network);
        policy_networks_destroy(&networks);
        assert_null(networks);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *item;
        const char *want;
    } cases[] = {
        {"", "is not a network"},
        {"192.0.2", "is not a network"},
        {"192.0.2.0/33", "is not a network"},
        {"192.0.2.0/", "is not a network"},
        {"192.0.2.0/-1", "is not a network"},
        {"192.0.2.0/2 4", "is not a network"},
        {"192.0.2.256", "is not a network"},
        {"2001:db8::/129", "is not a network"},
        {"2001:db8::g", "is not a network"},
        {"[192.0.2.1", "is not a network"},
        {"[]", "is not a network"},
        {"mx.example.org", "is not a network"},
        {"Local", "is not a network"},
        {"192.0.2.0-192.0.2.9", "is not a network"},
        {"1111111111111111111111111111111111111111111111111111111111", "is not a network"},
        {"192.0.2.1/24", "write \"192.0.2.0/24\""},
        {"192.0.2.129/25", "write \"192.0.2.128/25\""},
        {"2001:db8::1/64", "write \"2001:db8::/64\""},
        {"::ffff:192.0.2.1/120", "write \"192.0.2.0/24\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct conf_item items[] = {
            {.text = "192.0.2.1", .where = {"x.conf", 2}},
            {.text = cases[i].item, .where = {"x.conf", 3}},
        };
        const struct conf_list list = {.count = 2, .items = items};
        struct base_error error;

        assert_null(policy_networks_create(&list, "signing-networks", &error));
        if (strstr(error.text, cases[i].want) == NULL ||
            strstr(error.text, "x.conf:3: signing-networks: ") == NULL)
            fail_msg("%s: %s", cases[i].item, error.text);
    }
}

/* Postfix says "localhost", 127.0.0.1 and port 0 of what it takes from sendmail(1). */
static void test_local_pickup(void **state)
{
    static const struct {
        const char *address;
        uint16_t port;
        const char *name;
        bool want;
    } cases[] = {
        {"127.0.0.1", 0, "localhost", true},
        {"127.0.0.1", 0, "LOCALHOST", true},
        {"127.0.0.1", 40000, "localhost", false},
        {"127.0.0.1", 0, "unknown", false},
        {"127.0.0.1", 0, "localhost.evil", false},
        {"192.0.2.1", 0, "localhost", false},
        {"::1", 0, "localhost", false},
        {"::ffff:127.0.0.1", 9, "localhost", false},
    };
    struct policy_networks *networks = make("local");
    const struct sockaddr_un path = {.sun_family = AF_UNIX};
    struct policy_client client;

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client = client_of(cases[i].address, cases[i].port, cases[i].name);
        if (policy_networks_contain(networks, &client) != cases[i].want)
            fail_msg("case %zu", i);
    }
    policy_client_init(&client, (const struct sockaddr *)&path, BASE_TEXT("x"));
    assert_true(policy_networks_contain(networks, &client));
    policy_client_init(&client, NULL, BASE_TEXT("localhost"));
    assert_false(policy_networks_contain(networks, &client));
    policy_networks_destroy(&networks);
    networks = make("0.0.0.0/0");
    policy_client_init(&client, (const struct sockaddr *)&path, BASE_TEXT("x"));
    assert_false(policy_networks_contain(networks, &client));
    policy_networks_destroy(&networks);
}

static void test_text(void **state)
{
    static const struct {
        const char *address;
        const char *want;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"2001:DB8:0::1", "2001:db8::1"},
    };
    const struct sockaddr_un path = {.sun_family = AF_UNIX};
    const struct sockaddr other = {.sa_family = 200};
    struct policy_client client;
    char text[64];

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        client = client_of(cases[i].address, 1, "x");
        assert_string_equal(policy_client_text(&client, text, sizeof(text)), cases[i].want);
    }
    policy_client_init(&client, (const struct sockaddr *)&path, BASE_TEXT("x"));
    assert_string_equal(policy_client_text(&client, text, sizeof(text)), "local");
    policy_client_init(&client, NULL, BASE_TEXT("x"));
    assert_string_equal(policy_client_text(&client, text, sizeof(text)), "unknown");
    policy_client_init(&client, &other, BASE_TEXT("x"));
    assert_string_equal(policy_client_text(&client, text, sizeof(text)), "unknown");
}

static void test_empty(void **state)
{
    static const struct conf_list empty;
    struct base_error error;
    struct policy_networks *networks = policy_networks_create(&empty, "trusted-networks", &error);
    struct policy_client client = client_of("127.0.0.1", 0, "localhost");

    (void)state;
    assert_false(policy_networks_contain(networks, &client));
    policy_networks_destroy(&networks);
    policy_networks_destroy(&networks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contain),      cmocka_unit_test(test_refused),
        cmocka_unit_test(test_local_pickup), cmocka_unit_test(test_text),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
