#include "policy/bulk/late.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "dns/name.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/organizations.h"
#include "policy/bulk/providers.h"
#include "policy/bulk/warning.h"

struct item {
    struct dns_name author;
    char provider[BULK_PROVIDER_NAME_MAX + 1];
    int64_t limit;
    /* Of a warning: counted already, `recipients` is what is used, and the author the
     * organizational domain. 0: to be counted. */
    unsigned threshold;
    int64_t recipients;
    int64_t since_ns;
    /* Of the last message. */
    char id[32];
    struct item *next;
};

struct bulk_late {
    const struct base_clock *clock;
    struct bulk_organizations *organizations;
    struct rate_store *store;
    pthread_mutex_t lock;
    struct item *items;
    size_t count;
};

struct bulk_late *bulk_late_create(const struct base_clock *clock,
                                   struct bulk_organizations *organizations,
                                   struct rate_store *store)
{
    struct bulk_late *late = base_mem_alloc_zero(1, sizeof(*late));

    late->clock = clock;
    late->organizations = organizations;
    late->store = store;
    pthread_mutex_init(&late->lock, NULL);
    return late;
}

void bulk_late_destroy(struct bulk_late **late)
{
    struct bulk_late *it = *late;

    *late = NULL;
    if (it == NULL)
        return;
    while (it->items != NULL) {
        struct item *next = it->items->next;

        base_mem_free(it->items);
        it->items = next;
    }
    pthread_mutex_destroy(&it->lock);
    base_mem_free(it);
}

/* Under the lock. NULL: there is no room for another. */
static struct item *item_of(struct bulk_late *late, const struct dns_name *author,
                            const char *provider, unsigned threshold)
{
    struct item **place = &late->items;

    while (*place != NULL &&
           !((*place)->threshold == threshold && dns_name_equals(&(*place)->author, author) &&
             strcmp((*place)->provider, provider) == 0))
        place = &(*place)->next;
    if (*place != NULL || late->count >= BULK_LATE_MAX)
        return *place;
    /* At the end: what was reached first is said first. */
    *place = base_mem_alloc_zero(1, sizeof(**place));
    (*place)->author = *author;
    (void)snprintf((*place)->provider, sizeof((*place)->provider), "%s", provider);
    (*place)->threshold = threshold;
    (*place)->since_ns = base_clock_mono_ns(late->clock);
    late->count++;
    return *place;
}

bool bulk_late_add(struct bulk_late *late, const struct dns_name *author,
                   const struct bulk_provider *provider, int64_t recipients, const char *id)
{
    struct item *item;

    pthread_mutex_lock(&late->lock);
    item = item_of(late, author, provider->name, 0);
    if (item != NULL) {
        item->limit = provider->limit;
        item->recipients += recipients;
        (void)snprintf(item->id, sizeof(item->id), "%s", id);
    }
    pthread_mutex_unlock(&late->lock);
    return item != NULL;
}

bool bulk_late_warn(struct bulk_late *late, const struct bulk_place *place, int64_t used,
                    int64_t limit, const char *id)
{
    char provider[BULK_PROVIDER_NAME_MAX + 1];
    struct dns_name author;
    struct item *item;

    if (dns_name_make(&author, place->author) != DNS_NAME_OK)
        return false;
    (void)snprintf(provider, sizeof(provider), "%.*s", (int)place->provider.length,
                   place->provider.data);
    pthread_mutex_lock(&late->lock);
    item = item_of(late, &author, provider, bulk_meter_threshold(used, limit));
    if (item != NULL && item->recipients == 0) {
        item->limit = limit;
        item->recipients = used;
        (void)snprintf(item->id, sizeof(item->id), "%s", id);
    }
    pthread_mutex_unlock(&late->lock);
    return item != NULL;
}

/* Its author's name is known, or is not waited for any longer. */
static bool is_ripe(struct bulk_late *late, const struct dmarc_psl *psl, const struct item *item,
                    bool is_last, struct dns_name *organizational_r)
{
    /* Room for its walk may only have come up now. */
    bulk_organizations_prefetch(late->organizations, &item->author);
    if (bulk_organizations_find(late->organizations, psl, &item->author, organizational_r))
        return true;
    if (!is_last && base_clock_mono_ns(late->clock) - item->since_ns < BULK_WALK_NS)
        return false;
    bulk_organizations_guess(psl, &item->author, organizational_r);
    bulk_organizations_bind(late->organizations, &item->author, organizational_r);
    return true;
}

static void finish(struct bulk_late *late, const struct item *item,
                   const struct dns_name *organizational)
{
    const struct bulk_place place = {
        .author = {organizational->text, organizational->length},
        .provider = base_text_of(item->provider),
    };
    int64_t used =
        item->threshold > 0 ? 0 : bulk_meter_count(late->store, &place, item->recipients);

    bulk_warning_check(late->store, &place, used + item->recipients, item->limit, item->id);
}

static struct item *take_all(struct bulk_late *late)
{
    struct item *items;

    pthread_mutex_lock(&late->lock);
    items = late->items;
    late->items = NULL;
    late->count = 0;
    pthread_mutex_unlock(&late->lock);
    return items;
}

/* Should the same pair have come anew meanwhile, there are two of it for a while. */
static void put_back(struct bulk_late *late, struct item *item)
{
    pthread_mutex_lock(&late->lock);
    item->next = late->items;
    late->items = item;
    late->count++;
    pthread_mutex_unlock(&late->lock);
}

void bulk_late_settle(struct bulk_late *late, const struct dmarc_psl *psl, bool is_last)
{
    struct item *item = take_all(late);

    while (item != NULL) {
        struct item *next = item->next;
        struct dns_name organizational = item->author;

        if (item->threshold > 0 || is_ripe(late, psl, item, is_last, &organizational)) {
            finish(late, item, &organizational);
            base_mem_free(item);
        } else {
            put_back(late, item);
        }
        item = next;
    }
}

size_t bulk_late_count(struct bulk_late *late)
{
    size_t count;

    pthread_mutex_lock(&late->lock);
    count = late->count;
    pthread_mutex_unlock(&late->lock);
    return count;
}
