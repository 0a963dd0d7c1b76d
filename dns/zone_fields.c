#include "dns/zone_fields.h"

#include <string.h>

#define TTL_MAX  INT32_MAX
#define NO_OCTET (-1)

void dns_zone_name_clear(struct dns_zone_name *name_r)
{
    name_r->wire[0] = 0;
    name_r->length = 1;
}

struct base_text dns_zone_name_text(const struct dns_zone_name *name)
{
    return (struct base_text){(const char *)name->wire, name->length};
}

bool dns_zone_token_is(const struct dns_zone_token *token, const char *word)
{
    return !token->is_quoted && base_text_equals_nocase(token->raw, base_text_of(word));
}

static bool is_digit_at(struct base_text text, size_t at)
{
    return at < text.length && base_ascii_is_digit(text.data[at]);
}

/* The octet at the cursor, escapes read: \DDD and \X. NO_OCTET if it is no octet. */
static int read_octet(struct base_text raw, size_t *at, bool *is_escaped_r)
{
    int value = 0;

    *is_escaped_r = raw.data[*at] == '\\';
    if (!*is_escaped_r)
        return (unsigned char)raw.data[(*at)++];
    (*at)++;
    if (*at >= raw.length)
        return NO_OCTET;
    if (!is_digit_at(raw, *at))
        return (unsigned char)raw.data[(*at)++];
    for (int i = 0; i < 3; i++, (*at)++) {
        if (!is_digit_at(raw, *at))
            return NO_OCTET;
        value = 10 * value + (raw.data[*at] - '0');
    }
    return value <= 255 ? value : NO_OCTET;
}

static const char bad_escape[] =
    "not an escape: write \\DDD with three decimal digits up to 255, or \\\\ for a backslash";

/* A name as it is built, label by label. */
struct name_writer {
    struct dns_zone_name *name;
    /* Where the count of the current label goes. */
    size_t label_at;
};

/* Keeps one octet free for the root. */
static const char *name_add_octet(struct name_writer *writer, unsigned char octet)
{
    if (writer->name->length - writer->label_at > 63)
        return "a label over 63 octets: shorten it";
    if (writer->name->length >= DNS_WIRE_NAME_MAX - 1)
        return "a name over 255 octets: shorten it";
    writer->name->wire[writer->name->length++] = octet;
    return NULL;
}

static const char *name_end_label(struct name_writer *writer)
{
    size_t label = writer->name->length - writer->label_at - 1;

    if (label == 0)
        return "an empty label: take the second dot away";
    if (writer->name->length >= DNS_WIRE_NAME_MAX)
        return "a name over 255 octets: shorten it";
    writer->name->wire[writer->label_at] = (unsigned char)label;
    writer->label_at = writer->name->length++;
    return NULL;
}

static const char *name_read_labels(struct name_writer *writer, struct base_text raw,
                                    bool *is_absolute_r)
{
    *is_absolute_r = false;
    for (size_t at = 0; at < raw.length;) {
        bool is_escaped;
        int octet = read_octet(raw, &at, &is_escaped);
        const char *fault;

        if (octet == NO_OCTET)
            return bad_escape;
        if (octet == '.' && !is_escaped) {
            *is_absolute_r = at == raw.length;
            fault = name_end_label(writer);
        } else {
            fault = name_add_octet(writer, (unsigned char)octet);
        }
        if (fault != NULL)
            return fault;
    }
    return *is_absolute_r ? NULL : name_end_label(writer);
}

const char *dns_zone_field_name(const struct dns_zone_token *token,
                                const struct dns_zone_name *origin, struct dns_zone_name *name_r)
{
    struct dns_zone_name made = {.length = 1};
    struct name_writer writer = {&made, 0};
    const char *fault;
    bool is_absolute;

    if (token->raw.length == 0)
        return "an empty name: write @ for the origin, or . for the root";
    if (dns_zone_token_is(token, "@")) {
        *name_r = *origin;
        return NULL;
    }
    if (base_text_equals(token->raw, BASE_TEXT("."))) {
        dns_zone_name_clear(name_r);
        return NULL;
    }
    fault = name_read_labels(&writer, token->raw, &is_absolute);
    if (fault != NULL)
        return fault;
    if (is_absolute) {
        made.wire[writer.label_at] = 0;
    } else {
        if (writer.label_at + origin->length > DNS_WIRE_NAME_MAX)
            return "a name over 255 octets with the origin behind it: end it with a dot if it is "
                   "whole, or shorten it";
        memcpy(made.wire + writer.label_at, origin->wire, origin->length);
        made.length = writer.label_at + origin->length;
    }
    *name_r = made;
    return NULL;
}

