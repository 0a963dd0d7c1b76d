/* store/hmac: the same on every host, whatever its byte order (values by another implementation).
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "store/hmac.h"

static void test_digest(void **state)
{
    static const struct {
        struct base_text first;
        struct base_text second;
        const char *want;
    } cases[] = {
        {BASE_TEXT("per login"), BASE_TEXT("alice@example.org"),
         "819b47edd79d5571ad9c302d1ec80004c6259eacf6f983669d66c1b83e575076"},
        {BASE_TEXT("per loginalice"), BASE_TEXT("@example.org"),
         "e4d57272eb154c05cad169ce30d62734d4332681c13be7dab6e14e143dcf4940"},
        {BASE_TEXT(""), BASE_TEXT(""),
         "6897a1fa57ccb86e3e411177cf4b24e698a6454842553d15ac80adfc73744442"},
        {BASE_TEXT(""), BASE_TEXT("a"),
         "45152b03659c73b398016c4ef89918dd41da5d09f1dc17e1269e0e38b4dfa9a3"},
        {BASE_TEXT("a"), BASE_TEXT(""),
         "4e056c4d6dbf5cf0312231f4c79c7032da3b521d5a9356bf1142bcfdcb0cfab0"},
    };
    struct store_hmac *hmac = store_hmac_create(BASE_TEXT("0123456789abcdef"));

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        unsigned char digest[STORE_HMAC_OCTETS];
        char text[2 * STORE_HMAC_OCTETS + 1];

        store_hmac_digest(hmac, cases[i].first, cases[i].second, digest);
        for (size_t k = 0; k < sizeof(digest); k++)
            (void)snprintf(text + 2 * k, 3, "%02x", digest[k]);
        assert_string_equal(text, cases[i].want);
    }
    store_hmac_destroy(&hmac);
    assert_null(hmac);
    store_hmac_destroy(&hmac);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_digest)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
