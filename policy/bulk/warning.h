/* What the log says of author domains that near a provider's limit: event=bulk-warning
 * (postseald(8)). */
#ifndef POLICY_BULK_WARNING_H
#define POLICY_BULK_WARNING_H

#include <stdint.h>

struct bulk_place;
struct rate_store;

/* After a message was accepted: `used` of the limit, its own recipients included. Logs a threshold
 * that was reached and is not known yet. Thread-safe. */
void bulk_warning_check(struct rate_store *store, const struct bulk_place *place, int64_t used,
                        int64_t limit, const char *id);

#endif
