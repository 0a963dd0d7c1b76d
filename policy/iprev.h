/* The client's names as DNS confirms them (RFC 8601 section 2.7.3, "iprev"; also called
 * forward-confirmed reverse DNS). A name counts only if its own addresses name the client again:
 * whoever holds an address may give it any name. */
#ifndef POLICY_IPREV_H
#define POLICY_IPREV_H

#include <stddef.h>

#include "dns/name.h"

struct base_arena;
struct dns_lookups;

/* Names of one address that are looked at. */
#define POLICY_IPREV_NAMES_MAX 10

enum policy_iprev_result {
    POLICY_IPREV_PASS,
    /* There are names, and none of them has this address. */
    POLICY_IPREV_FAIL,
    POLICY_IPREV_TEMPERROR,
    /* The address has no name. */
    POLICY_IPREV_PERMERROR,
};

/* "pass", "fail", "temperror", "permerror". */
const char *policy_iprev_result_text(enum policy_iprev_result result);

struct policy_iprev {
    enum policy_iprev_result result;
    /* In words, static; NULL for pass. */
    const char *reason;
    /* Those that are confirmed; in the arena. */
    struct dns_name *names;
    size_t count;
};

/* Starts the first question; does not block. `address`: 4 or 16 octets. */
void policy_iprev_prefetch(struct dns_lookups *lookups, const unsigned char *address,
                           size_t length);
/* Waits while the budget of `lookups` lasts. */
void policy_iprev_evaluate(struct base_arena *arena, struct dns_lookups *lookups,
                           const unsigned char *address, size_t length,
                           struct policy_iprev *iprev_r);

#endif
