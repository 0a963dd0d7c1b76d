/* RDATA: RFC 1035 section 3.3 (CNAME, MX, NS, PTR, SOA, TXT), RFC 3596 section 2.2 (AAAA), RFC 4408
 * section 3.1.1 (SPF, as TXT), RFC 3597 (all others: octets). First asked whether it fits, then
 * decoded without further doubts. */
#include "dns/rdata.h"

#include <string.h>

#include "dns/name.h"

/* RFC 1035 section 3.3.13: five 32-bit numbers behind two names. */
#define SOA_NUMBERS 20

size_t dns_wire_name_length(struct base_text wire)
{
    const unsigned char *octets = (const unsigned char *)wire.data;
    size_t at = 0;

    while (at < wire.length && at < DNS_WIRE_NAME_MAX) {
        unsigned label = octets[at];

        if (label == 0)
            return at + 1;
        /* The two high bits: a pointer, or one of the types of label that nobody uses. */
        if (label > 63)
            return 0;
        at += 1 + label;
    }
    return 0;
}

size_t dns_wire_name_make(unsigned char out[DNS_WIRE_NAME_MAX], const struct dns_name *name)
{
    unsigned char *count = out;
    unsigned char *to = out + 1;

    if (name->length == 0) {
        out[0] = 0;
        return 1;
    }
    *count = 0;
    for (size_t i = 0; i < name->length; i++, to++) {
        if (name->text[i] == '.') {
            count = to;
            *count = 0;
        } else {
            *to = (unsigned char)name->text[i];
            (*count)++;
        }
    }
    *to = 0;
    return (size_t)name->length + 2;
}

void dns_wire_name_lower(unsigned char *wire, size_t length)
{
    /* A count is at most 63, below 'A': it stays what it is. */
    for (size_t i = 0; i < length; i++)
        wire[i] = (unsigned char)base_ascii_lower((char)wire[i]);
}

/* One <character-string> after the other, to the end; at least one. */
static bool strings_fit(struct base_text rdata)
{
    size_t at = 0;

    while (at < rdata.length)
        at += 1 + (size_t)(unsigned char)rdata.data[at];
    return at == rdata.length && at > 0;
}

static bool soa_fits(struct base_text rdata)
{
    size_t first = dns_wire_name_length(rdata);
    struct base_text rest = {rdata.data + first, rdata.length - first};
    size_t second = first > 0 ? dns_wire_name_length(rest) : 0;

    return second > 0 && rest.length - second == SOA_NUMBERS;
}

static bool name_fits(struct base_text rdata)
{
    return rdata.length > 0 && dns_wire_name_length(rdata) == rdata.length;
}

bool dns_rdata_fits(enum dns_type type, struct base_text rdata)
{
    switch (type) {
    case DNS_TYPE_A:
        return rdata.length == 4;
    case DNS_TYPE_AAAA:
        return rdata.length == 16;
    case DNS_TYPE_TXT:
    case DNS_TYPE_SPF:
        return strings_fit(rdata);
    case DNS_TYPE_MX:
        return rdata.length > 2 && name_fits((struct base_text){rdata.data + 2, rdata.length - 2});
    case DNS_TYPE_CNAME:
    case DNS_TYPE_NS:
    case DNS_TYPE_PTR:
        return name_fits(rdata);
    case DNS_TYPE_SOA:
        return soa_fits(rdata);
    }
    return true;
}

size_t dns_rdata_decoded_max(struct base_text rdata)
{
    return rdata.length;
}

static size_t decode_strings(struct base_text rdata, char *scratch, struct dns_record *record_r)
{
    size_t used = 0;

    for (size_t at = 0; at < rdata.length;) {
        size_t count = (unsigned char)rdata.data[at];

        memcpy(scratch + used, rdata.data + at + 1, count);
        used += count;
        at += 1 + count;
    }
    record_r->value = (struct base_text){scratch, used};
    return used;
}

/* The text form of struct dns_name; {NULL, 0} for a label that holds a '.' or NUL. */
static size_t decode_name(struct base_text wire, char *scratch, struct dns_record *record_r)
{
    size_t used = 0;

    for (size_t at = 0; wire.data[at] != 0;) {
        size_t count = (unsigned char)wire.data[at++];

        if (used > 0)
            scratch[used++] = '.';
        for (size_t i = 0; i < count; i++) {
            char c = base_ascii_lower(wire.data[at++]);

            if (c == '.' || c == '\0') {
                record_r->value = (struct base_text){NULL, 0};
                return 0;
            }
            scratch[used++] = c;
        }
    }
    record_r->value = used > 0 ? (struct base_text){scratch, used} : BASE_TEXT("");
    return used;
}

size_t dns_rdata_decode(enum dns_type type, struct base_text rdata, char *scratch,
                        struct dns_record *record_r)
{
    const unsigned char *octets = (const unsigned char *)rdata.data;

    *record_r = (struct dns_record){.value = rdata, .rdata = rdata};
    switch (type) {
    case DNS_TYPE_TXT:
    case DNS_TYPE_SPF:
        return decode_strings(rdata, scratch, record_r);
    case DNS_TYPE_MX:
        record_r->preference = (uint16_t)(octets[0] << 8 | octets[1]);
        return decode_name((struct base_text){rdata.data + 2, rdata.length - 2}, scratch, record_r);
    case DNS_TYPE_CNAME:
    case DNS_TYPE_NS:
    case DNS_TYPE_PTR:
        return decode_name(rdata, scratch, record_r);
    case DNS_TYPE_A:
    case DNS_TYPE_AAAA:
    case DNS_TYPE_SOA:
        break;
    }
    return 0;
}
