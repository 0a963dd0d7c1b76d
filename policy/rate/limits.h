/* Limits as an administrator writes them: "200/1h", "10MiB/1d"; and keys with limits of their own.
 */
#ifndef POLICY_RATE_LIMITS_H
#define POLICY_RATE_LIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"
#include "policy/rate/store.h"

/* Room for a length or a limit as text. */
#define RATE_TEXT_SIZE 48

enum rate_unit {
    RATE_UNIT_ONE,
    RATE_UNIT_OCTET,
    /* N is a share, "20%". */
    RATE_UNIT_PERCENT,
};

/* "N/W": N is a number, of octets also with KiB, MiB, GiB; W a number with s, m, h or d. NULL and
 * *limit_r, or what is wrong with it, in words with the mend. A share is one from 1 unit on. */
const char *rate_limit_parse(struct base_text text, enum rate_unit unit,
                             struct rate_limit *limit_r);
/* Written as a share, if it is written well. */
bool rate_limit_is_share(struct base_text text);
/* "1h", "90s": the largest unit that divides it. Returns `out`. */
const char *rate_length_text(int64_t length_ns, char out[RATE_TEXT_SIZE]);
/* "200/1h", "20%/1d" */
const char *rate_limit_text(const struct rate_limit *limit, char out[RATE_TEXT_SIZE]);

/* All items of a list, added to the windows. `option` is for errors. */
__attribute__((warn_unused_result)) bool rate_windows_add(struct rate_windows *windows,
                                                          const struct conf_list *list,
                                                          const char *option, enum rate_unit unit,
                                                          struct base_error *error_r);

/* Key to windows: items "alice@example.org 500/1h 2000/1d", keys are compared without case; or maps
 * ("lmdb:/path") with such limits as values. */
struct rate_limits_map;

/* `burst`, borrowed, is added to each. NULL and *error_r on a fault, which names the item's file
 * and line. */
__attribute__((warn_unused_result)) struct rate_limits_map *rate_limits_map_create(
    const struct conf_list *list, const struct conf_list *burst, enum rate_unit unit,
    struct base_error *error_r);
/* Sets *map to NULL; NULL inside is fine. */
void rate_limits_map_destroy(struct rate_limits_map **map);
/* Borrowed, or in `room`. NULL: the key has none of its own, or what a map says is no limit. `map`
 * may be NULL. */
const struct rate_windows *rate_limits_map_find(const struct rate_limits_map *map,
                                                struct base_text key, struct rate_windows *room);

#endif
