/* The seam: the only way any protocol code sees DNS. An ops table with two backends, libunbound and
 * a zone file. Thread-safe. Messages do not use it directly but through dns/lookups.h, which adds
 * caps, budgets and the record of what was asked. */
#ifndef DNS_RESOLVER_H
#define DNS_RESOLVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "dns/answer.h"
#include "dns/name.h"

struct dns_resolver;
/* One question under way, on the heap, owned by who asked. */
struct dns_pending;

/* Since the start; relaxed. Counted by dns/lookups.c, the hits by the backend that has a cache. */
struct dns_counters {
    /* Asked of the resolver, those that its cache answered among them. */
    atomic_uint_fast64_t questions;
    atomic_uint_fast64_t cache_hits;
    /* Not answered within the budget of the message. */
    atomic_uint_fast64_t timeouts;
    /* SERVFAIL, and answers that DNSSEC proves false. */
    atomic_uint_fast64_t failures;
    /* Past `dns-questions`: never asked. */
    atomic_uint_fast64_t capped;
};

struct dns_resolver_ops {
    /* "unbound", "zone"; shown by status. */
    const char *name;
    /* Begins a question; never blocks; never NULL. */
    struct dns_pending *(*ask)(struct dns_resolver *resolver, const struct dns_name *name,
                               enum dns_type type);
    /* Waits at most `timeout_ns` (0: only looks) for the answer. Returns a reference for the
     * caller, or NULL while there is none. After an answer was returned: the same again. */
    struct dns_answer *(*wait)(struct dns_pending *pending, int64_t timeout_ns);
    /* Gives the question up, answered or not; sets *pending to NULL. Does not block. */
    void (*drop)(struct dns_pending **pending);
    /* No question may be pending. Blocks until the backend's thread has ended. */
    void (*destroy)(struct dns_resolver *resolver);
};

/* First member of each backend's own struct. */
struct dns_resolver {
    const struct dns_resolver_ops *ops;
    /* Answers come from a test zone: said in status and in Authentication-Results. */
    bool is_test_zone;
    struct dns_counters counters;
};

struct dns_unbound_options {
    /* Addresses, "192.0.2.1", "192.0.2.1@5353", "2001:db8::1"; none: resolv_conf is read. */
    const struct base_text *nameservers;
    size_t nameserver_count;
    /* NULL: /etc/resolv.conf. */
    const char *resolv_conf;
    /* A file of DS or DNSKEY records; NULL: no validation. */
    const char *trust_anchor;
};

/* libunbound, asynchronous, with one pump thread. To be called after fork and after privileges were
 * dropped. NULL and *error_r (option, value, mend) on a fault. */
struct dns_resolver *dns_unbound_create(const struct dns_unbound_options *options,
                                        struct base_error *error_r);

/* A master file (RFC 1035 section 5) with $ORIGIN, $TTL, parentheses, comments, quoted strings,
 * escapes, and $FAULT; DESIGN.md "Test zones" says what is answered. No $INCLUDE, no network; every
 * answer is there at once, TIMEOUT included. NULL and *error_r (file, line, text, mend). */
struct dns_resolver *dns_zone_create_from_file(const char *path, struct base_error *error_r);
/* The same from text; `name` stands for the file in errors. */
struct dns_resolver *dns_zone_create(struct base_text text, const char *name,
                                     struct base_error *error_r);

/* Sets *resolver to NULL; NULL inside is fine. */
void dns_resolver_destroy(struct dns_resolver **resolver);

#endif
