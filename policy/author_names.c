#include "policy/author_names.h"

#include <string.h>

#include "policy/address.h"
#include "policy/author.h"
#include "policy/domains.h"
#include "policy/header.h"
#include "policy/idn.h"

struct search {
    const struct policy_domains *domains;
    bool is_found;
};

static void look_at(void *context, struct base_text mailbox)
{
    struct search *search = context;
    struct policy_address address;

    if (policy_address_parse(mailbox, &address) == POLICY_ADDRESS_DOMAIN &&
        policy_domains_contain(search->domains, &address.domain))
        search->is_found = true;
}

static bool is_of_domain(char c)
{
    return base_ascii_is_alnum(c) || c == '.' || c == '-' || c == '_' || (c & 0x80) != 0;
}

/* Of what begins behind an "@", without quotes and backslashes. */
static bool is_named(struct base_text rest, const struct policy_domains *domains)
{
    char room[DNS_NAME_MAX];
    struct base_buf text;
    struct dns_name name;

    base_buf_init_fixed(&text, room, sizeof(room));
    for (size_t i = 0; i < rest.length; i++) {
        if (is_of_domain(rest.data[i]))
            base_buf_append_char(&text, rest.data[i]);
        else if (rest.data[i] != '"' && rest.data[i] != '\\')
            break;
    }
    return !text.is_over && policy_idn_to_name(base_buf_text(&text), &name) &&
           policy_domains_contain(domains, &name);
}

static bool is_named_anywhere(struct base_text value, const struct policy_domains *domains)
{
    for (size_t i = 0; i < value.length; i++)
        if (value.data[i] == '@' &&
            is_named((struct base_text){value.data + i + 1, value.length - i - 1}, domains))
            return true;
    return false;
}

bool policy_author_names(const struct policy_header *header, const struct policy_domains *domains)
{
    const struct policy_field *field;
    size_t position = 0;

    if (policy_domains_is_empty(domains))
        return false;
    while ((field = policy_header_next(header, BASE_TEXT("From"), &position)) != NULL) {
        struct search search = {.domains = domains};

        if (!policy_author_each(field->value, look_at, &search))
            search.is_found = is_named_anywhere(field->value, domains);
        if (search.is_found)
            return true;
    }
    return false;
}
