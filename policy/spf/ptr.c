/* RFC 7208 sections 5.5 and 7.3: the client's names are those of its PTR records whose own address
 * records name the client again. An error of DNS means no name: never an error of the evaluation.
 * Only the first ten names are looked at (4.6.4). */
#include "policy/spf/ptr.h"

#include <string.h>

#include "base/arena.h"
#include "policy/spf/context.h"

static bool has_client_address(struct spf_context *context, const struct dns_name *name)
{
    const struct spf_client *client = &context->request->client;
    const struct dns_answer *answer = dns_lookups_get(context->request->lookups, name,
                                                      client->is_ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A);
    size_t length = client->is_ipv6 ? 16 : 4;

    for (size_t i = 0; i < answer->count; i++)
        if (memcmp(answer->records[i].value.data, client->octets, length) == 0)
            return true;
    return false;
}

/* The answer's first SPF_PTR_MAX names, validated one after the other until `each` says stop. */
static void each_validated(struct spf_context *context,
                           bool (*each)(void *closure, const struct dns_name *name), void *closure)
{
    const struct spf_client *client = &context->request->client;
    const struct dns_answer *answer;
    struct dns_name reverse;
    size_t count;

    dns_name_reverse(&reverse, client->octets, client->is_ipv6 ? 16 : 4);
    answer = dns_lookups_get(context->request->lookups, &reverse, DNS_TYPE_PTR);
    count = answer->count < SPF_PTR_MAX ? answer->count : SPF_PTR_MAX;
    for (size_t i = 0; i < count; i++) {
        struct dns_name name;

        if (dns_name_make(&name, answer->records[i].value) != DNS_NAME_OK)
            continue;
        if (has_client_address(context, &name) && !each(closure, &name))
            return;
    }
}

struct match_closure {
    const struct dns_name *target;
    bool is_match;
};

static bool match_each(void *closure, const struct dns_name *name)
{
    struct match_closure *match = closure;

    match->is_match = dns_name_is_within(name, match->target);
    return !match->is_match;
}

bool spf_ptr_matches(struct spf_context *context, const struct dns_name *target)
{
    struct match_closure match = {target, false};

    each_validated(context, match_each, &match);
    return match.is_match;
}

struct pick_closure {
    const struct dns_name *domain;
    /* 0: nothing yet, 1: some name, 2: one below the domain, 3: the domain. */
    int rank;
    struct dns_name name;
};

static bool pick_each(void *closure, const struct dns_name *name)
{
    struct pick_closure *pick = closure;
    int rank = 1;

    if (dns_name_equals(name, pick->domain))
        rank = 3;
    else if (dns_name_is_within(name, pick->domain))
        rank = 2;
    if (rank > pick->rank) {
        pick->rank = rank;
        pick->name = *name;
    }
    return rank < 3;
}

struct base_text spf_ptr_validated_name(struct spf_context *context, const struct dns_name *domain)
{
    struct pick_closure pick = {.domain = domain};
    const char *copy;

    /* Not remembered: another domain may prefer another name, and dns_lookups asks only once. */
    each_validated(context, pick_each, &pick);
    if (pick.rank == 0)
        return BASE_TEXT("unknown");
    copy = base_arena_strndup(context->request->arena, pick.name.text, pick.name.length);
    return copy == NULL ? BASE_TEXT("unknown") : (struct base_text){copy, pick.name.length};
}
