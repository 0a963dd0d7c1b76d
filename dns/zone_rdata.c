#include "dns/zone_rdata.h"

#include <arpa/inet.h>
#include <string.h>

#include "dns/rdata.h"

static const char *want_count(struct dns_zone_rdata *rdata, size_t count, const char *form)
{
    if (rdata->count == count)
        return NULL;
    rdata->culprit = rdata->count > count ? &rdata->tokens[count] : NULL;
    return form;
}

static const char *read_name(struct dns_zone_rdata *rdata, size_t index, struct base_buf *out)
{
    struct dns_zone_name name;
    const char *fault = dns_zone_field_name(&rdata->tokens[index], rdata->origin, &name);

    rdata->culprit = &rdata->tokens[index];
    if (fault == NULL)
        base_buf_append(out, name.wire, name.length);
    return fault;
}

static const char *read_address(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    bool is_v4 = rdata->type == DNS_TYPE_A;
    const char *fault = is_v4 ? "not an IPv4 address alone: write one like 192.0.2.1"
                              : "not an IPv6 address alone: write one like 2001:db8::1";
    struct base_text raw = rdata->count > 0 ? rdata->tokens[0].raw : BASE_TEXT("");
    char text[INET6_ADDRSTRLEN] = "";
    unsigned char address[16];

    if (want_count(rdata, 1, fault) != NULL)
        return fault;
    rdata->culprit = &rdata->tokens[0];
    if (raw.length >= sizeof(text) || raw.length == 0 || memchr(raw.data, '\0', raw.length))
        return fault;
    memcpy(text, raw.data, raw.length);
    if (inet_pton(is_v4 ? AF_INET : AF_INET6, text, address) != 1)
        return fault;
    base_buf_append(out, address, is_v4 ? 4 : 16);
    return NULL;
}

static const char *read_one_name(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    const char *fault = want_count(rdata, 1,
                                   "one name stands here, and nothing else: mend the "
                                   "line, or open a string with \"");

    return fault != NULL ? fault : read_name(rdata, 0, out);
}

static const char *read_mx(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    const char *fault = want_count(rdata, 2,
                                   "an MX has a preference and a name: write MX 10 "
                                   "mail.example.org.");
    uint32_t preference;
    char octets[2];

    if (fault != NULL)
        return fault;
    rdata->culprit = &rdata->tokens[0];
    fault = dns_zone_field_uint(&rdata->tokens[0], UINT16_MAX, &preference);
    if (fault != NULL)
        return fault;
    octets[0] = (char)(preference >> 8);
    octets[1] = (char)(preference & 0xff);
    base_buf_append(out, octets, sizeof(octets));
    return read_name(rdata, 1, out);
}

static const char *read_strings(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    if (rdata->count == 0)
        return "no string: write \"\" for an empty one";
    for (size_t i = 0; i < rdata->count; i++) {
        const char *fault = dns_zone_field_string(&rdata->tokens[i], out);

        rdata->culprit = &rdata->tokens[i];
        if (fault != NULL)
            return fault;
    }
    return NULL;
}

static void append_u32(struct base_buf *out, uint32_t value)
{
    char octets[4] = {(char)(value >> 24), (char)(value >> 16 & 0xff), (char)(value >> 8 & 0xff),
                      (char)(value & 0xff)};

    base_buf_append(out, octets, sizeof(octets));
}

static const char *read_soa(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    const char *fault = want_count(rdata, 7,
                                   "an SOA has seven fields: MNAME RNAME SERIAL REFRESH "
                                   "RETRY EXPIRE MINIMUM");
    uint32_t value;

    if (fault == NULL)
        fault = read_name(rdata, 0, out);
    if (fault == NULL)
        fault = read_name(rdata, 1, out);
    for (size_t i = 2; i < 7 && fault == NULL; i++) {
        rdata->culprit = &rdata->tokens[i];
        fault = i == 2 ? dns_zone_field_uint(&rdata->tokens[i], UINT32_MAX, &value)
                       : dns_zone_field_ttl(&rdata->tokens[i], &value);
        if (fault == NULL)
            append_u32(out, value);
    }
    return fault;
}

static int hex_value(char c)
{
    c = base_ascii_lower(c);
    if (base_ascii_is_digit(c))
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3597 section 5: the digits may stand in several words, which need not hold whole octets. */
static const char *read_hex(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    int high = -1;

    for (size_t i = 2; i < rdata->count; i++) {
        struct base_text raw = rdata->tokens[i].raw;

        for (size_t at = 0; at < raw.length; at++) {
            int digit = hex_value(raw.data[at]);

            rdata->culprit = &rdata->tokens[i];
            if (digit < 0)
                return "not a hexadecimal digit: write two for each octet";
            if (high >= 0)
                base_buf_append_char(out, (char)(high << 4 | digit));
            high = high >= 0 ? -1 : digit;
        }
    }
    return high < 0 ? NULL : "half an octet at the end: write two hexadecimal digits for each";
}

static const char *read_generic(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    const char *fault = "no length: write \\# LENGTH HEX";
    size_t before = out->length;
    uint32_t length;

    if (rdata->count < 2)
        return fault;
    rdata->culprit = &rdata->tokens[1];
    fault = dns_zone_field_uint(&rdata->tokens[1], UINT16_MAX, &length);
    if (fault == NULL)
        fault = read_hex(rdata, out);
    if (fault == NULL && out->length - before != length) {
        rdata->culprit = &rdata->tokens[1];
        fault = "not the number of octets that follow: count them again";
    }
    return fault;
}

static const char *read_by_type(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    switch (rdata->type) {
    case DNS_TYPE_A:
    case DNS_TYPE_AAAA:
        return read_address(rdata, out);
    case DNS_TYPE_CNAME:
    case DNS_TYPE_NS:
    case DNS_TYPE_PTR:
        return read_one_name(rdata, out);
    case DNS_TYPE_MX:
        return read_mx(rdata, out);
    case DNS_TYPE_SOA:
        return read_soa(rdata, out);
    case DNS_TYPE_TXT:
    case DNS_TYPE_SPF:
        return read_strings(rdata, out);
    }
    rdata->culprit = rdata->count > 0 ? &rdata->tokens[0] : NULL;
    return "this type is written as octets: \\# LENGTH HEX";
}

const char *dns_zone_rdata_read(struct dns_zone_rdata *rdata, struct base_buf *out)
{
    const char *fault;

    rdata->culprit = NULL;
    if (rdata->count > 0 && dns_zone_token_is(&rdata->tokens[0], "\\#"))
        fault = read_generic(rdata, out);
    else
        fault = read_by_type(rdata, out);
    if (fault != NULL)
        return fault;
    rdata->culprit = NULL;
    if (out->is_over)
        return "a record over 65,535 octets: shorten it";
    if (!dns_rdata_fits(rdata->type, base_buf_text(out)))
        return "octets that do not fit the type: mend them, or write the record as text";
    return NULL;
}
