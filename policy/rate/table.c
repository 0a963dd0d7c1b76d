/* See table.h. */
#include "policy/rate/table.h"

#include "base/clock.h"
#include "base/mem.h"
#include "policy/rate/entry.h"
#include "policy/rate/pool.h"

enum {
    /* Entries that are compared for each that is forgotten. */
    SAMPLE = 8,
    /* Buckets that are looked at for blocked ones whose time is over. */
    SWEEP = 64,
    /* Octets of an entry that a bucket is made for, and the share of blocked ones. */
    OCTETS_PER_BUCKET = 64,
    PINNED_SHARE = 10,
};

/* So long one whose time to be held is over waits for somebody to see it. */
#define SEEN_NS (60 * BASE_NS_PER_S)

static bool is_over(const struct rate_entry *entry, int64_t now_ns)
{
    return entry->is_pinned &&
           entry->blocked_until_ns <= (entry->is_held ? now_ns - SEEN_NS : now_ns);
}

void rate_table_init(struct rate_table *table, struct rate_pool *pool, size_t octets_max)
{
    *table = (struct rate_table){.pool = pool, .octets_max = octets_max, .bucket_count = 16};
    while (table->bucket_count * 2 * OCTETS_PER_BUCKET <= octets_max)
        table->bucket_count *= 2;
    /* Pages that nobody touches cost nothing. */
    table->buckets = base_mem_alloc_zero(table->bucket_count, sizeof(*table->buckets));
}

static struct rate_entry *create_entry(const struct rate_table *table, uint64_t hash,
                                       struct base_text name, struct base_text key,
                                       const struct rate_windows *windows, bool is_distinct)
{
    return rate_entry_create(hash, name, key, rate_pool_get(table->pool, windows), is_distinct);
}

static void destroy_entry(const struct rate_table *table, struct rate_entry *entry)
{
    const struct rate_windows *windows = entry->windows;

    rate_entry_destroy(&entry);
    rate_pool_put(table->pool, windows);
}

void rate_table_deinit(struct rate_table *table)
{
    for (size_t i = 0; i < table->bucket_count; i++) {
        while (table->buckets[i] != NULL) {
            struct rate_entry *entry = table->buckets[i];

            table->buckets[i] = entry->next;
            destroy_entry(table, entry);
        }
    }
    base_mem_free(table->buckets);
    table->buckets = NULL;
}

