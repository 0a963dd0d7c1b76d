/* dns/zone: a master file, then the look-ups that stand behind the first NUL, one name a line; and
 * the same octets as RDATA of every type. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/resolver.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define NAMES_MAX 20

static const enum dns_type types[] = {DNS_TYPE_A,     DNS_TYPE_AAAA, DNS_TYPE_TXT,
                                      DNS_TYPE_MX,    DNS_TYPE_PTR,  DNS_TYPE_SOA,
                                      DNS_TYPE_CNAME, DNS_TYPE_SPF,  (enum dns_type)65280};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_answer(const struct dns_answer *answer)
{
    unsigned sum = 0;

    must((answer->status == DNS_STATUS_OK) == (answer->count > 0));
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];

        /* Every octet can be read. */
        for (size_t at = 0; at < record->value.length; at++)
            sum += (unsigned char)record->value.data[at];
        for (size_t at = 0; at < record->rdata.length; at++)
            sum += (unsigned char)record->rdata.data[at];
    }
    must(sum < UINT32_MAX);
}

static void ask(struct dns_resolver *zone, struct base_text text)
{
    struct dns_name name;

    if (dns_name_make(&name, text) != DNS_NAME_OK && name.length != 0)
        abort();
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct dns_pending *pending = zone->ops->ask(zone, &name, types[i]);
        struct dns_answer *answer = zone->ops->wait(pending, 0);

        must(answer != NULL);
        zone->ops->drop(&pending);
        check_answer(answer);
        dns_answer_unref(&answer);
    }
}

static void ask_all(struct dns_resolver *zone, struct base_text names)
{
    for (unsigned i = 0; i < NAMES_MAX && names.data != NULL; i++)
        ask(zone, base_text_split(&names, '\n'));
    ask(zone, BASE_TEXT("nowhere.example.org"));
}

static void check_rdata(struct base_text rdata)
{
    struct base_text pieces[3] = {rdata, rdata, rdata};

    pieces[1].length /= 2;
    pieces[2].length = rdata.length > 4 ? 4 : rdata.length;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct dns_answer *answer = dns_answer_create(types[i], pieces, 3, 60, false);

        check_answer(answer);
        dns_answer_unref(&answer);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text names = {(const char *)data, size};
    struct base_text text = base_text_split(&names, '\0');
    struct base_error error = {""};
    struct dns_resolver *zone = dns_zone_create(text, "zone", &error);

    must((zone == NULL) == (error.text[0] != '\0'));
    if (zone != NULL) {
        ask_all(zone, names);
        dns_resolver_destroy(&zone);
    }
    if (size <= 65535)
        check_rdata((struct base_text){(const char *)data, size});
    return 0;
}
