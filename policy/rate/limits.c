/* See limits.h. */
#include "policy/rate/limits.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/rate/maps.h"
#include "store/maps.h"

struct unit {
    const char *name;
    int64_t factor;
};

static const struct unit lengths[] = {{"d", 86400}, {"h", 3600}, {"m", 60}, {"s", 1}};
static const struct unit sizes[] = {
    {"KiB", INT64_C(1) << 10}, {"MiB", INT64_C(1) << 20}, {"GiB", INT64_C(1) << 30}, {"", 1}};

static bool ends_with(struct base_text text, const char *end)
{
    size_t length = strlen(end);

    return text.length >= length &&
           (length == 0 || memcmp(text.data + text.length - length, end, length) == 0);
}

/* A number, then one of the units. */
static bool parse_number(struct base_text text, const struct unit *units, size_t unit_count,
                         int64_t max, int64_t *value_r)
{
    uint64_t value;

    for (size_t i = 0; i < unit_count; i++) {
        if (!ends_with(text, units[i].name))
            continue;
        text = base_text_trim((struct base_text){text.data, text.length - strlen(units[i].name)});
        if (!base_text_to_uint(text, (uint64_t)(max / units[i].factor), &value))
            return false;
        *value_r = (int64_t)value * units[i].factor;
        return true;
    }
    return false;
}

/* What stands before the slash. */
static const char *parse_amount(struct base_text text, enum rate_unit unit,
                                struct rate_limit *limit_r)
{
    static const struct unit percents[] = {{"%", 1}};

    *limit_r = (struct rate_limit){.limit = 1};
    switch (unit) {
    case RATE_UNIT_PERCENT:
        if (parse_number(text, percents, 1, 100, &limit_r->percent) && limit_r->percent > 0)
            return NULL;
        return "has no share from 1% to 100% before the slash: write for example \"20%/1d\"";
    case RATE_UNIT_OCTET:
        if (parse_number(text, sizes, 4, RATE_LIMIT_MAX, &limit_r->limit))
            return NULL;
        return "has no number before the slash: write for example \"100MiB/1h\"";
    case RATE_UNIT_ONE:
    default:
        if (parse_number(text, sizes + 3, 1, RATE_LIMIT_MAX, &limit_r->limit))
            return NULL;
        return "has no number before the slash: write for example \"200/1h\"";
    }
}

bool rate_limit_is_share(struct base_text text)
{
    struct base_text number = base_text_trim(base_text_split(&text, '/'));

    return number.length > 0 && number.data[number.length - 1] == '%';
}

const char *rate_limit_parse(struct base_text text, enum rate_unit unit, struct rate_limit *limit_r)
{
    struct base_text rest = base_text_trim(text);
    struct base_text number = base_text_split(&rest, '/');
    const char *fault;
    int64_t length_s;

    if (rest.data == NULL)
        return "is no limit: write a number, a slash and a time, for example \"200/1h\"";
    fault = parse_amount(base_text_trim(number), unit, limit_r);
    if (fault != NULL)
        return fault;
    if (!parse_number(base_text_trim(rest), lengths, sizeof(lengths) / sizeof(lengths[0]),
                      RATE_LENGTH_MAX_NS / BASE_NS_PER_S, &length_s) ||
        length_s == 0)
        return "has no time behind the slash: write \"30s\", \"10m\", \"1h\" or \"1d\", at most "
               "\"366d\"";
    limit_r->length_ns = length_s * BASE_NS_PER_S;
    return NULL;
}

const char *rate_length_text(int64_t length_ns, char out[RATE_TEXT_SIZE])
{
    int64_t length_s = length_ns / BASE_NS_PER_S;
    size_t i = 0;

    while (lengths[i].factor > 1 && length_s % lengths[i].factor != 0)
        i++;
    (void)snprintf(out, RATE_TEXT_SIZE, "%" PRId64 "%s", length_s / lengths[i].factor,
                   lengths[i].name);
    return out;
}

const char *rate_limit_text(const struct rate_limit *limit, char out[RATE_TEXT_SIZE])
{
    char length[RATE_TEXT_SIZE];

    (void)snprintf(out, RATE_TEXT_SIZE, "%" PRId64 "%s/%.16s",
                   limit->percent > 0 ? limit->percent : limit->limit,
                   limit->percent > 0 ? "%" : "", rate_length_text(limit->length_ns, length));
    return out;
}

static bool add_window(struct rate_windows *windows, struct base_text text,
                       const struct conf_item *item, const char *option, enum rate_unit unit,
                       struct base_error *error_r)
{
    struct rate_limit limit;
    const char *fault = rate_limit_parse(text, unit, &limit);

    if (fault != NULL) {
        conf_error_at(error_r, item->where, "`%s`: \"%.*s\" %s", option, (int)text.length,
                      text.data, fault);
        return false;
    }
    if (windows->count == RATE_WINDOWS_MAX) {
        conf_error_at(error_r, item->where,
                      "`%s`: \"%.*s\" is one window too many: a rate has at most %d, those of "
                      "`burst` among them",
                      option, (int)text.length, text.data, RATE_WINDOWS_MAX);
        return false;
    }
    for (unsigned i = 0; i < windows->count; i++) {
        if (windows->at[i].length_ns != limit.length_ns)
            continue;
        conf_error_at(error_r, item->where,
                      "`%s`: \"%.*s\" is a second limit for the same time: keep the lower one",
                      option, (int)text.length, text.data);
        return false;
    }
    windows->at[windows->count++] = limit;
    return true;
}

