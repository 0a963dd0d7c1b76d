/* Values in a sorted row, and a set of networks. */
#include "policy/rate/exempt.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "policy/networks.h"
#include "policy/rate/maps.h"
#include "policy/rate/store.h"
#include "store/maps.h"

struct rate_exempt {
    size_t count;
    char **values;
    struct policy_networks *networks;
    struct store_maps *maps;
};

/* "192.0.2.0/24", "2001:db8::1", "192.0.2.1": not a login, a domain or an address. */
static bool is_network(const char *text)
{
    if (strchr(text, '@') != NULL)
        return false;
    if (strchr(text, '/') != NULL || strchr(text, ':') != NULL)
        return true;
    return text[strspn(text, "0123456789.")] == '\0' && strchr(text, '.') != NULL;
}

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static char *lower_copy(const char *text)
{
    char *copy = base_mem_strdup(text);

    for (char *c = copy; *c != '\0'; c++)
        *c = base_ascii_lower(*c);
    return copy;
}

struct rate_exempt *rate_exempt_create(const struct conf_list *list, struct base_error *error_r)
{
    struct rate_exempt *exempt = base_mem_alloc_zero(1, sizeof(*exempt));
    struct conf_item *items = base_mem_alloc_zero(list->count, sizeof(*items));
    struct conf_list networks = {.items = items};

    exempt->values = base_mem_alloc_zero(list->count, sizeof(*exempt->values));
    for (size_t i = 0; i < list->count; i++) {
        if (rate_maps_is(list->items[i].text))
            continue;
        if (is_network(list->items[i].text))
            items[networks.count++] = list->items[i];
        else
            exempt->values[exempt->count++] = lower_copy(list->items[i].text);
    }
    if (exempt->count > 0)
        qsort(exempt->values, exempt->count, sizeof(*exempt->values), compare);
    exempt->networks = policy_networks_create(&networks, "exempt", error_r);
    base_mem_free(items);
    if (exempt->networks != NULL)
        exempt->maps = rate_maps_open(list, "exempt", error_r);
    if (exempt->maps == NULL)
        rate_exempt_destroy(&exempt);
    return exempt;
}

void rate_exempt_destroy(struct rate_exempt **exempt)
{
    struct rate_exempt *it = *exempt;

    *exempt = NULL;
    if (it == NULL)
        return;
    for (size_t i = 0; i < it->count; i++)
        base_mem_free(it->values[i]);
    base_mem_free(it->values);
    policy_networks_destroy(&it->networks);
    store_maps_destroy(&it->maps);
    base_mem_free(it);
}

static bool has_value(const struct rate_exempt *exempt, const char *value)
{
    char room[512];
    struct base_buf found;

    base_buf_init_fixed(&found, room, sizeof(room));
    if (exempt->count > 0 &&
        bsearch(&value, exempt->values, exempt->count, sizeof(*exempt->values), compare) != NULL)
        return true;
    return rate_maps_find(exempt->maps, base_text_of(value), &found);
}

bool rate_exempt_has(const struct rate_exempt *exempt, struct base_text value)
{
    char text[RATE_KEY_MAX + 1];
    const char *at;

    if (exempt == NULL || value.length > RATE_KEY_MAX ||
        (exempt->count == 0 && store_maps_count(exempt->maps) == 0))
        return false;
    memcpy(text, value.data, value.length);
    text[value.length] = '\0';
    at = strrchr(text, '@');
    return has_value(exempt, text) ||
           (at != NULL && (has_value(exempt, at) || has_value(exempt, at + 1)));
}

bool rate_exempt_has_client(const struct rate_exempt *exempt, const struct policy_client *client)
{
    return exempt != NULL && policy_networks_contain(exempt->networks, client);
}
