/* What a shared store was last heard to count, key by key: what a host may admit while the store is
 * away is reckoned from it, a store that has lost its keys is told, and lists are made of it, since
 * the store itself knows no names. Bounded: keys that nobody asked for go first. Not thread-safe,
 * the caller has a lock. */
#ifndef POLICY_RATE_KNOWN_H
#define POLICY_RATE_KNOWN_H

#include <stddef.h>
#include <stdint.h>

#include "policy/rate/store.h"

struct rate_known;

/* A key as the store knows it: an HMAC. */
struct rate_digest {
    unsigned char octets[16];
};

/* Never NULL. */
struct rate_known *rate_known_create(size_t keys_max);
/* Sets *known to NULL; NULL inside is fine. */
void rate_known_destroy(struct rate_known **known);
/* `item` as the store answered it in that epoch of its; `used` what each window counts now.
 * Copies. */
void rate_known_put(struct rate_known *known, const struct rate_digest *digest,
                    const struct rate_item *item, const int64_t used[RATE_WINDOWS_MAX],
                    uint64_t epoch, int64_t now_ns);
/* The same of a key of which no more is known than what it counts: it stands in no list. */
void rate_known_update(struct rate_known *known, const struct rate_digest *digest,
                       const struct rate_windows *windows, const int64_t used[RATE_WINDOWS_MAX],
                       uint64_t epoch, int64_t now_ns);
/* What each window counted; 0 where nothing is known, or the window has passed since. The epoch of
 * the answer, 0: none. */
uint64_t rate_known_get(const struct rate_known *known, const struct rate_digest *digest,
                        const struct rate_windows *windows, int64_t now_ns,
                        int64_t used_r[RATE_WINDOWS_MAX]);
/* How long it is held from now on, -1: until it is released; 0: it is not, as far as is known. */
int64_t rate_known_held(const struct rate_known *known, const struct rate_digest *digest,
                        int64_t now_ns);
/* One whose time to be held is over, and that is not held any more from now on; false: there is
 * none, which is found out quickly. The status is valid until the next call. */
bool rate_known_take_over(struct rate_known *known, int64_t now_ns, struct rate_digest *digest_r,
                          struct rate_status *status_r);
void rate_known_forget(struct rate_known *known, const struct rate_digest *digest);
size_t rate_known_count(const struct rate_known *known);
/* Those whose windows have not passed. */
void rate_known_list(const struct rate_known *known, int64_t now_ns,
                     void (*visit)(void *context, const struct rate_status *status), void *context);

#endif
