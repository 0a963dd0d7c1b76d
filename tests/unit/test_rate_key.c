/* policy/rate/key: keys of certificates and of HELO, joined and cut. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "policy/rate/exempt.h"
#include "policy/rate/key.h"
#include "policy/tls.h"

static const struct {
    struct policy_tls tls;
    const char *want;
} certificates[] = {
    {{.certificate = POLICY_CERTIFICATE_VERIFIED,
      .subject = "/O=Org/CN=A",
      .subject_cn = "A",
      .issuer = "/O=Root",
      .issuer_cn = "Root"},
     "/o=org/cn=a of /o=root"},
    {{.certificate = POLICY_CERTIFICATE_VERIFIED, .subject_cn = "A", .issuer_cn = "Root"},
     "a of root"},
    {{.certificate = POLICY_CERTIFICATE_VERIFIED,
      .subject = "A",
      .subject_cn = "AA",
      .issuer = "R",
      .issuer_cn = "Root"},
     "a of r"},
    {{.certificate = POLICY_CERTIFICATE_VERIFIED, .subject = "A"}, "a of "},
    {{.certificate = POLICY_CERTIFICATE_VERIFIED, .issuer = "R"}, NULL},
    {{.certificate = POLICY_CERTIFICATE_UNVERIFIED, .subject = "A", .issuer = "R"}, NULL},
    {{.certificate = POLICY_CERTIFICATE_NONE, .subject = "A", .issuer = "R"}, NULL},
};

static void test_certificates(void **state)
{
    const struct rate_key key = {.count = 1, .parts = {RATE_PART_CERTIFICATE}};

    (void)state;
    for (size_t i = 0; i < sizeof(certificates) / sizeof(certificates[0]); i++) {
        const struct rate_facts facts = {.tls = &certificates[i].tls};
        char storage[RATE_KEY_MAX + 1];
        struct base_buf out;
        enum rate_key_outcome outcome;

        base_buf_init_fixed(&out, storage, sizeof(storage));
        outcome = rate_key_make(&key, &facts, NULL, &out);
        if (outcome != (certificates[i].want == NULL ? RATE_KEY_MISSING : RATE_KEY_MADE))
            fail_msg("row %zu: %d", i, (int)outcome);
        if (outcome == RATE_KEY_MADE && strcmp(base_buf_cstr(&out), certificates[i].want) != 0)
            fail_msg("row %zu: %s", i, base_buf_cstr(&out));
    }
}

static void test_joined(void **state)
{
    const struct rate_key key = {.count = 2, .parts = {RATE_PART_HELO, RATE_PART_LOGIN}};
    struct rate_facts facts = {.helo = BASE_TEXT("MX.Example"), .login = BASE_TEXT("Alice")};
    char storage[RATE_KEY_MAX + 1];
    struct base_buf out;

    (void)state;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    assert_int_equal(rate_key_make(&key, &facts, NULL, &out), RATE_KEY_MADE);
    assert_string_equal(base_buf_cstr(&out), "mx.example|alice");
    facts.helo = (struct base_text){NULL, 0};
    base_buf_init_fixed(&out, storage, sizeof(storage));
    assert_int_equal(rate_key_make(&key, &facts, NULL, &out), RATE_KEY_MISSING);
}

/* Each part by itself, not what stands before it. */
static void test_exempt(void **state)
{
    static const struct conf_item items[] = {{"alice", {"x.conf", 1}},
                                             {"mx.example", {"x.conf", 1}}};
    static const struct {
        const char *helo;
        const char *login;
        enum rate_key_outcome want;
    } rows[] = {
        {"host.example", "bob", RATE_KEY_MADE},
        {"host.example", "Alice", RATE_KEY_EXEMPT},
        {"MX.example", "bob", RATE_KEY_EXEMPT},
        {"alice.example", "alice2", RATE_KEY_MADE},
    };
    const struct rate_key key = {.count = 2, .parts = {RATE_PART_HELO, RATE_PART_LOGIN}};
    const struct conf_list list = {.count = 2, .items = items};
    struct base_error error;
    struct rate_exempt *exempt = rate_exempt_create(&list, &error);

    (void)state;
    assert_non_null(exempt);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct rate_facts facts = {.helo = base_text_of(rows[i].helo),
                                         .login = base_text_of(rows[i].login)};
        char storage[RATE_KEY_MAX + 1];
        struct base_buf out;

        base_buf_init_fixed(&out, storage, sizeof(storage));
        if (rate_key_make(&key, &facts, exempt, &out) != rows[i].want)
            fail_msg("row %zu", i);
    }
    rate_exempt_destroy(&exempt);
}

/* Two that differ behind the cut are two keys. */
static void test_cut(void **state)
{
    const struct rate_key key = {.count = 1, .parts = {RATE_PART_HELO}};
    char keys[2][RATE_KEY_MAX + 1];
    char helo[2 * RATE_KEY_MAX];

    (void)state;
    memset(helo, 'a', sizeof(helo));
    for (int i = 0; i < 2; i++) {
        const struct rate_facts facts = {.helo = {helo, sizeof(helo)}};
        struct base_buf out;

        helo[sizeof(helo) - 1] = (char)('a' + i);
        base_buf_init_fixed(&out, keys[i], sizeof(keys[i]));
        assert_int_equal(rate_key_make(&key, &facts, NULL, &out), RATE_KEY_MADE);
        assert_true(strlen(keys[i]) <= RATE_KEY_MAX);
        assert_non_null(strchr(keys[i], '#'));
    }
    assert_string_not_equal(keys[0], keys[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificates),
        cmocka_unit_test(test_joined),
        cmocka_unit_test(test_exempt),
        cmocka_unit_test(test_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
