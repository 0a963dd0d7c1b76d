/* The bulk-sender meter: recipients of one author domain at one provider in the last 24 hours.
 * It counts in the store of rates, with its sliding windows, its file and its several hosts; it
 * refuses nothing. Thread-safe. */
#ifndef POLICY_BULK_METER_H
#define POLICY_BULK_METER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/store.h"

/* One author domain at one provider. */
struct bulk_place {
    /* The author's organizational domain. */
    struct base_text author;
    struct base_text provider;
};

/* What the last 24 hours, and what of the sixteenth of them that is expiring is left, have. */
int64_t bulk_meter_used(struct rate_store *store, const struct bulk_place *place);
/* Adds recipients to the reservation: the store's commit and give-back decide what becomes of them.
 * What was used before. */
int64_t bulk_meter_charge(struct rate_store *store, struct rate_reservation *reservation,
                          const struct bulk_place *place, int64_t recipients);
/* Counts them at once. What was used before. */
int64_t bulk_meter_count(struct rate_store *store, const struct bulk_place *place,
                         int64_t recipients);
/* 50, 80 or 100 when `used` has reached so much of the limit and this is not known yet: once a
 * threshold and day. 0: nothing to say. */
unsigned bulk_meter_warn(struct rate_store *store, const struct bulk_place *place, int64_t used,
                         int64_t limit);

/* For lists of the store's keys: the key is the meter's, and no rate's. */
bool bulk_meter_owns(const struct rate_status *status);
/* The key is a count, not the note of a warning; its place is borrowed from it. */
bool bulk_meter_read(const struct rate_status *status, struct bulk_place *place_r);

#endif
