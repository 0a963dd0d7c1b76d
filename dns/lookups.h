/* The questions of one message (or one session's envelope): asked once each, started early, waited
 * for late, bounded by a count and by budgets of waiting time, and remembered for the record.
 * Not thread-safe: belongs to one session. */
#ifndef DNS_LOOKUPS_H
#define DNS_LOOKUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "dns/answer.h"
#include "dns/name.h"
#include "dns/resolver.h"

struct base_arena;
struct dns_lookups;

/* Time spent waiting, and only that. Several lookups may share one. */
struct dns_budget {
    int64_t left_ns;
};

struct dns_lookups_options {
    /* Borrowed; must outlive the lookups. */
    struct dns_resolver *resolver;
    const struct base_clock *clock;
    /* Questions sent to the resolver at most (`dns-questions`, 400); past it: CAPPED. */
    unsigned max_questions;
    /* What the same session asked before (at HELO): not asked again, listed first, and given the
     * budget and the progress call of these; what it needs later and these have asked passes over
     * to it. Of one at a time. Borrowed, must live longer; NULL: nothing. */
    struct dns_lookups *before;
};

/* Lives in `arena`; NULL when the arena is exhausted. dns_lookups_destroy() must be called before
 * the arena is reset. */
struct dns_lookups *dns_lookups_create(struct base_arena *arena,
                                       const struct dns_lookups_options *options);
/* Drops what is pending and every answer; sets *lookups to NULL; NULL inside is fine. */
void dns_lookups_destroy(struct dns_lookups **lookups);

/* From now on waits are taken from `budget` (borrowed). NULL: do not wait at all. */
void dns_lookups_set_budget(struct dns_lookups *lookups, struct dns_budget *budget);
/* While waiting, `progress(context)` is called every `every_ns` (smfi_progress at end of message).
 * NULL switches it off. */
void dns_lookups_set_progress(struct dns_lookups *lookups, int64_t every_ns,
                              void (*progress)(void *context), void *context);

/* Starts the question unless the same (name, type) was asked before. Never blocks. */
void dns_lookups_prefetch(struct dns_lookups *lookups, const struct dns_name *name,
                          enum dns_type type);
/* The question was asked, and dns_lookups_get() would not wait. Never blocks. */
bool dns_lookups_is_answered(const struct dns_lookups *lookups, const struct dns_name *name,
                             enum dns_type type);
/* The answer; starts the question if need be and waits while the budget lasts: then TIMEOUT, which
 * stays the answer for this message. Borrowed until destroy; never NULL. */
const struct dns_answer *dns_lookups_get(struct dns_lookups *lookups, const struct dns_name *name,
                                         enum dns_type type);

/* For the decision record and --json. */
struct dns_lookups_entry {
    const struct dns_name *name;
    enum dns_type type;
    /* TIMEOUT while nobody waited for it. */
    enum dns_status status;
    /* From the question to the answer as seen by the first wait; -1 if nobody waited. */
    int64_t elapsed_ns;
};

size_t dns_lookups_count(const struct dns_lookups *lookups);
/* In the order of asking; false past the end. Borrowed until destroy. */
bool dns_lookups_at(const struct dns_lookups *lookups, size_t index,
                    struct dns_lookups_entry *entry_r);

#endif
