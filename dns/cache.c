/* Sets of four, found by hash; a new answer takes the place of the one in its set that ends first.
 * No list to keep in order, nothing to sweep. */
#include "dns/cache.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/mem.h"

#define WAYS  4
#define SETS  (DNS_CACHE_ENTRIES_MAX / WAYS)
#define LOCKS 16

struct cache_entry {
    struct dns_name name;
    enum dns_type type;
    struct dns_answer *answer;
    int64_t expires_ns;
};

struct dns_cache {
    /* Lock i guards the sets whose number modulo LOCKS is i. */
    pthread_mutex_t locks[LOCKS];
    struct cache_entry *sets[SETS][WAYS];
};

struct dns_cache *dns_cache_create(void)
{
    struct dns_cache *cache = base_mem_alloc_zero(1, sizeof(*cache));

    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&cache->locks[i], NULL);
    return cache;
}

static void entry_destroy(struct cache_entry **entry)
{
    if (*entry != NULL)
        dns_answer_unref(&(*entry)->answer);
    base_mem_free(*entry);
    *entry = NULL;
}

void dns_cache_destroy(struct dns_cache **cache)
{
    struct dns_cache *old = *cache;

    *cache = NULL;
    if (old == NULL)
        return;
    for (size_t set = 0; set < SETS; set++)
        for (size_t way = 0; way < WAYS; way++)
            entry_destroy(&old->sets[set][way]);
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&old->locks[i]);
    base_mem_free(old);
}

/* FNV-1a. Whoever chooses names that fall into one set makes his own answers short-lived. */
static size_t set_of(const struct dns_name *name, enum dns_type type)
{
    uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)type;

    for (size_t i = 0; i < name->length; i++)
        hash = (hash ^ (unsigned char)name->text[i]) * UINT64_C(1099511628211);
    return (size_t)((hash ^ hash >> 32) % SETS);
}

static bool entry_is(const struct cache_entry *entry, const struct dns_name *name,
                     enum dns_type type)
{
    return entry != NULL && entry->type == type && dns_name_equals(&entry->name, name);
}

struct dns_answer *dns_cache_get(struct dns_cache *cache, const struct dns_name *name,
                                 enum dns_type type, int64_t now_ns)
{
    size_t set = set_of(name, type);
    pthread_mutex_t *lock = &cache->locks[set % LOCKS];
    struct dns_answer *answer = NULL;

    pthread_mutex_lock(lock);
    for (size_t way = 0; way < WAYS; way++) {
        struct cache_entry *entry = cache->sets[set][way];

        if (entry_is(entry, name, type) && entry->expires_ns > now_ns)
            answer = dns_answer_ref(entry->answer);
    }
    pthread_mutex_unlock(lock);
    return answer;
}

static bool is_worth_keeping(const struct dns_answer *answer)
{
    size_t octets = 0;

    if (dns_status_is_temporary(answer->status) || answer->ttl == 0)
        return false;
    for (size_t i = 0; i < answer->count; i++)
        octets += answer->records[i].rdata.length;
    /* Records of no length cost as well. */
    return octets <= DNS_CACHE_OCTETS_MAX && answer->count <= DNS_CACHE_OCTETS_MAX / 8;
}

/* The place of the same question, or a free one, or the one that ends first. */
static struct cache_entry **find_place(struct cache_entry **ways, const struct dns_name *name,
                                       enum dns_type type)
{
    struct cache_entry **place = &ways[0];

    for (size_t way = 0; way < WAYS; way++) {
        if (entry_is(ways[way], name, type))
            return &ways[way];
        if (*place == NULL)
            continue;
        if (ways[way] == NULL || ways[way]->expires_ns < (*place)->expires_ns)
            place = &ways[way];
    }
    return place;
}

void dns_cache_put(struct dns_cache *cache, const struct dns_name *name, enum dns_type type,
                   struct dns_answer *answer, int64_t now_ns)
{
    size_t set = set_of(name, type);
    pthread_mutex_t *lock = &cache->locks[set % LOCKS];
    struct cache_entry **place;
    struct cache_entry *entry;
    int64_t ttl = answer->ttl < DNS_CACHE_TTL_MAX ? answer->ttl : DNS_CACHE_TTL_MAX;

    if (!is_worth_keeping(answer))
        return;
    entry = base_mem_alloc_zero(1, sizeof(*entry));
    entry->name = *name;
    entry->type = type;
    entry->answer = dns_answer_ref(answer);
    entry->expires_ns = now_ns + ttl * BASE_NS_PER_S;
    pthread_mutex_lock(lock);
    place = find_place(cache->sets[set], name, type);
    entry_destroy(place);
    *place = entry;
    pthread_mutex_unlock(lock);
}
