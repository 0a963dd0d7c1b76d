/* A text map in memory: one block of octets, "key NUL value NUL" an entry, made in place where the
 * file was read; and a table of places in it, open addressing, never more than half full, so that a
 * miss ends soon. The hash has a seed of its own: who chooses what is looked up does not choose
 * where. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "store/map-private.h"
#include "store/table_source.h"

/* Lines left out that are told one by one; of the others their number. */
#define WARNINGS_MAX 10

struct slot {
    /* The upper half of the hash, so that most others are told apart without touching them. */
    uint32_t tag;
    /* Of the key in `block`, plus one; 0: free. */
    uint32_t place;
};

struct map_text {
    struct store_map map;
    uint64_t seed;
    char *block;
    struct slot *slots;
    /* A power of two. */
    size_t slot_count;
    size_t count;
};

struct loader {
    struct map_text *text;
    const struct store_map_options *options;
    const char *path;
    size_t warnings;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;

    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t hash_of(const struct map_text *text, struct base_text key)
{
    uint64_t hash = text->seed ^ key.length;
    size_t i = 0;
    uint64_t word = 0;

    for (; i + sizeof(word) <= key.length; i += sizeof(word)) {
        memcpy(&word, key.data + i, sizeof(word));
        hash = mix(hash ^ word, UINT64_C(0x9e3779b97f4a7c15));
    }
    word = 0;
    memcpy(&word, key.data + i, key.length - i);
    return mix(hash ^ word, UINT64_C(0xd6e8feb86659fd93));
}

/* The slot that holds the key, or the free one where it would stand. */
static struct slot *find_slot(const struct map_text *text, struct base_text key)
{
    uint64_t hash = hash_of(text, key);
    uint32_t tag = (uint32_t)(hash >> 32);
    size_t at = (size_t)hash & (text->slot_count - 1);

    for (;; at = (at + 1) & (text->slot_count - 1)) {
        struct slot *slot = &text->slots[at];

        if (slot->place == 0)
            return slot;
        if (slot->tag != tag)
            continue;
        const char *other = text->block + slot->place - 1;

        /* Neither has a NUL inside; the other one may be shorter, and the last of the block. */
        if (strncmp(other, key.data, key.length) == 0 && other[key.length] == '\0')
            return slot;
    }
}

static void warn(struct loader *loader, unsigned line, const char *words, const char *key)
{
    struct base_error text;

    loader->warnings++;
    if (loader->options == NULL || loader->options->warn == NULL || loader->warnings > WARNINGS_MAX)
        return;
    base_error_set(&text, "%s:%u: %s%s%.200s%s", loader->path, line, words,
                   key != NULL ? ": \"" : "", key != NULL ? key : "", key != NULL ? "\"" : "");
    loader->options->warn(loader->options->context, text.text);
}

static void warn_of_others(struct loader *loader)
{
    struct base_error text;

    if (loader->options == NULL || loader->options->warn == NULL ||
        loader->warnings <= WARNINGS_MAX)
        return;
    base_error_set(&text, "%s: %zu more lines of that kind", loader->path,
                   loader->warnings - WARNINGS_MAX);
    loader->options->warn(loader->options->context, text.text);
}

/* Puts the entry at the end of the block, which never reaches what is yet to be read. */
static void add_entry(struct loader *loader, const struct store_table_entry *entry, size_t *used)
{
    struct map_text *text = loader->text;
    char *key = text->block + *used;
    size_t length = store_fold_apply(&text->map.fold,
                                     (struct base_text){entry->key, entry->key_length}, entry->key);
    struct slot *slot;

    memmove(key, entry->key, length);
    key[length] = '\0';
    slot = find_slot(text, (struct base_text){key, length});
    if (slot->place != 0) {
        warn(loader, entry->line, "the key was given before, the first counts", key);
        return;
    }
    if (entry->doubt != NULL)
        warn(loader, entry->line, entry->doubt, key);
    memmove(key + length + 1, entry->value, entry->value_length);
    key[length + 1 + entry->value_length] = '\0';
    slot->tag = (uint32_t)(hash_of(text, (struct base_text){key, length}) >> 32);
    slot->place = (uint32_t)*used + 1;
    *used += length + 1 + entry->value_length + 1;
    text->count++;
}

/* No more entries than lines. */
static size_t slots_for(const char *data, size_t length)
{
    size_t lines = 1;
    size_t slots = 16;
    const char *end = data + length;

    while ((data = memchr(data, '\n', (size_t)(end - data))) != NULL) {
        data++;
        lines++;
    }
    while (slots < 2 * lines)
        slots *= 2;
    return slots;
}

static void load(struct loader *loader, size_t length)
{
    struct map_text *text = loader->text;
    struct store_table_source source;
    struct store_table_entry entry;
    size_t used = 0;

    text->slot_count = slots_for(text->block, length);
    text->slots = base_mem_alloc_zero(text->slot_count, sizeof(*text->slots));
    store_table_source_init(&source, text->block, length);
    while (store_table_source_next(&source, &entry)) {
        if (entry.fault != NULL)
            warn(loader, entry.line, entry.fault, NULL);
        else
            add_entry(loader, &entry, &used);
    }
    warn_of_others(loader);
    text->block = base_mem_realloc(text->block, used + 1);
}

static enum store_map_answer find(const struct store_map_run *run, struct base_text key,
                                  struct base_buf *value, struct base_error *error_r)
{
    const struct map_text *text = (const struct map_text *)run->map;
    const struct slot *slot = find_slot(text, key);

    (void)error_r;
    if (slot->place == 0)
        return STORE_MAP_NONE;
    base_buf_append_cstr(value, text->block + slot->place - 1 + key.length + 1);
    return STORE_MAP_FOUND;
}

static void destroy(struct store_map *map)
{
    struct map_text *text = (struct map_text *)map;

    base_mem_free(text->slots);
    base_mem_free(text->block);
    base_mem_free(text);
}

struct store_map *store_map_text_open(const char *path, const struct store_map_options *options,
                                      struct base_error *error_r)
{
    static const struct store_map_ops ops = {.find = find, .destroy = destroy};
    struct map_text *text;
    struct loader loader = {.options = options, .path = path};
    char *data;
    size_t length;

    if (!base_file_read_trusted(path, STORE_MAP_FILE_MAX, &data, &length, error_r))
        return NULL;
    text = base_mem_alloc_zero(1, sizeof(*text));
    text->map.ops = &ops;
    store_fold_init(&text->map.fold);
    base_random_seed(&text->seed, sizeof(text->seed));
    text->block = data;
    loader.text = text;
    load(&loader, length);
    return &text->map;
}
