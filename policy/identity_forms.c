/* VERP as Postfix writes it (its VERP_README: delimiters "+="); BATV as in draft-levine-smtp-batv;
 * SRS as libsrs2 and its like write it. */
#include "policy/identity_forms.h"

#include <string.h>

/* Splits `rest` at the first '='; the part before it is neither empty nor the whole. */
static bool next_part(struct base_text *rest, struct base_text *part_r)
{
    *part_r = base_text_split(rest, '=');
    return part_r->length > 0 && rest->data != NULL && rest->length > 0;
}

static bool read_verp(struct base_text local, struct base_text *stem_r)
{
    const char *plus = memchr(local.data, '+', local.length);
    const char *end = local.data + local.length;

    if (plus == NULL || plus == local.data || memchr(plus, '=', (size_t)(end - plus)) == NULL)
        return false;
    *stem_r = (struct base_text){local.data, (size_t)(plus - local.data)};
    return true;
}

static bool is_tag(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_alnum(text.data[i]))
            return false;
    return text.length > 0;
}

/* "prvs" "=" tag "=" user, or "prvs" "=" user "/" tag; "btv1" "==" tag "==" user */
static bool read_batv(struct base_text local, struct base_text *user_r)
{
    struct base_text rest = local, scheme, part;

    if (!next_part(&rest, &scheme))
        return false;
    if (base_text_equals_nocase(scheme, BASE_TEXT("btv1"))) {
        if (rest.data[0] != '=')
            return false;
        rest = (struct base_text){rest.data + 1, rest.length - 1};
        if (rest.length == 0 || !next_part(&rest, &part) || !is_tag(part) || rest.length < 2 ||
            rest.data[0] != '=')
            return false;
        *user_r = (struct base_text){rest.data + 1, rest.length - 1};
        return true;
    }
    if (!base_text_equals_nocase(scheme, BASE_TEXT("prvs")))
        return false;
    if (memchr(rest.data, '=', rest.length) != NULL) {
        *user_r = rest;
        return next_part(user_r, &part) && is_tag(part);
    }
    *user_r = base_text_split(&rest, '/');
    return user_r->length > 0 && rest.data != NULL && is_tag(rest);
}

static bool is_separator(char c)
{
    return c == '=' || c == '+' || c == '-';
}

/* "SRS0" sep hash "=" time "=" domain "=" user; "SRS1" sep hash "=" forwarder "=" sep and the rest
 * of that. */
static bool read_srs(struct base_text local, struct base_text *domain_r, struct base_text *user_r)
{
    struct base_text rest, part;
    bool is_second;

    if (local.length < 6 || !is_separator(local.data[4]))
        return false;
    is_second = base_text_starts_with_nocase(local, BASE_TEXT("SRS1"));
    if (!is_second && !base_text_starts_with_nocase(local, BASE_TEXT("SRS0")))
        return false;
    rest = (struct base_text){local.data + 5, local.length - 5};
    if (is_second) {
        if (!next_part(&rest, &part) || !next_part(&rest, &part) || !is_separator(rest.data[0]))
            return false;
        rest = (struct base_text){rest.data + 1, rest.length - 1};
        if (rest.length == 0)
            return false;
    }
    if (!next_part(&rest, &part) || !next_part(&rest, &part) || !next_part(&rest, domain_r))
        return false;
    *user_r = rest;
    return true;
}

bool policy_identity_form_read(enum policy_sender_form form, const struct policy_address *address,
                               char *room, size_t size, struct policy_address *inner_r)
{
    struct base_text local = address->local, domain = address->domain_text;
    struct base_buf out;
    bool is_form;

    if (address->kind != POLICY_ADDRESS_DOMAIN)
        return false;
    if (form == POLICY_FORM_VERP)
        is_form = read_verp(address->local, &local);
    else if (form == POLICY_FORM_BATV)
        is_form = read_batv(address->local, &local);
    else
        is_form = read_srs(address->local, &domain, &local);
    if (!is_form)
        return false;
    base_buf_init_fixed(&out, room, size);
    base_buf_append_text(&out, local);
    base_buf_append_char(&out, '@');
    base_buf_append_text(&out, domain);
    return !out.is_over &&
           policy_address_parse(base_buf_text(&out), inner_r) == POLICY_ADDRESS_DOMAIN;
}
