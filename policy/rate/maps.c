/* See maps.h. */
#include "policy/rate/maps.h"

#include "base/mem.h"
#include "conf/conf.h"
#include "store/maps.h"

bool rate_maps_is(const char *item)
{
    struct base_text text = base_text_of(item);

    return base_text_starts_with(text, BASE_TEXT("lmdb:")) ||
           base_text_starts_with(text, BASE_TEXT("texthash:"));
}

struct store_maps *rate_maps_open(const struct conf_list *list, const char *option,
                                  struct base_error *error_r)
{
    const struct store_map_options options = {.clock = NULL};
    const char **names = base_mem_alloc_zero(list->count + 1, sizeof(*names));
    struct conf_where *wheres = base_mem_alloc_zero(list->count + 1, sizeof(*wheres));
    struct base_error fault;
    struct store_maps *maps;
    size_t failed = 0;
    size_t count = 0;

    for (size_t i = 0; i < list->count; i++) {
        if (!rate_maps_is(list->items[i].text))
            continue;
        wheres[count] = list->items[i].where;
        names[count++] = list->items[i].text;
    }
    maps = store_maps_open(names, count, &options, &failed, &fault);
    if (maps == NULL)
        conf_error_at(error_r, wheres[failed], "`%s`: %s", option, fault.text);
    base_mem_free(names);
    base_mem_free(wheres);
    return maps;
}

bool rate_maps_find(const struct store_maps *maps, struct base_text key, struct base_buf *value)
{
    struct store_maps_run run;
    struct base_error ignored;
    enum store_map_answer answer;

    if (maps == NULL || store_maps_count(maps) == 0)
        return false;
    store_maps_begin(maps, &run);
    answer = store_maps_find(&run, key, value, &ignored);
    store_maps_end(&run);
    return answer == STORE_MAP_FOUND;
}
