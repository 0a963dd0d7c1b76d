/* policy/tls: what Postfix and Sendmail say of TLS and of certificates. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "policy/tls.h"

static void test_number(void **state)
{
    static const struct {
        const char *text;
        unsigned want;
    } cases[] = {
        {"TLSv1", 0x0100},
        {"TLSv1.0", 0x0100},
        {"TLSv1.1", 0x0101},
        {"TLSv1.2", 0x0102},
        {"TLSv1.3", 0x0103},
        {"TLSv2", 0x0200},
        {"1.2", 0x0102},
        {"1", 0x0100},
        {"SSLv3", 0x0003},
        {"SSLv2", 0x0002},
        {"", 0},
        {"TLSv", 0},
        {"TLSv1.", 0},
        {"TLSv1.x", 0},
        {"TLSv1.2.3", 0},
        {"unknown", 0},
        {"TLSv-1", 0},
        {"TLSv1.12", 0},
        {"tlsv1.2", 0},
        {"SSLv3.", 0},
        {"TLSv99.1", 0},
        {" 1.2", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned number = policy_tls_number(base_text_of(cases[i].text));

        if (number != cases[i].want)
            fail_msg("\"%s\": 0x%04x, want 0x%04x", cases[i].text, number, cases[i].want);
    }
}

struct certificate_case {
    const char *name;
    const char *mta;
    const char *subject;
    const char *issuer;
    const char *cn_subject;
    const char *cn_issuer;
    const char *verify;
    enum policy_certificate want;
    const char *want_subject;
    const char *want_subject_cn;
    const char *want_issuer_cn;
};

static void check_certificate(const struct certificate_case *row)
{
    struct policy_tls_facts facts = {
        .version = BASE_TEXT("TLSv1.3"),
        .cert_subject = base_text_of(row->subject),
        .cert_issuer = base_text_of(row->issuer),
        .cn_subject = base_text_of(row->cn_subject),
        .cn_issuer = base_text_of(row->cn_issuer),
        .verify = base_text_of(row->verify),
    };
    struct policy_tls tls;

    assert_true(policy_tls_read(&tls, &facts, base_text_of(row->mta)));
    if (tls.certificate != row->want || strcmp(tls.subject, row->want_subject) != 0 ||
        strcmp(tls.subject_cn, row->want_subject_cn) != 0 ||
        strcmp(tls.issuer_cn, row->want_issuer_cn) != 0)
        fail_msg("%s: %s \"%s\" \"%s\" \"%s\"", row->name, policy_certificate_text(tls.certificate),
                 tls.subject, tls.subject_cn, tls.issuer_cn);
}

static void test_certificate(void **state)
{
    static const struct certificate_case cases[] = {
        {"Postfix, trusted", "Postfix 3.7.11", "c.example", "CA One", NULL, NULL, NULL,
         POLICY_CERTIFICATE_VERIFIED, "c.example", "c.example", "CA One"},
        {"Postfix, none or not trusted", "Postfix 3.7.11", NULL, NULL, NULL, NULL, NULL,
         POLICY_CERTIFICATE_NONE, "", "", ""},
        {"Postfix does not encode", "Postfix 3.7.11", "a+20b", "CA+2", NULL, NULL, NULL,
         POLICY_CERTIFICATE_VERIFIED, "a+20b", "a+20b", "CA+2"},
        {"Sendmail, trusted", "8.17.1.9", "/O=Client+20Org/CN=c.example", "/CN=CA+20One",
         "c.example", "CA+20One", "OK", POLICY_CERTIFICATE_VERIFIED, "/O=Client Org/CN=c.example",
         "c.example", "CA One"},
        {"Sendmail, not trusted", "8.17.1.9", "/CN=admin", "/CN=me", "admin", "me", "FAIL",
         POLICY_CERTIFICATE_UNVERIFIED, "/CN=admin", "admin", "me"},
        {"Sendmail, no certificate", "8.17.1.9", "", "", "", "", "NO", POLICY_CERTIFICATE_NONE, "",
         "", ""},
        {"Sendmail, lower case is another word", "8.17.1.9", "/CN=a", "/CN=b", "a", "b", "ok",
         POLICY_CERTIFICATE_UNVERIFIED, "/CN=a", "a", "b"},
        {"neither says that it is verified", "8.17.1.9", "/CN=a", "/CN=b", "a", "b", NULL,
         POLICY_CERTIFICATE_UNVERIFIED, "/CN=a", "/CN=a", "/CN=b"},
        {"no MTA known", NULL, "a", "b", NULL, NULL, NULL, POLICY_CERTIFICATE_UNVERIFIED, "a", "a",
         "b"},
        {"digits that are none", "8.17.1.9", "a+2", "b+ZZ", "+", "+2g", "OK",
         POLICY_CERTIFICATE_VERIFIED, "a+2", "+", "+2g"},
        {"a NUL ends nothing", "8.17.1.9", "/CN=admin+00.evil", "/CN=b", "admin+00.evil", "b", "OK",
         POLICY_CERTIFICATE_VERIFIED, "", "", "b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        check_certificate(&cases[i]);
}

/* The beginning of a name is another name: it is not kept. */
static void test_long_names(void **state)
{
    char name[POLICY_TLS_NAME_SIZE + 1];
    struct policy_tls_facts facts = {
        .version = BASE_TEXT("TLSv1.2"),
        .cert_subject = {name, POLICY_TLS_NAME_SIZE - 1},
        .cert_issuer = {name, POLICY_TLS_NAME_SIZE},
    };
    struct policy_tls tls;

    (void)state;
    memset(name, 'a', sizeof(name));
    assert_true(policy_tls_read(&tls, &facts, BASE_TEXT("Postfix 3.7")));
    assert_int_equal(strlen(tls.subject), POLICY_TLS_NAME_SIZE - 1);
    assert_string_equal(tls.issuer, "");
    assert_string_equal(tls.issuer_cn, "");
    assert_int_equal(tls.certificate, POLICY_CERTIFICATE_VERIFIED);
}

static void test_read(void **state)
{
    struct policy_tls_facts facts = {.cipher = BASE_TEXT("x"), .cipher_bits = BASE_TEXT("256")};
    struct policy_tls tls;

    (void)state;
    assert_false(policy_tls_read(&tls, &facts, BASE_TEXT("Postfix 3.7")));
    facts.version = BASE_TEXT("TLSv1.3");
    assert_true(policy_tls_read(&tls, &facts, BASE_TEXT("Postfix 3.7")));
    assert_string_equal(tls.version, "TLSv1.3");
    assert_int_equal(tls.number, 0x0103);
    assert_int_equal(tls.cipher_bits, 256);
    assert_int_equal(tls.certificate, POLICY_CERTIFICATE_NONE);
    facts.version = BASE_TEXT("a version that is longer than any");
    facts.cipher_bits = BASE_TEXT("12x");
    assert_true(policy_tls_read(&tls, &facts, BASE_TEXT("")));
    assert_string_equal(tls.version, "a version that ");
    assert_int_equal(tls.number, 0);
    assert_int_equal(tls.cipher_bits, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_number),
        cmocka_unit_test(test_certificate),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
