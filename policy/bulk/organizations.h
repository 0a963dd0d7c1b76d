/* The organizational domains under which author domains of ours are counted, by the DNS Tree Walk
 * of RFC 9989 section 4.10, off the mail path: a walk is begun as soon as a domain is seen, nobody
 * waits for it, and what it gave is kept, so that one domain does not go by two names from one
 * message to the next. A walk without any record says no more than that nobody does DMARC there:
 * RFC 9989 lets each name be its own organizational domain then, providers do not; the public
 * suffix list decides. Thread-safe. */
#ifndef POLICY_BULK_ORGANIZATIONS_H
#define POLICY_BULK_ORGANIZATIONS_H

#include <stdbool.h>
#include <stdint.h>

struct base_clock;
struct bulk_organizations;
struct dmarc_psl;
struct dns_name;
struct dns_resolver;

/* Domains that are known at once, and walks under way at once. */
#define BULK_ORGANIZATIONS_MAX 4096
#define BULK_WALKS_MAX         64
/* After a day it is asked again, and what it gave before holds until then; sooner where DNS failed
 * or did not answer in time. */
#define BULK_KNOWN_NS  (INT64_C(86400) * 1000000000)
#define BULK_FAILED_NS (INT64_C(60) * 1000000000)
#define BULK_WALK_NS   (INT64_C(20) * 1000000000)

struct bulk_organizations_options {
    /* Borrowed; must outlive it. */
    struct dns_resolver *resolver;
    const struct base_clock *clock;
    /* bulk_organizations_find() waits so long at most: for commands, which hold up no mail. */
    int64_t wait_ns;
};

/* Never NULL. */
struct bulk_organizations *bulk_organizations_create(
    const struct bulk_organizations_options *options);
/* Sets *organizations to NULL; NULL inside is fine. */
void bulk_organizations_destroy(struct bulk_organizations **organizations);

/* Begins a walk from that domain if it is not known, or not known any more. Never blocks. */
void bulk_organizations_prefetch(struct bulk_organizations *organizations,
                                 const struct dns_name *domain);
/* By the list alone; NULL: there is none, and each domain is its own. */
void bulk_organizations_guess(const struct dmarc_psl *psl, const struct dns_name *domain,
                              struct dns_name *organizational_r);
/* False: not known yet, or DNS failed. */
bool bulk_organizations_find(struct bulk_organizations *organizations, const struct dmarc_psl *psl,
                             const struct dns_name *domain, struct dns_name *organizational_r);
/* DNS does not tell in time: from now on, for BULK_KNOWN_NS, it is `organizational`, the domain
 * itself or one above it. Nothing, if it is known meanwhile. */
void bulk_organizations_bind(struct bulk_organizations *organizations,
                             const struct dns_name *domain, const struct dns_name *organizational);

#endif
