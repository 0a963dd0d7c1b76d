/* RFC 6376 sections 3.5 and 6.1.1, RFC 8301 section 3. In order: the tag list as a whole, the tags
 * that must be there, then each tag by itself. The first fault is the verdict. */
#include "policy/dkim/signature.h"

#include <string.h>

#include "base/arena.h"
#include "policy/dkim/library.h"
#include "policy/dkim/taglist.h"

/* Clocks differ: section 3.5 leaves room for it in t= and x=. */
#define CLOCK_SKEW 300
/* Octets of i= that libopendkim can take. */
#define IDENTITY_MAX 255

struct checking {
    struct base_arena *arena;
    const struct dkim_taglist *list;
    struct dkim_signature *signature;
    int64_t now_s;
    size_t max_names;
};

/* Remembers the first fault. Returns false, so that a check may end with it. */
static bool refuse(struct checking *checking, enum dkim_result result, const char *reason)
{
    if (checking->signature->verdict.result == DKIM_RESULT_NONE) {
        checking->signature->verdict.result = result;
        checking->signature->verdict.reason = reason;
    }
    return false;
}

static bool malformed(struct checking *checking, const char *reason)
{
    return refuse(checking, DKIM_RESULT_PERMERROR, reason);
}

static struct base_text value_of(const struct checking *checking, const char *name)
{
    return dkim_taglist_value(checking->list, name);
}

static bool check_required(struct checking *checking)
{
    static const struct {
        const char *name;
        const char *reason;
    } required[] = {
        {"v", "v= is missing"}, {"a", "a= is missing"}, {"d", "d= is missing"},
        {"s", "s= is missing"}, {"h", "h= is missing"}, {"bh", "bh= is missing"},
        {"b", "b= is missing"},
    };

    for (size_t i = 0; i < sizeof(required) / sizeof(required[0]); i++)
        if (value_of(checking, required[i].name).length == 0)
            return malformed(checking, required[i].reason);
    if (!base_text_equals(value_of(checking, "v"), BASE_TEXT("1")))
        return malformed(checking, "v= is not 1");
    return true;
}

static bool check_algorithm(struct checking *checking)
{
    struct base_text a = value_of(checking, "a");

    if (base_text_equals_nocase(a, BASE_TEXT("rsa-sha256"))) {
        checking->signature->algorithm = KEYS_RSA_SHA256;
        return true;
    }
    if (base_text_equals_nocase(a, BASE_TEXT("ed25519-sha256"))) {
        checking->signature->algorithm = KEYS_ED25519_SHA256;
        return true;
    }
    /* RFC 8301 section 3.1: MUST NOT be used for verifying. */
    if (base_text_equals_nocase(a, BASE_TEXT("rsa-sha1")))
        return refuse(checking, DKIM_RESULT_POLICY, "rsa-sha1 is not accepted");
    return malformed(checking, "a= is no algorithm of DKIM");
}

static bool check_canonicalization(struct checking *checking)
{
    const struct dkim_tag *c = dkim_taglist_find(checking->list, "c");
    struct base_text rest;

    if (c == NULL)
        return true;
    rest = c->value;
    for (int parts = 0; rest.data != NULL; parts++) {
        struct base_text part = base_text_split(&rest, '/');

        if (parts == 2 || (!base_text_equals_nocase(part, BASE_TEXT("simple")) &&
                           !base_text_equals_nocase(part, BASE_TEXT("relaxed"))))
            return malformed(checking, "c= is no canonicalization of DKIM");
        /* Section 3.5: without the second part the body is simple. */
        if (parts == 1 && base_text_equals_nocase(part, BASE_TEXT("relaxed")))
            checking->signature->body_canon = DKIM_CANON_RELAXED;
    }
    return true;
}

/* Section 3.5: q= lists query methods; dns/txt is the only one there is. */
static bool check_query(struct checking *checking)
{
    const struct dkim_tag *q = dkim_taglist_find(checking->list, "q");
    struct base_text rest;

    if (q == NULL)
        return true;
    rest = q->value;
    while (rest.data != NULL)
        if (base_text_equals_nocase(base_text_trim(base_text_split(&rest, ':')),
                                    BASE_TEXT("dns/txt")))
            return true;
    return malformed(checking, "q= has no dns/txt");
}

/* Letters, digits, hyphens and underscores: d= and s= go into a question of DNS. */
static bool is_host_like(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_alnum(text.data[i]) && text.data[i] != '-' && text.data[i] != '_' &&
            text.data[i] != '.')
            return false;
    return text.length > 0;
}

