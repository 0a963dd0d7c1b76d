/* policy/author: whenever the strict reader finds one author domain, a second, naive one sees the
 * same: the text behind the last '@' that stands in neither comment nor quoted string. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "policy/address.h"
#include "policy/author.h"
#include "policy/idn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

/* Copies what is neither comment nor quoted string nor blank; returns the length. */
static size_t reduce(const char *text, size_t size, char *out)
{
    size_t depth = 0, length = 0;
    bool is_quoted = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];
        if (c == '\\' && (depth > 0 || is_quoted))
            i++;
        else if (c == '"' && depth == 0)
            is_quoted = !is_quoted;
        else if (c == '(' && !is_quoted)
            depth++;
        else if (c == ')' && depth > 0 && !is_quoted)
            depth--;
        else if (depth == 0 && !is_quoted && strchr(" \t\r\n", c) == NULL)
            out[length++] = c;
    }
    return length;
}

static void compare(const struct policy_author *author, const char *text, size_t size)
{
    char *reduced = base_mem_alloc(size + 1);
    size_t length = reduce(text, size, reduced);
    size_t start = length, end = length;
    struct dns_name name;

    while (start > 0 && reduced[start - 1] != '@')
        start--;
    must(start > 0);
    for (size_t i = length; i > start; i--)
        if (strchr(">,;", reduced[i - 1]) != NULL)
            end = i - 1;
    must(policy_idn_to_name((struct base_text){reduced + start, end - start}, &name));
    must(dns_name_equals(&name, &author->domain));
    base_mem_free(reduced);
}

/* Each is an address as the envelope's reader has it, or none that it could read. */
struct listed {
    size_t count;
    size_t read;
    struct dns_name domain;
};

static void add_listed(void *context, struct base_text mailbox)
{
    struct listed *listed = context;
    struct policy_address address;

    must(memchr(mailbox.data, '@', mailbox.length) != NULL);
    listed->count++;
    if (policy_address_parse(mailbox, &address) != POLICY_ADDRESS_DOMAIN)
        return;
    listed->read++;
    listed->domain = address.domain;
}

/* The lister and the reader of the author domain see the same addresses. */
static void list(struct base_text value, const struct policy_author *author)
{
    struct listed listed = {.count = 0};
    bool is_good = policy_author_each(value, add_listed, &listed);

    /* A local part that is too long to be looked at is the lister's fault alone. */
    must(!is_good || author->outcome != POLICY_AUTHOR_INVALID);
    if (!is_good || author->outcome != POLICY_AUTHOR_ONE)
        return;
    must(listed.count > 0);
    must(listed.read == 0 || dns_name_equals(&listed.domain, &author->domain));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct base_text value = {(const char *)data, size};
    struct policy_author author;

    policy_author_parse(value, &author);
    must(author.outcome != POLICY_AUTHOR_UNKNOWN);
    must((author.outcome == POLICY_AUTHOR_ONE) == (author.reason == NULL));
    must((author.outcome == POLICY_AUTHOR_ONE) == (author.domain.length > 0));
    if (author.outcome == POLICY_AUTHOR_ONE) {
        must(memchr(data, '\0', size) == NULL);
        compare(&author, value.data, size);
    }
    list(value, &author);
    return 0;
}
