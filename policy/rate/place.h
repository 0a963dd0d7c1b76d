/* Where rates are counted, as `rate-store` and what goes with it say. */
#ifndef POLICY_RATE_PLACE_H
#define POLICY_RATE_PLACE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct base_clock;
struct conf_snapshot;
struct conf_table;
struct rate_store;

/* Options of the top level. */
extern const struct conf_table rate_place_table;

/* The shared store, or NULL where there is none: then rates are counted in the process. It is not
 * connected to yet. Reads the secrets' files as the user that calls, and may wait for DNS once.
 * False and *error_r, which names file, line, option and the mend. `clock` must outlive the store;
 * `memory`: octets for the counts of a break. */
__attribute__((warn_unused_result)) bool rate_place_open(const struct conf_snapshot *conf,
                                                         const struct base_clock *clock,
                                                         size_t memory, struct rate_store **store_r,
                                                         struct base_error *error_r);
/* After a reload: the password is read again, and holds from the next connection on. False and
 * *error_r: it cannot be read. */
__attribute__((warn_unused_result)) bool rate_place_reload(const struct conf_snapshot *conf,
                                                           struct rate_store *store,
                                                           struct base_error *error_r);
/* The name of an option that differs, and holds from the next start on; NULL: none does. */
const char *rate_place_difference(const struct conf_snapshot *a, const struct conf_snapshot *b);

#endif
