#include "policy/conditions.h"

#include "base/arena.h"
#include "base/panic.h"
#include "policy/domains.h"
#include "policy/networks.h"

#define STRANGER_MAX 200

/* One a line, because many hands add theirs. */
/* clang-format off */
const struct conf_option_group *const policy_conditions[] = {
    &policy_conditions_dmarc,
    &policy_conditions_dkim,
    &policy_conditions_identity,
    &policy_conditions_author,
    &policy_conditions_spf,
    &policy_conditions_session,
    &policy_conditions_message,
    &policy_conditions_client,
    &policy_conditions_dnslist,
    &policy_conditions_bulk,
    &policy_conditions_list,
    &policy_conditions_trusted,
    &policy_conditions_envelope,
    &policy_conditions_command,
    NULL,
};
/* clang-format on */

size_t policy_condition_count(void)
{
    size_t count = 0;

    for (size_t i = 0; policy_conditions[i] != NULL; i++)
        count += policy_conditions[i]->count;
    return count;
}

const struct policy_condition *policy_condition_at(size_t index)
{
    size_t group = 0;

    while (policy_conditions[group] != NULL && index >= policy_conditions[group]->count)
        index -= policy_conditions[group++]->count;
    if (policy_conditions[group] == NULL)
        base_panic("policy: a condition past the end");
    return (const void *)((const char *)policy_conditions[group]->first +
                          index * policy_conditions[group]->stride);
}

bool policy_condition_is_given(const struct policy_condition *condition,
                               const struct conf_section *section)
{
    return conf_section_where(section, condition->option.name).line != 0;
}

void *policy_condition_compile_domains(const struct policy_condition *condition, const void *value,
                                       struct base_error *error_r)
{
    return policy_domains_create(value, condition->option.name, error_r);
}

void policy_condition_destroy_domains(void *compiled)
{
    struct policy_domains *domains = compiled;

    policy_domains_destroy(&domains);
}

void *policy_condition_compile_networks(const struct policy_condition *condition, const void *value,
                                        struct base_error *error_r)
{
    return policy_networks_create(value, condition->option.name, error_r);
}

void policy_condition_destroy_networks(void *compiled)
{
    struct policy_networks *networks = compiled;

    policy_networks_destroy(&networks);
}

bool policy_condition_covers_over(const void *wide, const void *narrow)
{
    return *(const int64_t *)wide <= *(const int64_t *)narrow;
}

bool policy_condition_covers_below(const void *wide, const void *narrow)
{
    return *(const int64_t *)wide >= *(const int64_t *)narrow;
}

bool policy_condition_covers_domain(const void *compiled, const char *item)
{
    return policy_domains_cover(compiled, item);
}

bool policy_condition_covers_network(const void *compiled, const char *item)
{
    return policy_networks_cover(compiled, item);
}

const char *policy_condition_printable(struct base_arena *arena, struct base_text text)
{
    char *copy;

    if (text.length > STRANGER_MAX)
        text.length = STRANGER_MAX;
    copy = base_arena_strndup(arena, text.length == 0 ? "" : text.data, text.length);
    for (size_t i = 0; copy != NULL && i < text.length; i++)
        if (!base_ascii_is_print(copy[i]))
            copy[i] = '?';
    return copy == NULL ? "" : copy;
}