static struct rate_entry **bucket_of(const struct rate_table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

struct rate_entry *rate_table_find(const struct rate_table *table, uint64_t hash,
                                   struct base_text name, struct base_text key)
{
    for (struct rate_entry *it = *bucket_of(table, hash); it != NULL; it = it->next)
        if (rate_entry_is(it, hash, name, key))
            return it;
    return NULL;
}

struct rate_entry *rate_table_find_birth(const struct rate_table *table, uint64_t hash,
                                         uint32_t birth)
{
    for (struct rate_entry *it = *bucket_of(table, hash); it != NULL; it = it->next)
        if (it->hash == hash && it->birth == birth)
            return it;
    return NULL;
}

void rate_table_resized(struct rate_table *table, const struct rate_entry *entry, size_t before)
{
    size_t now = rate_entry_size(entry);

    table->octets += now - before;
    if (entry->is_pinned)
        table->pinned_octets += now - before;
}

void rate_table_unblock(struct rate_table *table, struct rate_entry *entry)
{
    if (entry->is_pinned) {
        table->pinned--;
        table->pinned_octets -= rate_entry_size(entry);
    }
    entry->is_pinned = false;
    entry->is_held = false;
    entry->blocked_until_ns = 0;
}

/* Those whose time is over no longer take the room of the others: a few buckets each time. */
static void sweep_pinned(struct rate_table *table, int64_t now_ns)
{
    for (unsigned i = 0; i < SWEEP && i < table->bucket_count; i++) {
        table->sweep = (table->sweep + 1) & (table->bucket_count - 1);
        for (struct rate_entry *it = table->buckets[table->sweep]; it != NULL; it = it->next)
            if (is_over(it, now_ns))
                rate_table_unblock(table, it);
    }
}

bool rate_table_block(struct rate_table *table, struct rate_entry *entry, int64_t until_ns,
                      int64_t now_ns)
{
    size_t size = rate_entry_size(entry);
    bool is_held = entry->is_held;

    if (entry->is_pinned && entry->blocked_until_ns <= now_ns)
        rate_table_unblock(table, entry);
    entry->is_held = is_held;
    entry->blocked_until_ns = until_ns;
    if (entry->is_pinned)
        return true;
    if (table->pinned_octets + size > table->octets_max / PINNED_SHARE)
        sweep_pinned(table, now_ns);
    if (table->pinned_octets + size > table->octets_max / PINNED_SHARE)
        return false;
    entry->is_pinned = true;
    table->pinned++;
    table->pinned_octets += size;
    return true;
}

static void link_entry(struct rate_table *table, struct rate_entry *entry)
{
    struct rate_entry **bucket = bucket_of(table, entry->hash);

    entry->next = *bucket;
    *bucket = entry;
    table->count++;
    table->octets += rate_entry_size(entry);
}

static void unlink_entry(struct rate_table *table, const struct rate_entry *entry)
{
    struct rate_entry **place = bucket_of(table, entry->hash);

    while (*place != entry)
        place = &(*place)->next;
    *place = entry->next;
    table->count--;
    table->octets -= rate_entry_size(entry);
}

void rate_table_remove(struct rate_table *table, struct rate_entry *entry)
{
    rate_table_unblock(table, entry);
    unlink_entry(table, entry);
    destroy_entry(table, entry);
}

/* The one of the next few that does the least harm; NULL: all are blocked, once around. */
static struct rate_entry *choose(struct rate_table *table, const struct rate_entry *keep,
                                 int64_t now_ns)
{
    struct rate_entry *chosen = NULL;
    int64_t least = INT64_MAX;
    unsigned seen = 0;

    for (size_t i = 0; i < table->bucket_count && seen < SAMPLE && least > 0; i++) {
        table->hand = (table->hand + 1) & (table->bucket_count - 1);
        for (struct rate_entry *it = table->buckets[table->hand]; it != NULL; it = it->next) {
            if (is_over(it, now_ns))
                rate_table_unblock(table, it);
            if (it->is_pinned || it == keep)
                continue;
            int64_t share = rate_entry_share(it, now_ns);

            seen++;
            if (share >= least)
                continue;
            least = share;
            chosen = it;
        }
    }
    return chosen;
}

bool rate_table_make_room(struct rate_table *table, size_t octets, const struct rate_entry *keep,
                          int64_t now_ns)
{
    while (table->octets + octets > table->octets_max) {
        struct rate_entry *entry = choose(table, keep, now_ns);

        if (entry == NULL)
            return false;
        rate_table_remove(table, entry);
        table->evicted++;
    }
    return true;
}

struct rate_entry *rate_table_add(struct rate_table *table, uint64_t hash, struct base_text name,
                                  struct base_text key, const struct rate_windows *windows,
                                  bool is_distinct, int64_t now_ns)
{
    struct rate_entry *entry = create_entry(table, hash, name, key, windows, is_distinct);

    if (!rate_table_make_room(table, rate_entry_size(entry), NULL, now_ns)) {
        destroy_entry(table, entry);
        return NULL;
    }
    entry->birth = ++table->last_birth;
    link_entry(table, entry);
    return entry;
}

struct rate_entry *rate_table_replace(struct rate_table *table, struct rate_entry *entry,
                                      const struct rate_windows *windows)
{
    struct rate_entry *other = create_entry(table, entry->hash, rate_entry_name(entry),
                                            rate_entry_key(entry), windows, entry->is_distinct);
    bool is_held = entry->is_held;
    int64_t until_ns = entry->blocked_until_ns;

    rate_table_unblock(table, entry);
    unlink_entry(table, entry);
    rate_entry_move(other, entry);
    other->birth = entry->birth;
    other->is_warned = entry->is_warned;
    destroy_entry(table, entry);
    link_entry(table, other);
    if (is_held) {
        other->is_held = true;
        (void)rate_table_block(table, other, until_ns, 0);
    }
    return other;
}
