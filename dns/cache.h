/* The answers of late, before libunbound's own cache: a hit there costs a way through two threads,
 * here one lock. Of fixed size; what a stranger can push out of it is asked for again. Thread-safe.
 * Time is an argument, so that tests need no clock. */
#ifndef DNS_CACHE_H
#define DNS_CACHE_H

#include <stdint.h>

#include "dns/answer.h"
#include "dns/name.h"

/* Answers held at most, and octets of RDATA of one that is kept. */
#define DNS_CACHE_ENTRIES_MAX 8192
#define DNS_CACHE_OCTETS_MAX  1024
/* Seconds that an answer is kept, whatever its TTL. */
#define DNS_CACHE_TTL_MAX 3600

struct dns_cache;

/* Never NULL. */
struct dns_cache *dns_cache_create(void);
/* Sets *cache to NULL; NULL inside is fine. */
void dns_cache_destroy(struct dns_cache **cache);

/* A reference for the caller, or NULL. */
struct dns_answer *dns_cache_get(struct dns_cache *cache, const struct dns_name *name,
                                 enum dns_type type, int64_t now_ns);
/* Keeps a reference until the answer's TTL is over, if it is OK, NODATA or NXDOMAIN and small. */
void dns_cache_put(struct dns_cache *cache, const struct dns_name *name, enum dns_type type,
                   struct dns_answer *answer, int64_t now_ns);

#endif
