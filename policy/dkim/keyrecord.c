/* RFC 6376 sections 3.6.1 and 6.1.2. */
#include "policy/dkim/keyrecord.h"

#include <string.h>

#include "policy/dkim/taglist.h"

/* Base64 of 32 octets. */
#define ED25519_P_LENGTH 44

static bool list_has(struct base_text list, struct base_text word)
{
    struct base_text rest = list;

    while (rest.data != NULL)
        if (base_text_equals_nocase(base_text_trim(base_text_split(&rest, ':')), word))
            return true;
    return false;
}

/* An optional colon-separated tag which, if it is there, must have the word. */
static bool allows(const struct dkim_taglist *list, const char *name, struct base_text word)
{
    const struct dkim_tag *tag = dkim_taglist_find(list, name);

    return tag == NULL || list_has(tag->value, word);
}

static bool is_dkim(const struct dkim_taglist *list)
{
    const struct dkim_tag *v = dkim_taglist_find(list, "v");

    /* Section 3.6.1: v= MUST be the first tag, and of this value, or the record is discarded. */
    if (v != NULL)
        return v == &list->tags[0] && base_text_equals(v->value, BASE_TEXT("DKIM1"));
    return dkim_taglist_find(list, "p") != NULL;
}

static enum dkim_key_fault check_tags(const struct dkim_taglist *list,
                                      enum keys_algorithm algorithm)
{
    const struct dkim_tag *k = dkim_taglist_find(list, "k");
    struct base_text type = k != NULL ? k->value : BASE_TEXT("rsa");
    struct base_text want = algorithm == KEYS_RSA_SHA256 ? BASE_TEXT("rsa") : BASE_TEXT("ed25519");

    if (!base_text_equals_nocase(type, want))
        return DKIM_KEY_OTHER_ALGORITHM;
    if (!allows(list, "h", BASE_TEXT("sha256")))
        return DKIM_KEY_OTHER_HASH;
    if (!allows(list, "s", BASE_TEXT("*")) && !allows(list, "s", BASE_TEXT("email")))
        return DKIM_KEY_NOT_FOR_MAIL;
    return DKIM_KEY_OK;
}

enum dkim_key_fault dkim_key_record_read(struct base_arena *arena, struct base_text text,
                                         enum keys_algorithm algorithm,
                                         struct dkim_key_record *record_r)
{
    struct dkim_taglist list;
    enum dkim_taglist_fault fault;
    enum dkim_key_fault key_fault;
    const struct dkim_tag *p;

    memset(record_r, 0, sizeof(*record_r));
    fault = dkim_taglist_parse(text, &list);
    if (!is_dkim(&list))
        return DKIM_KEY_NOT_DKIM;
    if (text.length > DKIM_KEY_RECORD_MAX)
        return DKIM_KEY_TOO_LONG;
    p = dkim_taglist_find(&list, "p");
    if (fault != DKIM_TAGLIST_OK || p == NULL)
        return DKIM_KEY_MALFORMED;
    record_r->is_testing = list_has(dkim_taglist_value(&list, "t"), BASE_TEXT("y"));
    record_r->is_strict = list_has(dkim_taglist_value(&list, "t"), BASE_TEXT("s"));
    /* Before k= is looked at: a revoked key need not say what it was. */
    if (p->value.length == 0)
        return DKIM_KEY_REVOKED;
    key_fault = check_tags(&list, algorithm);
    if (key_fault != DKIM_KEY_OK)
        return key_fault;
    record_r->p = dkim_text_strip(arena, p->value);
    if (!dkim_text_is_base64(record_r->p) ||
        (algorithm == KEYS_ED25519_SHA256 && record_r->p.length != ED25519_P_LENGTH))
        return DKIM_KEY_UNREADABLE;
    return DKIM_KEY_OK;
}

const char *dkim_key_fault_text(enum dkim_key_fault fault)
{
    switch (fault) {
    case DKIM_KEY_OK:
        return "no fault";
    case DKIM_KEY_NOT_DKIM:
        return "no key for signature";
    case DKIM_KEY_TOO_LONG:
        return "the key record is longer than 1024 octets";
    case DKIM_KEY_MALFORMED:
        return "the key record is malformed";
    case DKIM_KEY_REVOKED:
        return "the key is revoked";
    case DKIM_KEY_OTHER_ALGORITHM:
        return "the key is of another algorithm than a=";
    case DKIM_KEY_OTHER_HASH:
        return "the key does not allow sha256";
    case DKIM_KEY_NOT_FOR_MAIL:
        return "the key is not for mail";
    case DKIM_KEY_UNREADABLE:
        return "the key cannot be read";
    }
    return "the key record is malformed";
}