bool rate_windows_add(struct rate_windows *windows, const struct conf_list *list,
                      const char *option, enum rate_unit unit, struct base_error *error_r)
{
    for (size_t i = 0; i < list->count; i++)
        if (!add_window(windows, base_text_of(list->items[i].text), &list->items[i], option, unit,
                        error_r))
            return false;
    return true;
}

/* --- keys with limits of their own ---------------------------------------------------------------
 */

struct row {
    char *key;
    struct rate_windows windows;
};

struct rate_limits_map {
    size_t count;
    struct row *rows;
    /* Limits that are read when they are asked for. */
    struct store_maps *maps;
    enum rate_unit unit;
    const struct conf_list *burst;
};

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->key, ((const struct row *)b)->key);
}

/* The next word; {NULL, 0} at the end. */
static struct base_text next_word(struct base_text *rest)
{
    struct base_text word = {NULL, 0};

    *rest = base_text_trim(*rest);
    while (word.length < rest->length && rest->data[word.length] != ' ' &&
           rest->data[word.length] != '\t')
        word = (struct base_text){rest->data, word.length + 1};
    *rest = (struct base_text){rest->data + word.length, rest->length - word.length};
    return word;
}

/* The words behind a key. */
static bool read_limits(struct rate_windows *windows, struct base_text rest,
                        const struct conf_item *item, const struct conf_list *burst,
                        enum rate_unit unit, struct base_error *error_r)
{
    struct base_text word;

    while ((word = next_word(&rest)).data != NULL)
        if (!add_window(windows, word, item, "limits", unit, error_r))
            return false;
    if (windows->count == 0) {
        conf_error_at(error_r, item->where,
                      "`limits`: \"%s\" names no limit: write a key, a blank and its limits, for "
                      "example \"alice@example.org 500/1h\"",
                      item->text);
        return false;
    }
    return rate_windows_add(windows, burst, "burst", unit, error_r);
}

static bool read_row(struct row *row, const struct conf_item *item, const struct conf_list *burst,
                     enum rate_unit unit, struct base_error *error_r)
{
    struct base_text rest = base_text_of(item->text);
    struct base_text key = next_word(&rest);

    row->key = base_mem_strndup(key.length == 0 ? "" : key.data, key.length);
    for (char *c = row->key; *c != '\0'; c++)
        *c = base_ascii_lower(*c);
    return read_limits(&row->windows, rest, item, burst, unit, error_r);
}

static bool is_unique(const struct rate_limits_map *map, const struct conf_list *list,
                      struct base_error *error_r)
{
    for (size_t i = 1; i < map->count; i++) {
        if (compare_rows(&map->rows[i - 1], &map->rows[i]) != 0)
            continue;
        conf_error_at(error_r, list->items[0].where,
                      "`limits`: \"%s\" is there twice: keep one of the two", map->rows[i].key);
        return false;
    }
    return true;
}

struct rate_limits_map *rate_limits_map_create(const struct conf_list *list,
                                               const struct conf_list *burst, enum rate_unit unit,
                                               struct base_error *error_r)
{
    struct rate_limits_map *map = base_mem_alloc_zero(1, sizeof(*map));
    bool is_good;

    map->unit = unit;
    map->burst = burst;
    map->rows = base_mem_alloc_zero(list->count, sizeof(*map->rows));
    map->maps = rate_maps_open(list, "limits", error_r);
    is_good = map->maps != NULL;
    for (size_t i = 0; is_good && i < list->count; i++)
        if (!rate_maps_is(list->items[i].text))
            is_good = read_row(&map->rows[map->count++], &list->items[i], burst, unit, error_r);
    if (map->count > 0)
        qsort(map->rows, map->count, sizeof(*map->rows), compare_rows);
    if (!is_good || !is_unique(map, list, error_r))
        rate_limits_map_destroy(&map);
    return map;
}

void rate_limits_map_destroy(struct rate_limits_map **map)
{
    struct rate_limits_map *it = *map;

    *map = NULL;
    if (it == NULL)
        return;
    for (size_t i = 0; i < it->count; i++)
        base_mem_free(it->rows[i].key);
    base_mem_free(it->rows);
    store_maps_destroy(&it->maps);
    base_mem_free(it);
}

static int compare_key(struct base_text key, const char *other)
{
    size_t length = strlen(other);
    int order = memcmp(key.data, other, key.length < length ? key.length : length);

    return order != 0 ? order : (key.length > length) - (key.length < length);
}

static const struct rate_windows *find_row(const struct rate_limits_map *map, struct base_text key)
{
    size_t low = 0;
    size_t high = map->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_key(key, map->rows[middle].key);

        if (order == 0)
            return &map->rows[middle].windows;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct rate_windows *rate_limits_map_find(const struct rate_limits_map *map,
                                                struct base_text key, struct rate_windows *room)
{
    const struct rate_windows *windows = map == NULL ? NULL : find_row(map, key);
    const struct conf_item item = {.text = ""};
    struct base_error ignored;
    struct base_buf value;
    char storage[512];

    if (map == NULL || windows != NULL)
        return windows;
    base_buf_init_fixed(&value, storage, sizeof(storage));
    *room = (struct rate_windows){0};
    return rate_maps_find(map->maps, key, &value) &&
                   read_limits(room, base_buf_text(&value), &item, map->burst, map->unit, &ignored)
               ? room
               : NULL;
}
