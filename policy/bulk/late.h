/* What the bulk-sender meter does when no mail waits for it: accepted recipients whose author's
 * organizational domain DNS has not told yet are counted as soon as it has; and thresholds that
 * were reached are logged. A bounded number, in memory only. Thread-safe. */
#ifndef POLICY_BULK_LATE_H
#define POLICY_BULK_LATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct base_clock;
struct bulk_late;
struct bulk_organizations;
struct bulk_place;
struct bulk_provider;
struct dmarc_psl;
struct dns_name;
struct rate_store;

/* Pairs of author domain and provider to be counted, and thresholds of pairs to be warned of. */
#define BULK_LATE_MAX 1000

/* Borrowed; must outlive it. Never NULL. */
struct bulk_late *bulk_late_create(const struct base_clock *clock,
                                   struct bulk_organizations *organizations,
                                   struct rate_store *store);
/* Sets *late to NULL; NULL inside is fine. What waits is not counted. */
void bulk_late_destroy(struct bulk_late **late);

/* `id`: of the message, for the log. False: there is no room. Never blocks. */
__attribute__((warn_unused_result)) bool bulk_late_add(struct bulk_late *late,
                                                       const struct dns_name *author,
                                                       const struct bulk_provider *provider,
                                                       int64_t recipients, const char *id);
/* A threshold that was reached, to be logged if that is due. False: there is no room. Never blocks.
 */
__attribute__((warn_unused_result)) bool bulk_late_warn(struct bulk_late *late,
                                                        const struct bulk_place *place,
                                                        int64_t used, int64_t limit,
                                                        const char *id);
/* Warns, and counts where DNS has answered; what has waited for BULK_WALK_NS, or with `is_last`
 * everything, by the public suffix list (NULL: each domain is its own). May block as the store
 * does.
 */
void bulk_late_settle(struct bulk_late *late, const struct dmarc_psl *psl, bool is_last);
/* How many pairs wait. */
size_t bulk_late_count(struct bulk_late *late);

#endif
