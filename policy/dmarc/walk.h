/* The DNS Tree Walk (RFC 9989 section 4.10) and the organizational domain that it gives (4.10.2).
 */
#ifndef POLICY_DMARC_WALK_H
#define POLICY_DMARC_WALK_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/lookups.h"
#include "dns/name.h"
#include "policy/dmarc/record.h"

/* Questions of one walk at most. */
#define DMARC_WALK_MAX 8

struct dmarc_step {
    struct dns_name domain;
    enum dns_status status;
    bool has_record;
    struct dmarc_record record;
};

struct dmarc_walk {
    struct dmarc_step steps[DMARC_WALK_MAX];
    size_t count;
    /* A question of the walk failed for now: what it would have said is not known. */
    bool is_temporary;
};

/* The name of each step, without asking: steps[i].domain and count. */
void dmarc_walk_plan(struct dmarc_walk *walk, const struct dns_name *start);
/* Begins all questions of a walk at once. */
void dmarc_walk_prefetch(struct dns_lookups *lookups, const struct dns_name *start);
/* All that dmarc_walk_prefetch() has asked is answered: the walk would not wait. Never blocks. */
bool dmarc_walk_is_answered(const struct dns_lookups *lookups, const struct dns_name *start);
/* Walks, and stops at a record with psd=y or psd=n. Blocks while the budget of `lookups` lasts. The
 * records point into the answers of `lookups`. */
void dmarc_walk_run(struct dmarc_walk *walk, struct dns_lookups *lookups,
                    const struct dns_name *start);

/* Not a walk, but what RFC 7489 section 6.6.3 asks: the domain, and its organizational domain as
 * the public suffix list has it. */
void dmarc_walk_pair(struct dmarc_walk *walk, struct dns_lookups *lookups,
                     const struct dns_name *domain, const struct dns_name *organizational);

/* The organizational domain of the walk's start (4.10.2); never NULL, points into the walk or
 * `storage`. */
const struct dns_name *dmarc_walk_organizational(const struct dmarc_walk *walk,
                                                 struct dns_name *storage);
/* The shortest domain that it can be, whatever the questions that failed would have said. */
const struct dns_name *dmarc_walk_shortest(const struct dmarc_walk *walk, struct dns_name *storage);
/* Both have one and the same organizational domain, whatever the questions that failed would have
 * said. */
bool dmarc_walk_meets(const struct dmarc_walk *walk, const struct dmarc_walk *other);
/* False if both cannot have the same one, whatever those questions would have said. */
bool dmarc_walk_may_agree(const struct dmarc_walk *walk, const struct dmarc_walk *other);
/* The step at that domain, or NULL. */
const struct dmarc_step *dmarc_walk_find(const struct dmarc_walk *walk,
                                         const struct dns_name *domain);

#endif