static bool check_names(struct checking *checking)
{
    struct dkim_signature *signature = checking->signature;
    struct base_text d = value_of(checking, "d");
    struct base_text s = value_of(checking, "s");
    char key_name[2 * DNS_NAME_MAX + 16];
    struct base_buf buf;

    if (!is_host_like(d) || d.data[d.length - 1] == '.' ||
        dns_name_make(&signature->domain, d) != DNS_NAME_OK)
        return malformed(checking, "d= is not a domain name");
    if (!is_host_like(s))
        return malformed(checking, "s= is not a selector");
    base_buf_init_fixed(&buf, key_name, sizeof(key_name));
    base_buf_append_text(&buf, s);
    base_buf_append_cstr(&buf, "._domainkey.");
    base_buf_append_text(&buf, d);
    if (buf.is_over || dns_name_make(&signature->key_name, base_buf_text(&buf)) != DNS_NAME_OK)
        return malformed(checking, "s= and d= make no domain name");
    return true;
}

/* i= is d= or a subdomain of it (section 3.5). */
static bool check_identity(struct checking *checking)
{
    const struct dkim_tag *i = dkim_taglist_find(checking->list, "i");
    struct dns_name domain;
    const char *at;

    if (i == NULL)
        return true;
    if (i->value.length > IDENTITY_MAX)
        return malformed(checking, "i= is too long");
    at = memrchr(i->value.data, '@', i->value.length);
    if (at == NULL)
        return malformed(checking, "i= has no @");
    at++;
    if (dns_name_make(&domain, (struct base_text){at, (size_t)(i->value.data + i->value.length -
                                                               at)}) != DNS_NAME_OK ||
        !dns_name_is_within(&domain, &checking->signature->domain))
        return malformed(checking, "i= is not within d=");
    return true;
}

static bool is_field_name(struct base_text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (name.data[i] <= 0x20 || name.data[i] >= 0x7f)
            return false;
    return name.length > 0;
}

static bool check_headers(struct checking *checking)
{
    struct base_text rest = checking->signature->h;
    bool has_from = false;
    size_t count = 0;

    while (rest.data != NULL) {
        struct base_text name = base_text_split(&rest, ':');

        if (!is_field_name(name))
            return malformed(checking, "h= is malformed");
        if (++count > checking->max_names)
            return refuse(checking, DKIM_RESULT_POLICY, "h= names too many fields");
        if (base_text_equals_nocase(name, BASE_TEXT("from")))
            has_from = true;
    }
    /* Section 5.4: the From field MUST be signed. */
    if (!has_from)
        return malformed(checking, "h= does not name From");
    if (checking->signature->h.length > DKIM_LIBRARY_HEADERS_MAX)
        return refuse(checking, DKIM_RESULT_POLICY, "h= is too long");
    return true;
}

/* At most 12 digits for a time (section 3.5), 18 for a length. -1: not there; false: malformed. */
static bool read_number(const struct checking *checking, const char *name, uint64_t max,
                        int64_t *number_r)
{
    const struct dkim_tag *tag = dkim_taglist_find(checking->list, name);
    uint64_t number;

    *number_r = -1;
    if (tag == NULL)
        return true;
    if (!base_text_to_uint(tag->value, max, &number))
        return false;
    *number_r = (int64_t)number;
    return true;
}

static bool check_numbers(struct checking *checking)
{
    struct dkim_verdict *verdict = &checking->signature->verdict;
    int64_t t;
    int64_t x;

    if (!read_number(checking, "t", UINT64_C(999999999999), &t))
        return malformed(checking, "t= is not a time");
    if (!read_number(checking, "x", UINT64_C(999999999999), &x))
        return malformed(checking, "x= is not a time");
    if (!read_number(checking, "l", UINT64_C(999999999999999999), &checking->signature->limit))
        return malformed(checking, "l= is not a length");
    verdict->signed_s = t;
    verdict->expires_s = x;
    if (checking->signature->limit >= 0)
        verdict->flags |= DKIM_FLAG_BODY_LENGTH;
    if (t >= 0 && x >= 0 && x <= t)
        return malformed(checking, "x= is not after t=");
    if (t >= 0 && t < DKIM_LIBRARY_TIME_MIN)
        return malformed(checking, "t= is older than DKIM");
    if (t >= 0 && t > checking->now_s + CLOCK_SKEW)
        return refuse(checking, DKIM_RESULT_POLICY, "t= is in the future");
    if (x >= 0 && checking->now_s > x + CLOCK_SKEW)
        return refuse(checking, DKIM_RESULT_POLICY, "the signature has expired");
    return true;
}

