#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "dns/answer.h"
#include "dns/name.h"
#include "dns/resolver.h"
#include "keys/generate.h"
#include "keys/key.h"
#include "keys/record.h"
#include "keys/secure.h"

static struct keys_key *make(enum keys_type type, unsigned bits)
{
    size_t length = 0;
    char *pem = keys_generate_pem(type, bits, &length, NULL);
    struct keys_key *key;

    assert_non_null(pem);
    key = keys_key_parse((struct base_text){pem, length}, "new", NULL, NULL);
    assert_non_null(key);
    keys_secure_free(pem, length);
    return key;
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return name;
}

/* Every string of the line has at most 255 octets. */
static void check_strings(const char *line)
{
    const char *end;

    for (const char *at = strchr(line, '"'); at != NULL; at = strchr(end + 1, '"')) {
        end = strchr(at + 1, '"');
        assert_non_null(end);
        assert_true(end - at - 1 <= 255);
    }
}

static void test_line_reads_back(void **state)
{
    static const struct {
        enum keys_type type;
        unsigned bits;
        const char *selector;
        const char *owner;
        const char *start;
    } cases[] = {
        {KEYS_TYPE_ED25519, 0, "s1", "s1._domainkey.example.org", "v=DKIM1; k=ed25519; p="},
        {KEYS_TYPE_RSA, 2048, "a.b", "a.b._domainkey.example.org", "v=DKIM1; k=rsa; p=MIIBIjAN"},
        {KEYS_TYPE_RSA, 4096, "2026_x-y", "2026_x-y._domainkey.example.org",
         "v=DKIM1; k=rsa; p=MIICIjAN"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct keys_key *key = make(cases[i].type, cases[i].bits);
        struct dns_name domain = name_of("Example.ORG");
        struct dns_name owner = name_of(cases[i].owner);
        struct base_error error = {""};
        struct dns_resolver *resolver;
        struct dns_pending *pending;
        struct dns_answer *answer;
        struct base_buf data;
        struct base_buf line;

        base_buf_init(&data, NULL, 4096);
        base_buf_init(&line, NULL, 8192);
        keys_record_append_data(key, &data);
        assert_memory_equal(data.data, cases[i].start, strlen(cases[i].start));
        assert_true(keys_record_append_line(key, &domain, cases[i].selector, &line));
        assert_int_equal(line.data[line.length - 1], '\n');
        check_strings(base_buf_cstr(&line));
        resolver = dns_zone_create(base_buf_text(&line), "line", &error);
        if (resolver == NULL)
            fail_msg("%s", error.text);
        pending = resolver->ops->ask(resolver, &owner, DNS_TYPE_TXT);
        answer = resolver->ops->wait(pending, 0);
        assert_non_null(answer);
        assert_int_equal(answer->status, DNS_STATUS_OK);
        assert_int_equal(answer->count, 1);
        assert_true(base_text_equals(answer->records[0].value, base_buf_text(&data)));
        dns_answer_unref(&answer);
        resolver->ops->drop(&pending);
        dns_resolver_destroy(&resolver);
        base_buf_deinit(&line);
        base_buf_deinit(&data);
        keys_key_unref(&key);
    }
}

static void test_name_too_long(void **state)
{
    struct keys_key *key = make(KEYS_TYPE_ED25519, 0);
    struct dns_name domain = name_of("example.org");
    struct base_buf line;
    char selector[300];

    (void)state;
    base_buf_init(&line, NULL, 8192);
    for (size_t length = 200; length < sizeof(selector); length += 30) {
        for (size_t i = 0; i < length; i++)
            selector[i] = i % 64 == 63 ? '.' : 'x';
        selector[length] = '\0';
        base_buf_clear(&line);
        assert_int_equal(keys_record_append_line(key, &domain, selector, &line),
                         length + strlen("._domainkey.example.org") <= DNS_NAME_MAX);
    }
    base_buf_deinit(&line);
    keys_key_unref(&key);
}

static void test_sizes_offered(void **state)
{
    static const unsigned bits[] = {0, 512, 1024, 2047, 8192};
    size_t length = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++) {
        struct base_error error = {""};

        assert_null(keys_generate_pem(KEYS_TYPE_RSA, bits[i], &length, &error));
        assert_non_null(strstr(error.text, "2048, 3072 or 4096"));
    }
}

/* What others publish. */
static void test_rsa_bits(void **state)
{
    static const struct {
        const char *p;
        unsigned want;
    } rows[] = {
        {"MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAN/U0/YhkP9FaGJhubcOyNf2TSflR4dySCHuMFVZIrYwcXQNHgnTxS1d"
         "KwTJXDKT+Pls2Upw70MEpCKV0RS+BasCAwEAAQ==",
         512},
        {"MIGeMA0GCSqGSIb3DQEBAQUAA4GMADCBiAKBgE8ly9mfg/CP/gXG5GrKT/"
         "2XBerRJu+L7mlo0+KHv21bWb73tVmVXO"
         "vk0a75s+WTfXXfCRPpj5nCNjC7i843rzHq7d5Ta7ehgZdB7Tk5RHcwMj05xbfMb+1p+"
         "4xyZ70mDUV9ynfFbiQaHkLi"
         "Zm/AoVfFKKjhfTKpRlW9Nrqlro7fAgMBAAE=",
         1023},
        {"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQi"
         "Y/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZy"
         "VYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
         1024},
        /* Ed25519 */
        {"MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", 0},
        {"11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=", 0},
        {"AAAA", 0},
        {"AAA", 0},
        {"%%%%", 0},
        {"", 0},
    };
    char big[8192];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(keys_record_rsa_bits(base_text_of(rows[i].p)), rows[i].want);
    memset(big, 'A', sizeof(big));
    assert_int_equal(keys_record_rsa_bits((struct base_text){big, sizeof(big)}), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line_reads_back),
        cmocka_unit_test(test_name_too_long),
        cmocka_unit_test(test_sizes_offered),
        cmocka_unit_test(test_rsa_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
