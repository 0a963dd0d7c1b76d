/* RFC 8601 section 2.2:
 *   authres-header-field = "Authentication-Results:" [CFWS] authserv-id
 *                          [ CFWS authres-version ] ( no-result / 1*resinfo ) [CFWS] CRLF
 *   authserv-id = value            ; of RFC 2045 section 5.1, with UTF-8 (section 2.5)
 * Only the head is read: what stands behind the first ";" speaks for whoever the head names. */
#include "policy/authres.h"

#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "dns/name.h"
#include "policy/edits.h"
#include "policy/header.h"
#include "policy/idn.h"

struct policy_authserv_ids {
    size_t count;
    struct dns_name *names;
};

static bool add(struct policy_authserv_ids *ids, const struct conf_item *item, const char *option,
                struct base_error *error_r)
{
    if (policy_idn_to_name(base_text_of(item->text), &ids->names[ids->count])) {
        ids->count++;
        return true;
    }
    conf_error_at(error_r, item->where,
                  "%s: \"%s\" is not a host name: write the name under which this site judges "
                  "mail, such as \"mx.example.org\"",
                  option, item->text);
    return false;
}

struct policy_authserv_ids *policy_authserv_ids_create(const struct conf_item *id,
                                                       const struct conf_list *more,
                                                       struct base_error *error_r)
{
    struct policy_authserv_ids *ids = base_mem_alloc_zero(1, sizeof(*ids));

    ids->names = base_mem_alloc_zero(more->count + 1, sizeof(*ids->names));
    bool is_good = id->text == NULL || add(ids, id, "authserv-id", error_r);
    for (size_t i = 0; is_good && i < more->count; i++)
        is_good = add(ids, &more->items[i], "authserv-ids", error_r);
    if (!is_good)
        policy_authserv_ids_destroy(&ids);
    return ids;
}

struct policy_authserv_ids *policy_authserv_ids_create_list(const struct conf_list *list,
                                                            const char *option,
                                                            struct base_error *error_r)
{
    struct policy_authserv_ids *ids = base_mem_alloc_zero(1, sizeof(*ids));

    ids->names = base_mem_alloc_zero(list->count + 1, sizeof(*ids->names));
    for (size_t i = 0; i < list->count; i++) {
        if (add(ids, &list->items[i], option, error_r))
            continue;
        policy_authserv_ids_destroy(&ids);
        return NULL;
    }
    return ids;
}

bool policy_authserv_ids_contain(const struct policy_authserv_ids *ids, struct base_text id)
{
    struct dns_name name;

    if (!policy_idn_to_name(id, &name))
        return false;
    for (size_t i = 0; i < ids->count; i++)
        if (dns_name_equals(&ids->names[i], &name))
            return true;
    return false;
}

void policy_authserv_ids_destroy(struct policy_authserv_ids **ids)
{
    if (*ids == NULL)
        return;
    base_mem_free((*ids)->names);
    base_mem_free(*ids);
    *ids = NULL;
}

struct head {
    const char *at;
    const char *end;
    bool is_bad;
    /* A comment with what readers differ about: another one in it, a backslash, a quote. */
    bool is_odd;
};

static int peek(const struct head *head)
{
    return head->at < head->end && !head->is_bad ? (unsigned char)*head->at : -1;
}

static void comment(struct head *head)
{
    size_t depth = 0;

    do {
        int c = peek(head);
        if (c < 0) {
            head->is_bad = true;
            return;
        }
        head->at++;
        head->is_odd |= c == '\\' || c == '"' || (c == '(' && depth > 0);
        if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        else if (c == '\\' && head->at < head->end)
            head->at++;
    } while (depth > 0);
}

/* [CFWS]; line ends were checked before. */
static void cfws(struct head *head)
{
    for (;;) {
        int c = peek(head);
        if (c == ' ' || c == '\t' || c == '\r' || c == '\n')
            head->at++;
        else if (c == '(')
            comment(head);
        else
            return;
    }
}

