/* UTS 46 processing, non-transitional, as the resolvers of mail user agents do it (RFC 5891 section
 * 5, RFC 8616 section 3). What it maps (full-width letters and dots) is compared as mapped, so that
 * a look-alike of our own name is our own name. */
#include "policy/idn.h"

#include <idn2.h>
#include <string.h>

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
    if (memchr(text.data, '\0', text.length) != NULL || !base_text_is_utf8(text))
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

bool policy_idn_to_unicode(const struct dns_name *name, char *out, size_t size)
{
    char *unicode = NULL;
    bool is_good;

    if (strstr(name->text, "xn--") == NULL)
        return false;
    if (idn2_to_unicode_8z8z(name->text, &unicode, 0) != IDN2_OK || unicode == NULL)
        return false;
    size_t length = strlen(unicode);

    is_good = length < size && !is_ascii((struct base_text){unicode, length});
    if (is_good)
        memcpy(out, unicode, length + 1);
    idn2_free(unicode);
    return is_good;
}