/* Forms that are well-formed, but that libopendkim hashes wrongly: it looks for an octet 'b' before
 * a '='. Better said than called a failure. */
static bool check_forms(struct checking *checking)
{
    const struct dkim_taglist *list = checking->list;

    for (size_t i = 0; i < list->count; i++) {
        struct base_text name = list->tags[i].name;
        char last = name.data[name.length - 1];

        if (base_text_equals(name, BASE_TEXT("b")) ? list->tags[i].is_spaced : last == 'b')
            return refuse(checking, DKIM_RESULT_NEUTRAL, "a form of b= that cannot be processed");
    }
    return true;
}

static bool check_base64(struct checking *checking)
{
    struct base_text bh = dkim_text_strip(checking->arena, value_of(checking, "bh"));

    if (!dkim_text_is_base64(checking->signature->b))
        return malformed(checking, "b= is not base64");
    /* A SHA-256 is 44 characters; more would never match. */
    if (!dkim_text_is_base64(bh) || bh.length != 44)
        return malformed(checking, "bh= is not a hash");
    return true;
}

static void check_list(struct checking *checking)
{
    (void)(check_required(checking) && check_algorithm(checking) &&
           check_canonicalization(checking) && check_query(checking) && check_names(checking) &&
           check_identity(checking) && check_headers(checking) && check_base64(checking) &&
           check_numbers(checking) && check_forms(checking));
}

/* What is shown of the signature, whatever else is wrong with it. */
static bool keep_values(struct checking *checking)
{
    struct dkim_signature *signature = checking->signature;
    struct {
        const char *name;
        struct base_text *place;
    } kept[] = {
        {"d", &signature->verdict.domain},
        {"s", &signature->verdict.selector},
        {"i", &signature->verdict.identity},
        {"a", &signature->verdict.algorithm},
        {"b", &signature->b},
        {"h", &signature->h},
    };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        if (dkim_taglist_find(checking->list, kept[i].name) == NULL)
            continue;
        *kept[i].place = dkim_text_strip(checking->arena, value_of(checking, kept[i].name));
        if (kept[i].place->data == NULL)
            return false;
    }
    return true;
}

bool dkim_signature_read(struct base_arena *arena, struct base_text value, int64_t now_s,
                         size_t max_names, struct dkim_signature *signature_r)
{
    struct dkim_taglist list;
    struct checking checking = {arena, &list, signature_r, now_s, max_names};
    enum dkim_taglist_fault fault;

    memset(signature_r, 0, sizeof(*signature_r));
    signature_r->limit = -1;
    signature_r->verdict.signed_s = -1;
    signature_r->verdict.expires_s = -1;
    if (value.length > DKIM_SIGNATURE_MAX) {
        (void)refuse(&checking, DKIM_RESULT_POLICY, "the field is too long");
        return true;
    }
    fault = dkim_taglist_parse(value, &list);
    if (!keep_values(&checking))
        return false;
    if (dkim_text_is_base64(signature_r->b))
        signature_r->verdict.b = signature_r->b;
    if (fault == DKIM_TAGLIST_NOT_ASCII)
        (void)refuse(&checking, DKIM_RESULT_NEUTRAL, dkim_taglist_fault_text(fault));
    else if (fault != DKIM_TAGLIST_OK)
        (void)malformed(&checking, dkim_taglist_fault_text(fault));
    else
        check_list(&checking);
    return !base_arena_is_exhausted(arena);
}

bool dkim_signature_peek_domain(struct base_text value, struct dns_name *domain_r)
{
    struct dkim_taglist list;

    if (value.length > DKIM_SIGNATURE_MAX)
        return false;
    (void)dkim_taglist_parse(value, &list);
    return dns_name_make(domain_r, dkim_taglist_value(&list, "d")) == DNS_NAME_OK;
}

size_t dkim_signature_covers(const struct dkim_signature *signature, struct base_text name)
{
    struct base_text rest = signature->h;
    size_t count = 0;

    while (rest.data != NULL)
        if (base_text_equals_nocase(base_text_split(&rest, ':'), name))
            count++;
    return count;
}
