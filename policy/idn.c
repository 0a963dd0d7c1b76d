/* UTS 46 processing, non-transitional, as the resolvers of mail user agents do it (RFC 5891 section
 * 5, RFC 8616 section 3). What it maps (full-width letters and dots) is compared as mapped, so that
 * a look-alike of our own name is our own name. */
#include "policy/idn.h"

#include <idn2.h>
#include <string.h>

static size_t utf8_sequence_length(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xc2 && first <= 0xdf)
        return 2;
    if (first >= 0xe0 && first <= 0xef)
        return 3;
    if (first >= 0xf0 && first <= 0xf4)
        return 4;
    return 0;
}

/* RFC 3629 section 4: what may follow the first octet is narrower for four of them. */
static bool is_second_octet(unsigned char first, unsigned char second)
{
    unsigned char low = 0x80, high = 0xbf;

    if (first == 0xe0)
        low = 0xa0;
    else if (first == 0xed)
        high = 0x9f;
    else if (first == 0xf0)
        low = 0x90;
    else if (first == 0xf4)
        high = 0x8f;
    return second >= low && second <= high;
}

bool policy_idn_is_utf8(struct base_text text)
{
    for (size_t i = 0; i < text.length;) {
        unsigned char first = (unsigned char)text.data[i];
        size_t length = utf8_sequence_length(first);
        if (length == 0 || length > text.length - i)
            return false;
        if (length > 1 && !is_second_octet(first, (unsigned char)text.data[i + 1]))
            return false;
        for (size_t k = 2; k < length; k++)
            if (((unsigned char)text.data[i + k] & 0xc0) != 0x80)
                return false;
        i += length;
    }
    return true;
}

static bool is_ascii(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((unsigned char)text.data[i] >= 0x80)
            return false;
    return true;
}

static bool is_host_like(const struct dns_name *name)
{
    for (size_t i = 0; i < name->length; i++) {
        char c = name->text[i];
        if (!base_ascii_is_alnum(c) && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool make(struct base_text text, struct dns_name *name_r)
{
    if (dns_name_make(name_r, text) == DNS_NAME_OK && is_host_like(name_r))
        return true;
    *name_r = (struct dns_name){.length = 0};
    return false;
}

bool policy_idn_to_name(struct base_text text, struct dns_name *name_r)
{
    *name_r = (struct dns_name){.length = 0};
    if (text.length == 0 || text.length > POLICY_IDN_MAX)
        return false;
    if (is_ascii(text))
        return make(text, name_r);
    if (memchr(text.data, '\0', text.length) != NULL || !policy_idn_is_utf8(text))
        return false;
    char source[POLICY_IDN_MAX + 1];
    memcpy(source, text.data, text.length);
    source[text.length] = '\0';
    uint8_t *mapped = NULL;
    int rc =
        idn2_lookup_u8((const uint8_t *)source, &mapped, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (rc != IDN2_OK || mapped == NULL) {
        idn2_free(mapped);
        return false;
    }
    bool is_made = make(base_text_of((const char *)mapped), name_r);
    idn2_free(mapped);
    return is_made;
}
