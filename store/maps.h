/* Maps in a row, asked one behind the other: the first that has the key answers, and one that
 * cannot be read hides those behind it, as in a list of lookup tables of Postfix's main.cf.
 * Thread-safe once opened. */
#ifndef STORE_MAPS_H
#define STORE_MAPS_H

#include "store/map.h"

#define STORE_MAPS_MAX ((size_t)16)

struct store_maps;

/* `names` as store_map_open() has them; none is fine: it has no keys. NULL and *error_r otherwise;
 * *failed_r then is the index of the name. */
__attribute__((warn_unused_result)) struct store_maps *store_maps_open(
    const char *const *names, size_t count, const struct store_map_options *options,
    size_t *failed_r, struct base_error *error_r);
/* Sets *maps to NULL; NULL inside is fine. */
void store_maps_destroy(struct store_maps **maps);
size_t store_maps_count(const struct store_maps *maps);

/* Look-ups one behind the other: those of one message's address, say. */
struct store_maps_run {
    const struct store_maps *maps;
    bool is_begun[STORE_MAPS_MAX];
    struct store_map_run runs[STORE_MAPS_MAX];
};

void store_maps_begin(const struct store_maps *maps, struct store_maps_run *run_r);
/* As store_map_find(). */
__attribute__((warn_unused_result)) enum store_map_answer store_maps_find(
    struct store_maps_run *run, struct base_text key, struct base_buf *value,
    struct base_error *error_r);
void store_maps_end(struct store_maps_run *run);

#endif
