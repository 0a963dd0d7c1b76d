/* A chained hash table whose entries also stand in one list, the one seen last at the end. Domains
 * are chosen by strangers: the hash has a seed of the process, or else they would choose the chain.
 */
#include "policy/deferrals.h"

#include <pthread.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/random.h"

/* A failure of yesterday says nothing about today's. */
#define QUIET_NS (INT64_C(86400) * BASE_NS_PER_S)

struct entry {
    struct entry *chain;
    struct entry *older;
    struct entry *newer;
    int64_t first_ns;
    int64_t last_ns;
    uint64_t hash;
    /* The rule's name, NUL, the domain. */
    size_t length;
    char key[];
};

struct policy_deferrals {
    pthread_mutex_t lock;
    uint64_t seed[2];
    size_t max;
    size_t count;
    struct entry *oldest;
    struct entry *newest;
    /* A power of two. */
    size_t bucket_count;
    struct entry **buckets;
};

struct policy_deferrals *policy_deferrals_create(size_t max)
{
    struct policy_deferrals *deferrals = base_mem_alloc_zero(1, sizeof(*deferrals));

    pthread_mutex_init(&deferrals->lock, NULL);
    base_random_seed(deferrals->seed, sizeof(deferrals->seed));
    deferrals->max = max;
    deferrals->bucket_count = 16;
    while (deferrals->bucket_count < max)
        deferrals->bucket_count *= 2;
    deferrals->buckets = base_mem_alloc_zero(deferrals->bucket_count, sizeof(*deferrals->buckets));
    return deferrals;
}

void policy_deferrals_destroy(struct policy_deferrals **deferrals)
{
    struct policy_deferrals *it = *deferrals;

    *deferrals = NULL;
    if (it == NULL)
        return;
    while (it->oldest != NULL) {
        struct entry *entry = it->oldest;

        it->oldest = entry->newer;
        base_mem_free(entry);
    }
    pthread_mutex_destroy(&it->lock);
    base_mem_free(it->buckets);
    base_mem_free(it);
}

/* Keyed by both halves of the seed; every octet goes through a multiplication and a fold, so that
 * neighbours part. */
static uint64_t hash_octets(uint64_t hash, uint64_t key, const char *data, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        hash = (hash ^ (unsigned char)data[i]) * UINT64_C(0x9e3779b97f4a7c15) + key;
        hash ^= hash >> 29;
    }
    return hash;
}

static uint64_t hash_key(const struct policy_deferrals *deferrals, const char *rule,
                         struct base_text domain)
{
    uint64_t hash = deferrals->seed[0];

    hash = hash_octets(hash, deferrals->seed[1], rule, strlen(rule) + 1);
    hash = hash_octets(hash, deferrals->seed[1], domain.data, domain.length);
    return hash ^ hash >> 32;
}

static bool entry_is(const struct entry *entry, uint64_t hash, const char *rule,
                     struct base_text domain)
{
    size_t rule_size = strlen(rule) + 1;

    return entry->hash == hash && entry->length == rule_size + domain.length &&
           memcmp(entry->key, rule, rule_size) == 0 &&
           (domain.length == 0 || memcmp(entry->key + rule_size, domain.data, domain.length) == 0);
}

static struct entry **bucket_of(const struct policy_deferrals *deferrals, uint64_t hash)
{
    return &deferrals->buckets[hash & (deferrals->bucket_count - 1)];
}

static struct entry *find(const struct policy_deferrals *deferrals, uint64_t hash, const char *rule,
                          struct base_text domain)
{
    for (struct entry *it = *bucket_of(deferrals, hash); it != NULL; it = it->chain)
        if (entry_is(it, hash, rule, domain))
            return it;
    return NULL;
}

static void list_remove(struct policy_deferrals *deferrals, struct entry *entry)
{
    *(entry->older == NULL ? &deferrals->oldest : &entry->older->newer) = entry->newer;
    *(entry->newer == NULL ? &deferrals->newest : &entry->newer->older) = entry->older;
}

static void list_append(struct policy_deferrals *deferrals, struct entry *entry)
{
    entry->older = deferrals->newest;
    entry->newer = NULL;
    *(entry->older == NULL ? &deferrals->oldest : &entry->older->newer) = entry;
    deferrals->newest = entry;
}

static void forget(struct policy_deferrals *deferrals, struct entry *entry)
{
    struct entry **place = bucket_of(deferrals, entry->hash);

    while (*place != entry)
        place = &(*place)->chain;
    *place = entry->chain;
    list_remove(deferrals, entry);
    base_mem_free(entry);
    deferrals->count--;
}

static struct entry *add(struct policy_deferrals *deferrals, uint64_t hash, const char *rule,
                         struct base_text domain, int64_t now_ns)
{
    size_t rule_size = strlen(rule) + 1;
    struct entry **place = bucket_of(deferrals, hash);
    struct entry *entry = base_mem_alloc(sizeof(*entry) + rule_size + domain.length);

    entry->first_ns = now_ns;
    entry->last_ns = now_ns;
    entry->hash = hash;
    entry->length = rule_size + domain.length;
    memcpy(entry->key, rule, rule_size);
    if (domain.length > 0)
        memcpy(entry->key + rule_size, domain.data, domain.length);
    entry->chain = *place;
    *place = entry;
    list_append(deferrals, entry);
    deferrals->count++;
    return entry;
}

bool policy_deferrals_may_hold(struct policy_deferrals *deferrals, const char *rule,
                               struct base_text domain, int64_t now_ns, int64_t limit_ns)
{
    uint64_t hash = hash_key(deferrals, rule, domain);
    int64_t quiet_ns = limit_ns > QUIET_NS ? limit_ns : QUIET_NS;
    struct entry *entry;
    bool may_hold;

    pthread_mutex_lock(&deferrals->lock);
    entry = find(deferrals, hash, rule, domain);
    if (entry == NULL) {
        if (deferrals->count == deferrals->max)
            forget(deferrals, deferrals->oldest);
        entry = add(deferrals, hash, rule, domain, now_ns);
    } else {
        if (now_ns - entry->last_ns > quiet_ns)
            entry->first_ns = now_ns;
        entry->last_ns = now_ns;
        list_remove(deferrals, entry);
        list_append(deferrals, entry);
    }
    may_hold = now_ns - entry->first_ns < limit_ns;
    pthread_mutex_unlock(&deferrals->lock);
    return may_hold;
}

void policy_deferrals_clear(struct policy_deferrals *deferrals, const char *rule,
                            struct base_text domain)
{
    uint64_t hash = hash_key(deferrals, rule, domain);
    struct entry *entry;

    pthread_mutex_lock(&deferrals->lock);
    entry = find(deferrals, hash, rule, domain);
    if (entry != NULL)
        forget(deferrals, entry);
    pthread_mutex_unlock(&deferrals->lock);
}

size_t policy_deferrals_count(struct policy_deferrals *deferrals)
{
    size_t count;

    pthread_mutex_lock(&deferrals->lock);
    count = deferrals->count;
    pthread_mutex_unlock(&deferrals->lock);
    return count;
}
