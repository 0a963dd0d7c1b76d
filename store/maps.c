/* Maps in a row; a map is begun when it is first asked, for most keys stand in the first. */
#include "store/maps.h"

#include "base/mem.h"

struct store_maps {
    size_t count;
    struct store_map *items[STORE_MAPS_MAX];
};

struct store_maps *store_maps_open(const char *const *names, size_t count,
                                   const struct store_map_options *options, size_t *failed_r,
                                   struct base_error *error_r)
{
    struct store_maps *maps = base_mem_alloc_zero(1, sizeof(*maps));

    for (size_t i = 0; i < count; i++) {
        *failed_r = i;
        if (i == STORE_MAPS_MAX) {
            base_error_set(error_r, "more than %zu maps in one list", STORE_MAPS_MAX);
            store_maps_destroy(&maps);
            return NULL;
        }
        maps->items[i] = store_map_open(names[i], options, error_r);
        if (maps->items[i] == NULL) {
            store_maps_destroy(&maps);
            return NULL;
        }
        maps->count++;
    }
    return maps;
}

void store_maps_destroy(struct store_maps **maps)
{
    if (*maps == NULL)
        return;
    for (size_t i = 0; i < (*maps)->count; i++)
        store_map_destroy(&(*maps)->items[i]);
    base_mem_free(*maps);
    *maps = NULL;
}

size_t store_maps_count(const struct store_maps *maps)
{
    return maps->count;
}

void store_maps_begin(const struct store_maps *maps, struct store_maps_run *run_r)
{
    run_r->maps = maps;
    for (size_t i = 0; i < maps->count; i++)
        run_r->is_begun[i] = false;
}

enum store_map_answer store_maps_find(struct store_maps_run *run, struct base_text key,
                                      struct base_buf *value, struct base_error *error_r)
{
    for (size_t i = 0; i < run->maps->count; i++) {
        enum store_map_answer answer;

        if (!run->is_begun[i]) {
            if (!store_map_begin(run->maps->items[i], &run->runs[i], error_r))
                return STORE_MAP_FAULT;
            run->is_begun[i] = true;
        }
        answer = store_map_find(&run->runs[i], key, value, error_r);
        if (answer != STORE_MAP_NONE)
            return answer;
    }
    return STORE_MAP_NONE;
}

void store_maps_end(struct store_maps_run *run)
{
    for (size_t i = 0; i < run->maps->count; i++) {
        if (run->is_begun[i])
            store_map_end(&run->runs[i]);
        run->is_begun[i] = false;
    }
}
