/* Telling people of rates, beside the mail: a process of its own, forked before there are threads
 * and keys, whether a rate has whom to tell or not, for a reload may bring one. It runs programs
 * and sends mail, one after another, ten seconds each at most. What the daemon tells it waits in a
 * socket, whose size bounds it; when that is full, what is told is dropped, and said so in the log.
 * It ends soon after the daemon. */
#ifndef FILTER_NOTIFIER_H
#define FILTER_NOTIFIER_H

#include <stdbool.h>

#include "base/error.h"
#include "policy/rate/events.h"

struct base_clock;
struct filter_notifier;

/* As the user who will run the daemon. Without a terminal where the daemon goes into the
 * background. NULL and *error_r: it cannot be forked. */
__attribute__((warn_unused_result)) struct filter_notifier *filter_notifier_start(
    bool is_background, struct base_error *error_r);
/* What sessions are given; lives as long as the notifier. */
const struct rate_watch *filter_notifier_watch(const struct filter_notifier *notifier);
/* Events that found no room. */
unsigned filter_notifier_dropped(const struct filter_notifier *notifier);
/* Closes the socket: the process ends once it is done. Sets *notifier to NULL; NULL inside is fine.
 */
void filter_notifier_stop(struct filter_notifier **notifier);

#endif
