/* dns/name: whatever octets come in, a name is either refused or keeps every promise of its header;
 * and what dns_name_escape() writes is read back by a master file as the same name. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dns/name.h"
#include "dns/rdata.h"
#include "dns/zone_fields.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_form(const struct dns_name *name)
{
    unsigned labels = name->length > 0 ? 1 : 0;
    size_t label = 0;

    must(strlen(name->text) == name->length && name->length <= DNS_NAME_MAX);
    for (size_t i = 0; i < name->length; i++) {
        must(base_ascii_lower(name->text[i]) == name->text[i]);
        if (name->text[i] != '.') {
            must(++label <= 63);
            continue;
        }
        must(label > 0);
        label = 0;
        labels++;
    }
    must(labels == name->label_count && (labels == 0 || label > 0));
}

static void check_escape(const struct dns_name *name)
{
    char escaped[DNS_NAME_ESCAPED_SIZE];
    unsigned char wire[DNS_WIRE_NAME_MAX];
    size_t length = dns_wire_name_make(wire, name);
    struct dns_zone_token token = {.raw = base_text_of(dns_name_escape(name, escaped))};
    struct dns_zone_name root;
    struct dns_zone_name read;

    dns_zone_name_clear(&root);
    must(strlen(escaped) < sizeof(escaped));
    must(dns_wire_name_length((struct base_text){(char *)wire, length}) == length);
    must(dns_zone_field_name(&token, &root, &read) == NULL);
    must(read.length == length && memcmp(read.wire, wire, length) == 0);
}

static void check_parts(const struct dns_name *name)
{
    struct dns_name part;
    struct dns_name whole;

    for (unsigned labels = 0; labels <= name->label_count + 1U; labels++) {
        dns_name_suffix(&part, name, labels);
        check_form(&part);
        must(dns_name_is_within(name, &part));
        must(dns_name_is_within(&part, name) == dns_name_equals(&part, name));
    }
    if (dns_name_prepend(&whole, "_dmarc", name)) {
        check_form(&whole);
        dns_name_suffix(&part, &whole, name->label_count);
        must(dns_name_equals(&part, name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dns_name name;
    struct dns_name again;

    if (dns_name_make(&name, (struct base_text){(const char *)data, size}) != DNS_NAME_OK)
        must(name.length == 0 && name.label_count == 0);
    check_form(&name);
    check_escape(&name);
    check_parts(&name);
    if (name.length > 0) {
        must(dns_name_make(&again, (struct base_text){name.text, name.length}) == DNS_NAME_OK);
        must(dns_name_equals(&name, &again));
    }
    return 0;
}
