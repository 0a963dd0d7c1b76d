/* Windows that many keys share: the same windows are one object, that lives as long as the pool.
 * The configuration bounds how many there are. Thread-safe. */
#ifndef POLICY_RATE_POOL_H
#define POLICY_RATE_POOL_H

struct rate_pool;
struct rate_windows;

struct rate_pool *rate_pool_create(void);
void rate_pool_destroy(struct rate_pool **pool);
const struct rate_windows *rate_pool_get(struct rate_pool *pool,
                                         const struct rate_windows *windows);

#endif
