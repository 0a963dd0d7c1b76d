/* The kinds of maps by their names, and what all of them share. */
#include "store/map.h"

#include <string.h>

#include "base/mem.h"
#include "store/map-private.h"

struct kind {
    struct base_text prefix;
    struct store_map *(*open)(const char *path, const struct store_map_options *options,
                              struct base_error *error_r);
};

static const struct kind kinds[] = {
    {{"file:", 5}, store_map_text_open},
    {{"texthash:", 9}, store_map_text_open},
    {{"lmdb:", 5}, store_map_lmdb_open},
};

static const struct kind *find_kind(struct base_text name)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (base_text_starts_with(name, kinds[i].prefix))
            return &kinds[i];
    return NULL;
}

struct store_map *store_map_open(const char *name, const struct store_map_options *options,
                                 struct base_error *error_r)
{
    const struct kind *kind = find_kind(base_text_of(name));
    struct store_map *map;

    if (kind == NULL) {
        base_error_set(error_r,
                       "\"%.200s\" is no map that can be read here: write \"file:/path\" for a "
                       "table's source, or \"lmdb:/path\" for what postmap lmdb:/path has written",
                       name);
        return NULL;
    }
    if (name[kind->prefix.length] == '\0') {
        base_error_set(error_r, "\"%s\" without a path: write \"%s/path\"", name, name);
        return NULL;
    }
    map = kind->open(name + kind->prefix.length, options, error_r);
    if (map != NULL)
        map->name = base_mem_strdup(name);
    return map;
}

void store_map_destroy(struct store_map **map)
{
    struct store_map *it = *map;

    if (it == NULL)
        return;
    base_mem_free(it->name);
    store_fold_deinit(&it->fold);
    it->ops->destroy(it);
    *map = NULL;
}

const char *store_map_name(const struct store_map *map)
{
    return map->name;
}

bool store_map_begin(struct store_map *map, struct store_map_run *run_r, struct base_error *error_r)
{
    *run_r = (struct store_map_run){.map = map};
    return map->ops->begin == NULL || map->ops->begin(map, run_r, error_r);
}

enum store_map_answer store_map_find(const struct store_map_run *run, struct base_text key,
                                     struct base_buf *value, struct base_error *error_r)
{
    char folded[STORE_MAP_KEY_MAX + 1];
    enum store_map_answer answer;
    size_t length;

    if (key.length == 0 || key.length > STORE_MAP_KEY_MAX ||
        memchr(key.data, '\0', key.length) != NULL)
        return STORE_MAP_NONE;
    length = store_fold_apply(&run->map->fold, key, folded);
    folded[length] = '\0';
    base_buf_clear(value);
    answer = run->map->ops->find(run, (struct base_text){folded, length}, value, error_r);
    if (answer != STORE_MAP_FOUND)
        return answer;
    if (value->is_over) {
        base_error_set(error_r, "%s: the value of \"%.200s\" is too long", run->map->name, folded);
        return STORE_MAP_FAULT;
    }
    if (value->length == 0) {
        base_error_set(error_r, "%s: \"%.200s\" has an empty value", run->map->name, folded);
        return STORE_MAP_FAULT;
    }
    return STORE_MAP_FOUND;
}

void store_map_end(struct store_map_run *run)
{
    if (run->map->ops->end != NULL)
        run->map->ops->end(run);
    *run = (struct store_map_run){.map = NULL};
}
