/* How long rules have been tempfailing mail of a domain: `tempfail-for` bounds it, so that a DNS
 * that stays down does not hold mail until its sender gives up. One table a process; it survives
 * reloads and not the process. Thread-safe; never blocks on anything but its own lock. */
#ifndef POLICY_DEFERRALS_H
#define POLICY_DEFERRALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct policy_deferrals;

/* Rules and domains remembered by the daemon: past it the one that was not seen for the longest
 * time is forgotten, and begins again should it come back. */
#define POLICY_DEFERRALS_MAX 10000

/* Never NULL. `max` is at least 1. */
struct policy_deferrals *policy_deferrals_create(size_t max);
/* Sets *deferrals to NULL; NULL inside is fine. */
void policy_deferrals_destroy(struct policy_deferrals **deferrals);

/* That rule would tempfail mail of that domain now: true while it has done so for less than
 * `limit_ns` since the first time. What was not seen for `limit_ns`, and for a day, begins again:
 * that is another failure. `domain` is compared as it is. */
bool policy_deferrals_may_hold(struct policy_deferrals *deferrals, const char *rule,
                               struct base_text domain, int64_t now_ns, int64_t limit_ns);
/* The domain could be judged: forgets since when it could not. */
void policy_deferrals_clear(struct policy_deferrals *deferrals, const char *rule,
                            struct base_text domain);
size_t policy_deferrals_count(struct policy_deferrals *deferrals);

#endif
