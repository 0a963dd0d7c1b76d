/* The shared store: what all hosts count together, in Redis or Valkey. One round trip decides about
 * all rates of a message; the server's clock counts. Keys are HMACs with `rate-secret`: the server
 * learns no address. What a message has charged lies under a random id with a lease: charge, commit
 * and giving back are the same said once or twice, and what a dead host had reserved falls due.
 *
 * A call waits no longer than the time-out. After three failures in a second nobody asks any more;
 * a probe each second does. Meanwhile this host admits, of what was left when it last heard of a
 * key, one part in `hosts`, rounded up; what it has admitted it adds when the store is back. A
 * store that comes back without its keys is told the least that this host knows of each.
 *
 * In a cluster all keys lie in one slot (one hash tag): that gives failover, not scale. */
#ifndef POLICY_RATE_SHARED_H
#define POLICY_RATE_SHARED_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "policy/rate/store.h"

struct base_clock;

struct rate_shared_options {
    /* store/redis.h */
    const char *url;
    const char *user;
    const char *password;
    const char *ca_file;
    /* At least 16 octets; copied. */
    struct base_text secret;
    int64_t timeout_ns;
    int64_t lease_ns;
    unsigned hosts;
    /* For the counts of a break, and as rate_engine_options. */
    size_t memory;
    /* Borrowed; must outlive the store. */
    const struct base_clock *clock;
};

/* Has a thread of its own from here on. NULL and *error_r: the options are wrong; a server that is
 * not there is none of that. */
__attribute__((warn_unused_result)) struct rate_store *rate_shared_create(
    const struct rate_shared_options *options, struct base_error *error_r);

/* From the next connection on; NULL: none. A store that is not shared is left alone. */
void rate_shared_set_password(struct rate_store *store, const char *password);

struct rate_shared_numbers {
    bool is_broken;
    uint64_t breaks;
    uint64_t failures;
    /* Messages whose counts wait for the store to come back, and those for which there was no
     * room. */
    size_t waiting;
    uint64_t lost;
    /* The last fault, "" if there was none. */
    char fault[200];
};
/* Before a process ends that cannot destroy the store, because other threads still have it: what
 * waits is sent, if the server answers; in a second at most. What they admit afterwards is
 * not sent any more. */
void rate_shared_flush(struct rate_store *store);
void rate_shared_numbers(struct rate_store *store, struct rate_shared_numbers *numbers_r);

#endif