const char *dns_zone_field_string(const struct dns_zone_token *token, struct base_buf *out)
{
    unsigned char octets[1 + DNS_CHARACTER_STRING_MAX];
    size_t length = 0;

    for (size_t at = 0; at < token->raw.length;) {
        bool is_escaped;
        int octet = read_octet(token->raw, &at, &is_escaped);

        if (octet == NO_OCTET)
            return bad_escape;
        if (length == DNS_CHARACTER_STRING_MAX)
            return "a string over 255 octets: split it into several, (\"first part\" \"second "
                   "part\"), which are read as one";
        octets[1 + length++] = (unsigned char)octet;
    }
    octets[0] = (unsigned char)length;
    base_buf_append(out, octets, 1 + length);
    return NULL;
}

static uint64_t unit_seconds(char unit)
{
    switch (base_ascii_lower(unit)) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    case 'w':
        return 604800;
    default:
        return 0;
    }
}

const char *dns_zone_field_ttl(const struct dns_zone_token *token, uint32_t *ttl_r)
{
    static const char fault[] = "not a time: write seconds up to 2147483647, or units as in 1h30m "
                                "(w, d, h, m, s)";
    struct base_text raw = token->raw;
    uint64_t total = 0;

    if (token->is_quoted || raw.length == 0)
        return fault;
    for (size_t at = 0; at < raw.length;) {
        uint64_t number = 0;
        uint64_t unit = 1;

        if (!is_digit_at(raw, at))
            return fault;
        for (; is_digit_at(raw, at) && number <= TTL_MAX; at++)
            number = 10 * number + (uint64_t)(raw.data[at] - '0');
        if (at < raw.length)
            unit = unit_seconds(raw.data[at++]);
        total += number * unit;
        if (unit == 0 || number > TTL_MAX || total > TTL_MAX)
            return fault;
    }
    *ttl_r = (uint32_t)total;
    return NULL;
}

const char *dns_zone_field_uint(const struct dns_zone_token *token, uint32_t max, uint32_t *value_r)
{
    uint64_t value;

    if (token->is_quoted || !base_text_to_uint(token->raw, max, &value))
        return max == UINT16_MAX ? "not a number from 0 to 65535: write one"
                                 : "not a number from 0 to 4294967295: write one";
    *value_r = (uint32_t)value;
    return NULL;
}

const char *dns_zone_field_type(const struct dns_zone_token *token, enum dns_type *type_r)
{
    static const char prefix[] = "TYPE";
    struct base_text number = token->raw;
    enum dns_type type = dns_type_from_text(token->raw);
    uint64_t value;

    if (token->is_quoted)
        return "a type is not quoted: take the quotes away";
    if (type == 0) {
        if (!base_text_starts_with_nocase(number, BASE_TEXT("TYPE")))
            return "not a type that a test zone knows (A AAAA CNAME MX NS PTR SOA SPF TXT): write "
                   "it as TYPEnnn \\# LENGTH HEX, or take the line away";
        number.data += sizeof(prefix) - 1;
        number.length -= sizeof(prefix) - 1;
        if (!base_text_to_uint(number, UINT16_MAX, &value))
            return "not a type: the number behind TYPE is from 1 to 65535";
        type = (enum dns_type)value;
    }
    /* RFC 6895 section 3.1: meta types and types of questions. */
    if (type == 0 || ((unsigned)type >= 128 && (unsigned)type <= 255))
        return "not a type of data: numbers 0 and 128 to 255 stand for questions only";
    *type_r = type;
    return NULL;
}
