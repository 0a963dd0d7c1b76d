/* RFC 2919 section 2: list-id-header = "List-ID:" [phrase] "<" list-id ">" CRLF, and a list-id has
 * at most 255 octets. Why anybody asks: lists change what was
 * signed. */
#include "policy/mailing_list.h"

#include <string.h>

#include "dns/name.h"
#include "policy/dkim/result.h"
#include "policy/header.h"
#include "policy/idn.h"

#define LIST_ID_MAX 255

static bool is_list_id(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_print(text.data[i]) || strchr(" <>()\"@,;\\", text.data[i]) != NULL)
            return false;
    return text.length > 0 && text.length <= LIST_ID_MAX;
}

/* Lists leave the brackets out at times. A "<" within the phrase's quotes is not the last one. */
static struct base_text list_id(struct base_text value)
{
    const struct base_text none = {NULL, 0};
    size_t start;

    value = base_text_trim(value);
    if (value.length == 0 || value.data[value.length - 1] != '>')
        return is_list_id(value) ? value : none;
    value.length--;
    start = value.length;
    while (start > 0 && value.data[start - 1] != '<')
        start--;
    if (start == 0)
        return none;
    value = base_text_trim((struct base_text){value.data + start, value.length - start});
    return is_list_id(value) ? value : none;
}

/* Of several fields none is believed. */
static const struct policy_field *only_field(const struct policy_header *header,
                                             struct base_text name)
{
    size_t position = 0;

    if (policy_header_count(header, name) != 1)
        return NULL;
    return policy_header_next(header, name, &position);
}

static const char *precedence(const struct policy_header *header)
{
    const struct policy_field *field = only_field(header, BASE_TEXT("Precedence"));
    struct base_text value;

    if (field == NULL)
        return NULL;
    value = base_text_trim(field->value);
    if (base_text_equals_nocase(value, BASE_TEXT("list")))
        return "list";
    return base_text_equals_nocase(value, BASE_TEXT("bulk")) ? "bulk" : NULL;
}

static bool is_resigned(const struct dkim_verdicts *verdicts, const struct dns_name *author)
{
    bool is_broken = false;
    bool is_signed = false;

    for (size_t i = 0; i < verdicts->count; i++) {
        const struct dkim_verdict *verdict = &verdicts->items[i];
        struct dns_name domain;
        bool is_authors;

        if (!policy_idn_to_name(verdict->domain, &domain))
            continue;
        is_authors = dns_name_is_within(author, &domain) || dns_name_is_within(&domain, author);
        if (is_authors && verdict->result == DKIM_RESULT_PASS)
            return false;
        is_broken |= is_authors && verdict->result == DKIM_RESULT_FAIL;
        is_signed |= !is_authors && dkim_verdict_is_creditable(verdict);
    }
    return is_broken && is_signed;
}

void policy_mailing_list_read(const struct policy_header *header,
                              const struct dkim_verdicts *verdicts,
                              const struct dns_name *author_domain,
                              struct policy_mailing_list *list_r)
{
    const struct policy_field *field = only_field(header, BASE_TEXT("List-Id"));

    list_r->list_id = field == NULL ? (struct base_text){NULL, 0} : list_id(field->value);
    list_r->precedence = precedence(header);
    list_r->is_resigned =
        verdicts != NULL && author_domain != NULL && is_resigned(verdicts, author_domain);
}

bool policy_mailing_list_is(const struct policy_mailing_list *list)
{
    return list->list_id.data != NULL || list->precedence != NULL || list->is_resigned;
}
