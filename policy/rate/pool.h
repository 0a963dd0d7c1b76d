/* Windows that many keys share: the same windows are one object, that lives as long as a key has
 * it: maps, growth, and what is left of a limit while a shared store is away make ever new ones.
 * Thread-safe. */
#ifndef POLICY_RATE_POOL_H
#define POLICY_RATE_POOL_H

#include <stddef.h>

struct rate_pool;
struct rate_windows;

struct rate_pool *rate_pool_create(void);
/* All has been put back, or is forgotten. */
void rate_pool_destroy(struct rate_pool **pool);
/* For each get one put, with what it gave. */
const struct rate_windows *rate_pool_get(struct rate_pool *pool,
                                         const struct rate_windows *windows);
void rate_pool_put(struct rate_pool *pool, const struct rate_windows *windows);
/* Different ones that are in use. */
size_t rate_pool_count(struct rate_pool *pool);

#endif
