/* One key of one rate: its windows, one after another in the same piece of memory as the name and
 * the key, so that a million of them stay below 200 octets each. Under its table's lock. */
#ifndef POLICY_RATE_ENTRY_H
#define POLICY_RATE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/store.h"

/* `blocked_until_ns` of a key that is held until somebody releases it. */
#define RATE_FOREVER INT64_MAX

struct rate_entry {
    struct rate_entry *next;
    uint64_t hash;
    /* Interned: entries of a rate share them. */
    const struct rate_windows *windows;
    /* 0: it is not blocked. */
    int64_t blocked_until_ns;
    /* Of the entries of a table no two have the same: what charged one does not give back to
     * another that came after it. */
    uint32_t birth;
    uint16_t key_length;
    uint8_t name_length;
    uint8_t width : 2;
    bool is_distinct : 1;
    bool is_held : 1;
    bool is_warned : 1;
    /* Counted among the blocked, and never evicted. */
    bool is_pinned : 1;
    /* The windows: rings, or pointers to sets of values; then name and key. */
    _Alignas(8) unsigned char body[];
};

/* A new entry that has charged nothing. `windows` is borrowed. */
struct rate_entry *rate_entry_create(uint64_t hash, struct base_text name, struct base_text key,
                                     const struct rate_windows *windows, bool is_distinct);
/* Sets *entry to NULL. */
void rate_entry_destroy(struct rate_entry **entry);
/* Octets that it takes, its sets of values included, and what malloc(3) adds. */
size_t rate_entry_size(const struct rate_entry *entry);

struct base_text rate_entry_name(const struct rate_entry *entry);
struct base_text rate_entry_key(const struct rate_entry *entry);
bool rate_entry_is(const struct rate_entry *entry, uint64_t hash, struct base_text name,
                   struct base_text key);

/* What window `i` counts. */
int64_t rate_entry_used(const struct rate_entry *entry, unsigned i, int64_t now_ns);
/* Until window `i` has room for `amount`, or for that value; 0: now; -1: never. */
int64_t rate_entry_wait(const struct rate_entry *entry, unsigned i, int64_t now_ns, int64_t amount,
                        uint64_t value);
/* Until window `i` of shares, with `amount` more and so many elsewhere, is below its share of
 * `whole`, NULL: of nothing, and of so many elsewhere; 0: it is. */
int64_t rate_entry_wait_share(const struct rate_entry *entry, const struct rate_entry *whole,
                              unsigned i, int64_t now_ns, int64_t used_more, int64_t whole_more);
/* Octets that reserving one more value may add. */
size_t rate_entry_growth(const struct rate_entry *entry);

/* All windows at once. `value` is of distinct entries, `amount` of the others. */
void rate_entry_reserve(struct rate_entry *entry, int64_t now_ns, int64_t amount, uint64_t value);
void rate_entry_commit(struct rate_entry *entry, int64_t charged_ns, uint64_t value);
void rate_entry_give_back(struct rate_entry *entry, int64_t charged_ns, int64_t amount,
                          uint64_t value);
/* One window alone, of what was counted before. */
void rate_entry_restore(struct rate_entry *entry, unsigned i, int64_t time_ns, int64_t amount,
                        uint64_t value);
/* Charges `to`, whose windows are others, with what `from` counts, which is lost to it; values only
 * of windows of the same length. */
void rate_entry_move(struct rate_entry *to, struct rate_entry *from);

/* How much of its limits is used, 0 to 1,000 and above: the greatest share. */
int64_t rate_entry_share(const struct rate_entry *entry, int64_t now_ns);

#endif
