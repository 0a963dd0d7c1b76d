/* The bulk-sender meter: recipients of one author domain at one provider in the last 24 hours.
 * It counts in the store of rates, with its sliding windows, its file and its several hosts; it
 * refuses nothing. Thread-safe. */
#ifndef POLICY_BULK_METER_H
#define POLICY_BULK_METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/store.h"

/* One author domain at one provider. */
struct bulk_place {
    /* The author's organizational domain. */
    struct base_text author;
    struct base_text provider;
};

/* One of several, in one call of the store. */
struct bulk_charge {
    struct bulk_place place;
    /* 0: only asks. */
    int64_t recipients;
    /* The answer: what was used before. */
    int64_t used;
};

/* Adds them to the reservation: the store's commit and give-back decide what becomes of them. */
void bulk_meter_charge_all(struct rate_store *store, struct rate_reservation *reservation,
                           struct bulk_charge *charges, size_t count);
/* What the last 24 hours, and what of the sixteenth of them that is expiring is left, have. */
int64_t bulk_meter_used(struct rate_store *store, const struct bulk_place *place);
/* One alone: what was used before. */
int64_t bulk_meter_charge(struct rate_store *store, struct rate_reservation *reservation,
                          const struct bulk_place *place, int64_t recipients);
/* Counts them at once. What was used before. */
int64_t bulk_meter_count(struct rate_store *store, const struct bulk_place *place,
                         int64_t recipients);
/* 100, 80 or 50, what of these `used` has reached in percent of the limit; 0: none. */
unsigned bulk_meter_threshold(int64_t used, int64_t limit);
/* 50, 80 or 100 when `used` has reached so much of the limit and this is not known yet: once a
 * threshold and day. 0: nothing to say. */
unsigned bulk_meter_warn(struct rate_store *store, const struct bulk_place *place, int64_t used,
                         int64_t limit);

/* For lists of the store's keys: the key is the meter's, and no rate's. */
bool bulk_meter_owns(const struct rate_status *status);
/* The key is a count, not the note of a warning; its place is borrowed from it. */
bool bulk_meter_read(const struct rate_status *status, struct bulk_place *place_r);

#endif
