/* Domain names (RFC 1035 sections 2.3.4 and 3.1, RFC 2181 section 11, RFC 4343). What strangers
 * write is octets: nothing in it is an escape, so that "a\.b" in an address can never become
 * another name than the one that was judged. Escapes are made only on the way out. */
#include "dns/name.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"

/* RFC 1035 section 2.3.4. */
#define LABEL_MAX 63

static enum dns_name_fault name_fill(struct dns_name *name, struct base_text text)
{
    size_t label = 0;
    unsigned labels = 1;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '\0')
            return DNS_NAME_BAD_OCTET;
        if (c == '.') {
            if (label == 0)
                return DNS_NAME_EMPTY_LABEL;
            label = 0;
            labels++;
        } else if (++label > LABEL_MAX) {
            return DNS_NAME_LABEL_TOO_LONG;
        }
        if (i >= DNS_NAME_MAX)
            return DNS_NAME_TOO_LONG;
        name->text[i] = base_ascii_lower(c);
    }
    if (label == 0)
        return DNS_NAME_EMPTY_LABEL;
    name->length = (unsigned char)text.length;
    name->label_count = (unsigned char)labels;
    return DNS_NAME_OK;
}

enum dns_name_fault dns_name_make(struct dns_name *name_r, struct base_text text)
{
    enum dns_name_fault fault = DNS_NAME_EMPTY;
    struct dns_name made = {0};

    if (text.length > 1 && text.data[text.length - 1] == '.')
        text.length--;
    else if (text.length == 1 && text.data[0] == '.')
        text.length = 0;
    if (text.length > 0)
        fault = name_fill(&made, text);
    if (fault != DNS_NAME_OK)
        made = (struct dns_name){0};
    *name_r = made;
    return fault;
}

const char *dns_name_fault_text(enum dns_name_fault fault)
{
    switch (fault) {
    case DNS_NAME_OK:
        return "no fault";
    case DNS_NAME_EMPTY:
        return "empty name";
    case DNS_NAME_TOO_LONG:
        return "name over 253 octets";
    case DNS_NAME_LABEL_TOO_LONG:
        return "label over 63 octets";
    case DNS_NAME_EMPTY_LABEL:
        return "empty label";
    case DNS_NAME_BAD_OCTET:
        return "NUL in the name";
    }
    base_panic("dns_name_fault_text: %d", (int)fault);
}

const char *dns_name_escape(const struct dns_name *name, char out[DNS_NAME_ESCAPED_SIZE])
{
    char *to = out;

    if (name->length == 0)
        *to++ = '.';
    for (size_t i = 0; i < name->length; i++) {
        char c = name->text[i];
        unsigned octet = (unsigned char)c;

        if (base_ascii_is_alnum(c) || c == '_' || c == '-' || c == '.') {
            *to++ = c;
            continue;
        }
        *to++ = '\\';
        *to++ = (char)('0' + octet / 100);
        *to++ = (char)('0' + octet / 10 % 10);
        *to++ = (char)('0' + octet % 10);
    }
    *to = '\0';
    return out;
}

bool dns_name_equals(const struct dns_name *a, const struct dns_name *b)
{
    return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor)
{
    size_t above;

    if (ancestor->length == 0)
        return true;
    if (name->length < ancestor->length)
        return false;
    above = (size_t)name->length - ancestor->length;
    if (above > 0 && name->text[above - 1] != '.')
        return false;
    return memcmp(name->text + above, ancestor->text, ancestor->length) == 0;
}

bool dns_name_prepend(struct dns_name *name_r, const char *prefix, const struct dns_name *name)
{
    size_t prefix_length = strlen(prefix);
    char joined[2 * DNS_NAME_MAX + 2];
    size_t length = prefix_length;

    if (prefix_length == 0 || prefix_length > DNS_NAME_MAX)
        return false;
    memcpy(joined, prefix, prefix_length);
    if (name->length > 0) {
        joined[length++] = '.';
        memcpy(joined + length, name->text, name->length);
        length += name->length;
    } else if (prefix[prefix_length - 1] == '.') {
        return false;
    }
    return dns_name_make(name_r, (struct base_text){joined, length}) == DNS_NAME_OK;
}

void dns_name_suffix(struct dns_name *name_r, const struct dns_name *name, unsigned labels)
{
    const char *start = name->text;
    struct dns_name made = {0};
    unsigned skip;

    if (labels > name->label_count)
        labels = name->label_count;
    skip = name->label_count - labels;
    for (unsigned i = 0; i < skip && labels > 0; i++)
        start = strchr(start, '.') + 1;
    if (labels > 0) {
        made.length = (unsigned char)(name->length - (start - name->text));
        made.label_count = (unsigned char)labels;
        memcpy(made.text, start, made.length);
    }
    *name_r = made;
}

/* RFC 1035 section 3.5. */
static void name_reverse_v4(struct base_buf *out, const unsigned char *address)
{
    base_buf_appendf(out, "%u.%u.%u.%u.in-addr.arpa", (unsigned)address[3], (unsigned)address[2],
                     (unsigned)address[1], (unsigned)address[0]);
}

/* RFC 3596 section 2.5. */
static void name_reverse_v6(struct base_buf *out, const unsigned char *address)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 16; i-- > 0;) {
        char nibbles[4] = {hex[address[i] & 15], '.', hex[address[i] >> 4], '.'};

        base_buf_append(out, nibbles, sizeof(nibbles));
    }
    base_buf_append_cstr(out, "ip6.arpa");
}

void dns_name_reverse(struct dns_name *name_r, const unsigned char *address, size_t length)
{
    char storage[80];
    struct base_buf out;

    base_buf_init_fixed(&out, storage, sizeof(storage));
    if (length == 4)
        name_reverse_v4(&out, address);
    else if (length == 16)
        name_reverse_v6(&out, address);
    else
        base_panic("dns_name_reverse: an address of %zu octets", length);
    if (dns_name_make(name_r, base_buf_text(&out)) != DNS_NAME_OK)
        base_panic("dns_name_reverse: %s", storage);
}
