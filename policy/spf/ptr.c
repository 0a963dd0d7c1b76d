/* RFC 7208 sections 5.5 and 7.3: the client's names are those of its PTR records whose own address
 * records name the client again. An error of DNS means no name: never an error of the evaluation.
 * Only the first ten names are looked at (4.6.4), each of them once. */
#include "policy/spf/ptr.h"

#include <string.h>

#include "base/arena.h"
#include "policy/spf/context.h"

static bool is_void(const struct dns_answer *answer)
{
    return answer->count == 0 && !dns_status_is_temporary(answer->status);
}

/* Asks for the client's names, unless that was done. */
static void ask_names(struct spf_context *context)
{
    const struct spf_client *client = &context->request->client;
    const struct dns_answer *answer;
    struct dns_name reverse;
    size_t count;

    if (context->has_ptr)
        return;
    context->has_ptr = true;
    dns_name_reverse(&reverse, client->octets, client->is_ipv6 ? 16 : 4);
    answer = dns_lookups_get(context->request->lookups, &reverse, DNS_TYPE_PTR);
    context->is_ptr_void = is_void(answer);
    count = answer->count < SPF_PTR_MAX ? answer->count : SPF_PTR_MAX;
    if (count > 0)
        context->ptr_names =
            base_arena_alloc(context->request->arena, count * sizeof(*context->ptr_names));
    for (size_t i = 0; i < count && context->ptr_names != NULL; i++) {
        struct spf_ptr_name *name = &context->ptr_names[context->ptr_count];

        if (dns_name_make(&name->name, answer->records[i].value) == DNS_NAME_OK)
            context->ptr_count++;
    }
}

static void check_name(struct spf_context *context, struct spf_ptr_name *name)
{
    const struct spf_client *client = &context->request->client;
    const struct dns_answer *answer;
    size_t length = client->is_ipv6 ? 16 : 4;

    if (name->is_checked)
        return;
    name->is_checked = true;
    answer = dns_lookups_get(context->request->lookups, &name->name,
                             client->is_ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A);
    name->is_void = is_void(answer);
    for (size_t i = 0; i < answer->count; i++)
        name->is_validated |= memcmp(answer->records[i].value.data, client->octets, length) == 0;
}

/* The next validated name from *index on, which moves behind it; NULL when there is none, or when
 * the evaluation is over. */
static const struct dns_name *next_validated(struct spf_context *context, size_t *index)
{
    ask_names(context);
    if (context->is_ptr_void)
        spf_context_count_void(context);
    while (*index < context->ptr_count && !context->is_stopped) {
        struct spf_ptr_name *name = &context->ptr_names[(*index)++];

        check_name(context, name);
        if (name->is_void)
            spf_context_count_void(context);
        if (name->is_validated)
            return &name->name;
    }
    return NULL;
}

bool spf_ptr_matches(struct spf_context *context, const struct dns_name *target)
{
    const struct dns_name *name;
    size_t index = 0;

    while ((name = next_validated(context, &index)) != NULL)
        if (dns_name_is_within(name, target))
            return true;
    return false;
}

struct base_text spf_ptr_validated_name(struct spf_context *context, const struct dns_name *domain)
{
    const struct dns_name *any = NULL;
    const struct dns_name *below = NULL;
    const struct dns_name *name;
    size_t index = 0;

    while ((name = next_validated(context, &index)) != NULL) {
        if (dns_name_equals(name, domain))
            return (struct base_text){name->text, name->length};
        if (any == NULL)
            any = name;
        if (below == NULL && dns_name_is_within(name, domain))
            below = name;
    }
    name = below != NULL ? below : any;
    return name == NULL ? BASE_TEXT("unknown") : (struct base_text){name->text, name->length};
}
