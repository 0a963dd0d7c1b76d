/* What a kind of map provides; for store/map.c and the kinds. */
#ifndef STORE_MAP_PRIVATE_H
#define STORE_MAP_PRIVATE_H

#include "store/fold.h"
#include "store/map.h"

struct store_map_ops {
    /* May be NULL: nothing to do. False and *error_r: the run has no answers. */
    bool (*begin)(struct store_map *map, struct store_map_run *run, struct base_error *error_r);
    /* `key` is folded, with a NUL behind it; `value` is empty. FOUND: the value was appended. */
    enum store_map_answer (*find)(const struct store_map_run *run, struct base_text key,
                                  struct base_buf *value, struct base_error *error_r);
    /* May be NULL. */
    void (*end)(struct store_map_run *run);
    void (*destroy)(struct store_map *map);
};

/* The beginning of each kind's own struct, filled in by store/map.c. */
struct store_map {
    const struct store_map_ops *ops;
    char *name;
    struct store_fold fold;
};

/* Each kind: opens `path` (what stands behind the colon). The struct is on the heap, its ops set
 * and its fold initialised, and whatever else the kind needs. NULL and *error_r otherwise. */
__attribute__((warn_unused_result)) struct store_map *store_map_text_open(
    const char *path, const struct store_map_options *options, struct base_error *error_r);
__attribute__((warn_unused_result)) struct store_map *store_map_lmdb_open(
    const char *path, const struct store_map_options *options, struct base_error *error_r);

#endif
