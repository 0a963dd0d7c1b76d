/* Two sorted lists, searched by halves: a site may host a hundred thousand domains. */
#include "policy/domains.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "policy/idn.h"

struct policy_domains {
    size_t exact_count;
    char **exact;
    size_t below_count;
    char **below;
};

static int compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add(struct policy_domains *domains, const struct conf_item *item, const char *option,
                struct base_error *error_r)
{
    bool is_below = item->text[0] == '.';
    struct dns_name name;

    if (!policy_idn_to_name(base_text_of(item->text + (is_below ? 1 : 0)), &name)) {
        conf_error_at(error_r, item->where,
                      "%s: \"%s\" is not a domain: write \"example.org\", or \".example.org\" for "
                      "every domain below it",
                      option, item->text);
        return false;
    }
    if (is_below)
        domains->below[domains->below_count++] = base_mem_strdup(name.text);
    else
        domains->exact[domains->exact_count++] = base_mem_strdup(name.text);
    return true;
}

struct policy_domains *policy_domains_create(const struct conf_list *list, const char *option,
                                             struct base_error *error_r)
{
    struct policy_domains *domains = base_mem_alloc_zero(1, sizeof(*domains));

    if (list->count == 0)
        return domains;
    domains->exact = base_mem_alloc_zero(list->count, sizeof(*domains->exact));
    domains->below = base_mem_alloc_zero(list->count, sizeof(*domains->below));
    for (size_t i = 0; i < list->count; i++) {
        if (!add(domains, &list->items[i], option, error_r)) {
            policy_domains_destroy(&domains);
            return NULL;
        }
    }
    qsort(domains->exact, domains->exact_count, sizeof(*domains->exact), compare);
    qsort(domains->below, domains->below_count, sizeof(*domains->below), compare);
    return domains;
}

static void free_names(char **names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        base_mem_free(names[i]);
    base_mem_free(names);
}

void policy_domains_destroy(struct policy_domains **domains)
{
    if (*domains == NULL)
        return;
    free_names((*domains)->exact, (*domains)->exact_count);
    free_names((*domains)->below, (*domains)->below_count);
    base_mem_free(*domains);
    *domains = NULL;
}

static bool find(char *const *names, size_t count, const char *text)
{
    return count > 0 && bsearch(&text, names, count, sizeof(*names), compare) != NULL;
}

bool policy_domains_is_empty(const struct policy_domains *domains)
{
    return domains->exact_count == 0 && domains->below_count == 0;
}

bool policy_domains_contain(const struct policy_domains *domains, const struct dns_name *name)
{
    if (find(domains->exact, domains->exact_count, name->text))
        return true;
    for (const char *dot = strchr(name->text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        if (find(domains->below, domains->below_count, dot + 1))
            return true;
    return false;
}

bool policy_domains_cover(const struct policy_domains *domains, const char *item)
{
    struct dns_name name;

    if (!policy_idn_to_name(base_text_of(item + (item[0] == '.' ? 1 : 0)), &name))
        return false;
    if (item[0] != '.')
        return policy_domains_contain(domains, &name);
    if (find(domains->below, domains->below_count, name.text))
        return true;
    for (const char *dot = strchr(name.text, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        if (find(domains->below, domains->below_count, dot + 1))
            return true;
    return false;
}
