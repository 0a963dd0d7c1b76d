/* policy/dkim/verify, libopendkim behind it: any message, header and body, is judged without harm,
 * and the same however the body is broken. Keys are at the selectors "rsa" and "ed" of example.org.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/dkim_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define INPUT_MAX (128 * 1024)

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static const char zone[] =
    "rsa._domainkey.example.org. IN TXT \"v=DKIM1; k=rsa; p=\" "
    "\"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/"
    "J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBf"
    "O2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB\"\n"
    "ed._domainkey.example.org. IN TXT \"v=DKIM1; k=ed25519; "
    "p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\"\n"
    "$FAULT fault._domainkey.example.org. TXT SERVFAIL\n";

static void check(const struct dkim_verdicts *a, const struct dkim_verdicts *b)
{
    must(a != NULL && b != NULL && a->count == b->count && a->count <= 10);
    for (size_t i = 0; i < a->count; i++) {
        must(a->items[i].result != DKIM_RESULT_NONE);
        must(a->items[i].result == b->items[i].result);
        must(a->items[i].flags == b->items[i].flags);
        must(a->items[i].result == DKIM_RESULT_PASS || a->items[i].reason != NULL);
        must(a->items[i].result != DKIM_RESULT_PASS ||
             base_text_equals_nocase(a->items[i].domain, BASE_TEXT("example.org")));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dkim_library *library;
    struct test_message message;
    struct test_dns dns;
    const struct dkim_verdicts *whole;

    if (size > INPUT_MAX)
        return 0;
    library = dkim_library_create();
    test_dns_begin(&dns, BASE_TEXT(zone));
    test_message_parse(&message, (struct base_text){(const char *)data, size});
    whole = test_verify(&message, &dns, library, TEST_NOW);
    check(whole, test_verify_chunks(&message, &dns, library, TEST_NOW, 1 + size % 61));
    test_message_end(&message);
    test_dns_end(&dns);
    dkim_library_destroy(&library);
    return 0;
}
