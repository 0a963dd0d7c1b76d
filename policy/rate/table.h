/* The keys of one shard: a chained hash table within bounded memory. When that is full, keys are
 * forgotten that do the least harm: those that count nothing first, then those that are farthest
 * from their limit. Blocked keys are never forgotten, but may take no more than a tenth of the
 * memory. Under the caller's lock. */
#ifndef POLICY_RATE_TABLE_H
#define POLICY_RATE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct rate_entry;
struct rate_pool;
struct rate_windows;

struct rate_table {
    /* Borrowed. */
    struct rate_pool *pool;
    /* A power of two. */
    size_t bucket_count;
    struct rate_entry **buckets;
    size_t count;
    size_t octets;
    size_t octets_max;
    size_t pinned;
    size_t pinned_octets;
    /* The bucket where the next look for something to forget begins. */
    size_t hand;
    /* The same for blocked ones whose time is over. */
    size_t sweep;
    uint32_t last_birth;
    uint64_t evicted;
};

/* `octets_max`: for entries; the buckets take an eighth more. */
void rate_table_init(struct rate_table *table, struct rate_pool *pool, size_t octets_max);
void rate_table_deinit(struct rate_table *table);

struct rate_entry *rate_table_find(const struct rate_table *table, uint64_t hash,
                                   struct base_text name, struct base_text key);
struct rate_entry *rate_table_find_birth(const struct rate_table *table, uint64_t hash,
                                         uint32_t birth);
/* NULL: there is no room, and nothing that may be forgotten. */
struct rate_entry *rate_table_add(struct rate_table *table, uint64_t hash, struct base_text name,
                                  struct base_text key, const struct rate_windows *windows,
                                  bool is_distinct, int64_t now_ns);
void rate_table_remove(struct rate_table *table, struct rate_entry *entry);
/* The entry with other windows; it keeps its birth, what it counts, and that it is blocked. */
struct rate_entry *rate_table_replace(struct rate_table *table, struct rate_entry *entry,
                                      const struct rate_windows *windows);

/* Room for so many octets more, whatever has to be forgotten for them but `keep`. */
bool rate_table_make_room(struct rate_table *table, size_t octets, const struct rate_entry *keep,
                          int64_t now_ns);
/* The entry's sets of values have grown or shrunk since its size was `before`. */
void rate_table_resized(struct rate_table *table, const struct rate_entry *entry, size_t before);

/* Blocked from now on; false: there is no room for more of them, it may be forgotten. */
bool rate_table_block(struct rate_table *table, struct rate_entry *entry, int64_t until_ns,
                      int64_t now_ns);
void rate_table_unblock(struct rate_table *table, struct rate_entry *entry);

#endif
