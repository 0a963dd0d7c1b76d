/* RFC 8601 section 2.7.3: the results, and which answer of DNS gives which. */
#include "policy/iprev.h"

#include <string.h>

#include "base/arena.h"
#include "dns/lookups.h"

const char *policy_iprev_result_text(enum policy_iprev_result result)
{
    static const char *const texts[] = {"pass", "fail", "temperror", "permerror"};

    return texts[result];
}

static enum dns_type address_type(size_t length)
{
    return length == 4 ? DNS_TYPE_A : DNS_TYPE_AAAA;
}

void policy_iprev_prefetch(struct dns_lookups *lookups, const unsigned char *address, size_t length)
{
    struct dns_name reverse;

    dns_name_reverse(&reverse, address, length);
    dns_lookups_prefetch(lookups, &reverse, DNS_TYPE_PTR);
}

static void finish(struct policy_iprev *iprev, enum policy_iprev_result result, const char *reason)
{
    iprev->result = result;
    iprev->reason = reason;
}

/* The names, each with its question under way; how many. */
static size_t ask_addresses(struct dns_lookups *lookups, const struct dns_answer *answer,
                            size_t length, struct dns_name names[POLICY_IPREV_NAMES_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < answer->count && count < POLICY_IPREV_NAMES_MAX; i++)
        if (dns_name_make(&names[count], answer->records[i].value) == DNS_NAME_OK)
            dns_lookups_prefetch(lookups, &names[count++], address_type(length));
    return count;
}

static bool has_address(const struct dns_answer *answer, const unsigned char *address,
                        size_t length)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i].value.length == length &&
            memcmp(answer->records[i].value.data, address, length) == 0)
            return true;
    return false;
}

void policy_iprev_evaluate(struct base_arena *arena, struct dns_lookups *lookups,
                           const unsigned char *address, size_t length,
                           struct policy_iprev *iprev_r)
{
    struct dns_name names[POLICY_IPREV_NAMES_MAX];
    const struct dns_answer *answer;
    struct dns_name reverse;
    bool is_temporary = false;
    size_t count;

    memset(iprev_r, 0, sizeof(*iprev_r));
    dns_name_reverse(&reverse, address, length);
    answer = dns_lookups_get(lookups, &reverse, DNS_TYPE_PTR);
    if (dns_status_is_temporary(answer->status)) {
        finish(iprev_r, POLICY_IPREV_TEMPERROR, "the name of the address cannot be had");
        return;
    }
    count = ask_addresses(lookups, answer, length, names);
    iprev_r->names = base_arena_alloc(arena, (count + 1) * sizeof(*names));
    for (size_t i = 0; i < count && iprev_r->names != NULL; i++) {
        answer = dns_lookups_get(lookups, &names[i], address_type(length));
        is_temporary |= dns_status_is_temporary(answer->status);
        if (has_address(answer, address, length))
            iprev_r->names[iprev_r->count++] = names[i];
    }
    if (iprev_r->names == NULL)
        finish(iprev_r, POLICY_IPREV_TEMPERROR, "no memory left");
    else if (count == 0)
        finish(iprev_r, POLICY_IPREV_PERMERROR, "the address has no name");
    else if (iprev_r->count > 0)
        finish(iprev_r, POLICY_IPREV_PASS, NULL);
    else if (is_temporary)
        finish(iprev_r, POLICY_IPREV_TEMPERROR, "the address of the name cannot be had");
    else
        finish(iprev_r, POLICY_IPREV_FAIL, "the name has another address");
}
