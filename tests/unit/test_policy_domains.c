/* policy/domains: exact names, names below, U-labels. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "conf/conf.h"
#include "policy/domains.h"

static void test_contain(void **state)
{
    static const struct conf_item items[] = {
        {.text = "example.org"},
        {.text = "B\xc3\x9c"
                 "CHER.example"},
        {.text = ".example.net"},
        {.text = "Zoo.Example.COM."},
        {.text = "example.org"},
        {.text = "a.example"},
    };
    static const struct conf_list list = {.count = 6, .items = items};
    static const struct {
        const char *name;
        bool want;
    } cases[] = {
        {"example.org", true},     {"EXAMPLE.org", true},           {"sub.example.org", false},
        {"xexample.org", false},   {"xn--bcher-kva.example", true}, {"example.net", false},
        {"a.example.net", true},   {"a.b.example.net", true},       {"xexample.net", false},
        {"zoo.example.com", true}, {"oo.example.com", false},       {"org", false},
        {"a.example", true},       {"b.a.example", false},
    };
    struct base_error error;
    struct policy_domains *domains = policy_domains_create(&list, "local-domains", &error);

    (void)state;
    assert_non_null(domains);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_name name;
        assert_int_equal(dns_name_make(&name, base_text_of(cases[i].name)), DNS_NAME_OK);
        if (policy_domains_contain(domains, &name) != cases[i].want)
            fail_msg("%s", cases[i].name);
    }
    policy_domains_destroy(&domains);
    policy_domains_destroy(&domains);
}

static void test_refused(void **state)
{
    static const char *const bad[] = {
        "",   ".", "..", "a b", "a@example.org", "example..org", "..example.org", "*.example.org",
        "a/b"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct conf_item items[] = {{.text = "example.org"},
                                          {.text = bad[i], .where = {"x.conf", 9}}};
        const struct conf_list list = {.count = 2, .items = items};
        struct base_error error;

        assert_null(policy_domains_create(&list, "local-domains", &error));
        if (strstr(error.text, "x.conf:9: local-domains: ") == NULL)
            fail_msg("%s: %s", bad[i], error.text);
    }
}

static void test_empty(void **state)
{
    static const struct conf_list empty;
    static const struct dns_name root;
    struct base_error error;
    struct policy_domains *domains = policy_domains_create(&empty, "local-domains", &error);

    (void)state;
    assert_false(policy_domains_contain(domains, &root));
    policy_domains_destroy(&domains);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contain),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
