/* The maps among the items of a list: "lmdb:/path", "texthash:/path" (store/map.h); its other items
 * are none. */
#ifndef POLICY_RATE_MAPS_H
#define POLICY_RATE_MAPS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct conf_list;
struct store_maps;

bool rate_maps_is(const char *item);
/* NULL and *error_r, which names file, line and option: one of them cannot be opened. */
__attribute__((warn_unused_result)) struct store_maps *rate_maps_open(const struct conf_list *list,
                                                                      const char *option,
                                                                      struct base_error *error_r);
/* The key's value into `value`; false: none of them has it, or the one that may cannot be read.
 * `maps` may be NULL. */
bool rate_maps_find(const struct store_maps *maps, struct base_text key, struct base_buf *value);

#endif
