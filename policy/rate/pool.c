/* A small chained table under one lock: it is asked when a key is new, not at each decision. */
#include "policy/rate/pool.h"

#include <pthread.h>

#include "base/mem.h"
#include "policy/rate/store.h"

enum {
    BUCKETS = 256
};

struct node {
    struct node *next;
    size_t users;
    struct rate_windows windows;
};

struct rate_pool {
    pthread_mutex_t lock;
    struct node *buckets[BUCKETS];
};

struct rate_pool *rate_pool_create(void)
{
    struct rate_pool *pool = base_mem_alloc_zero(1, sizeof(*pool));

    pthread_mutex_init(&pool->lock, NULL);
    return pool;
}

void rate_pool_destroy(struct rate_pool **pool)
{
    for (unsigned i = 0; i < BUCKETS; i++) {
        while ((*pool)->buckets[i] != NULL) {
            struct node *node = (*pool)->buckets[i];

            (*pool)->buckets[i] = node->next;
            base_mem_free(node);
        }
    }
    pthread_mutex_destroy(&(*pool)->lock);
    base_mem_free(*pool);
    *pool = NULL;
}

static unsigned bucket_of(const struct rate_windows *windows)
{
    uint64_t hash = windows->count;

    for (unsigned i = 0; i < windows->count; i++)
        hash = (hash ^ (uint64_t)windows->at[i].limit ^ (uint64_t)windows->at[i].length_ns << 7) *
               UINT64_C(0x9e3779b97f4a7c15);
    return (unsigned)(hash >> 56) % BUCKETS;
}

const struct rate_windows *rate_pool_get(struct rate_pool *pool, const struct rate_windows *windows)
{
    struct node **bucket = &pool->buckets[bucket_of(windows)];
    struct node *node;

    pthread_mutex_lock(&pool->lock);
    node = *bucket;
    while (node != NULL && !rate_windows_equal(&node->windows, windows))
        node = node->next;
    if (node == NULL) {
        node = base_mem_alloc_zero(1, sizeof(*node));
        node->windows = *windows;
        node->next = *bucket;
        *bucket = node;
    }
    node->users++;
    pthread_mutex_unlock(&pool->lock);
    return &node->windows;
}

void rate_pool_put(struct rate_pool *pool, const struct rate_windows *windows)
{
    struct node **place = &pool->buckets[bucket_of(windows)];

    pthread_mutex_lock(&pool->lock);
    while (&(*place)->windows != windows)
        place = &(*place)->next;
    if (--(*place)->users == 0) {
        struct node *node = *place;

        *place = node->next;
        base_mem_free(node);
    }
    pthread_mutex_unlock(&pool->lock);
}

size_t rate_pool_count(struct rate_pool *pool)
{
    size_t count = 0;

    pthread_mutex_lock(&pool->lock);
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct node *node = pool->buckets[i]; node != NULL; node = node->next)
            count++;
    pthread_mutex_unlock(&pool->lock);
    return count;
}