/* RFC 2045 section 5.1: any CHAR but SPACE, CTLs and tspecials; here with UTF-8. */
static bool is_token_octet(int c)
{
    return c > 0x20 && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

/* authserv-id: a token or a quoted-string, unquoted into `out`. Longer ones are no host names. */
static struct base_text authserv_id(struct head *head, char out[POLICY_IDN_MAX])
{
    size_t length = 0;
    bool is_quoted = peek(head) == '"';

    if (is_quoted)
        head->at++;
    for (int c = peek(head); is_quoted ? c != '"' : is_token_octet(c); c = peek(head)) {
        if (c == '\\') {
            head->at++;
            c = peek(head);
        }
        if (c < 0 || length == POLICY_IDN_MAX) {
            head->is_bad = true;
            break;
        }
        out[length++] = (char)c;
        head->at++;
    }
    if (is_quoted && !head->is_bad)
        head->at++;
    return (struct base_text){out, length};
}

/* What a reader may take away between the octets of a name. */
static bool is_between(char c)
{
    return c == '\\' || c == '"' || c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool begins_with(struct base_text text, const struct dns_name *name)
{
    size_t matched = 0;

    for (size_t i = 0; i < text.length && matched < name->length; i++) {
        if (base_ascii_lower(text.data[i]) == base_ascii_lower(name->text[matched]))
            matched++;
        else if (matched == 0 || !is_between(text.data[i]))
            return false;
    }
    return matched == name->length && matched > 0;
}

/* A reader that ends a comment elsewhere than we do, earlier or later, may take any part of the
 * value for the authserv-id. Letters that are not ASCII may be any that IDNA maps. */
static bool may_hide(struct base_text value, const struct dns_name *name)
{
    for (size_t i = 0; i < value.length; i++)
        if ((unsigned char)value.data[i] >= 0x80 ||
            begins_with((struct base_text){value.data + i, value.length - i}, name))
            return true;
    return false;
}

/* Every LF is a fold, every CR belongs to one, and there is no NUL. */
static bool is_clean(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++) {
        char c = value.data[i];
        char next = i + 1 < value.length ? value.data[i + 1] : '\0';
        if (c == '\0' || (c == '\r' && next != '\n') || (c == '\n' && next != ' ' && next != '\t'))
            return false;
    }
    return true;
}

/* Of a field that names `claimed`, behind odd comments or not. */
static bool is_claim(struct base_text value, bool is_odd, const struct dns_name *claimed,
                     const struct dns_name *id)
{
    return dns_name_equals(id, claimed) || (is_odd && may_hide(value, id));
}

bool policy_authres_claims(const struct policy_authserv_ids *ids, struct base_text extra,
                           struct base_text value)
{
    char octets[POLICY_IDN_MAX];
    struct dns_name name, extra_name;

    if (value.length == 0 || !is_clean(value))
        return true;
    struct head head = {.at = value.data, .end = value.data + value.length};
    cfws(&head);
    bool is_odd = head.is_odd;
    struct base_text id = authserv_id(&head, octets);
    if (head.is_bad || !policy_idn_to_name(base_text_trim(id), &name))
        return true;
    const char *id_end = head.at;
    cfws(&head);
    if (head.at != id_end && peek(&head) >= '0' && peek(&head) <= '9') {
        while (peek(&head) >= '0' && peek(&head) <= '9')
            head.at++;
        cfws(&head);
    }
    if (head.is_bad || (head.at != head.end && peek(&head) != ';'))
        return true;
    for (size_t i = 0; i < ids->count; i++)
        if (is_claim(value, is_odd, &name, &ids->names[i]))
            return true;
    return policy_idn_to_name(extra, &extra_name) && is_claim(value, is_odd, &name, &extra_name);
}

bool policy_authres_remove(struct policy_header *header, struct policy_edits *edits,
                           const struct policy_authserv_ids *ids, struct base_text extra,
                           size_t max_fields, unsigned *removed_r)
{
    const struct base_text name = BASE_TEXT("Authentication-Results");
    size_t position = 0, seen = 0;
    struct policy_field *field;

    *removed_r = 0;
    while ((field = policy_header_next(header, name, &position)) != NULL) {
        if (field->index == 0)
            continue;
        if (seen++ < max_fields && !field->is_left_out &&
            !policy_authres_claims(ids, extra, field->value))
            continue;
        if (!policy_edits_delete(edits, field))
            return false;
        (*removed_r)++;
    }
    return true;
}
