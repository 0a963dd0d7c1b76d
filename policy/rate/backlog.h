/* What the shared store is to be told when it is there again: messages whose counts it did not
 * hear, and keys that were released. A bounded queue; one that is full forgets what comes and
 * counts it. Not thread-safe, the caller has a lock. */
#ifndef POLICY_RATE_BACKLOG_H
#define POLICY_RATE_BACKLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/rate/known.h"
#include "policy/rate/store.h"

#define RATE_BACKLOG_MAX 100000
/* Items of all of them. */
#define RATE_BACKLOG_ITEMS_MAX 400000
/* A message of more is told in parts. */
#define RATE_BACKLOG_PART 1000
/* What the server has refused so often, while it took other things, it will not take. */
#define RATE_BACKLOG_REFUSALS 3

/* Charged here while the store did not answer. */
struct rate_backlog_item {
    struct rate_digest digest;
    /* Which of the message's calls it was: that one may have arrived after all. */
    unsigned sequence;
    int64_t time_ns;
    int64_t amount;
    uint64_t value;
    bool has_value;
    struct rate_windows windows;
    struct rate_backlog_item *next;
};

struct rate_backlog_entry {
    uint64_t id[2];
    /* The message was accepted; else what it had reserved is given back. */
    bool is_commit;
    /* The first of the message's calls that was decided here, and may have arrived; 0: none was. */
    unsigned first_local;
    /* No message: this key was released. */
    bool is_release;
    struct rate_digest released;
    /* How often the server has refused it. */
    unsigned refusals;
    size_t item_count;
    struct rate_backlog_item *items;
    struct rate_backlog_entry *next;
};

struct rate_backlog {
    struct rate_backlog_entry *first;
    struct rate_backlog_entry **last;
    size_t count;
    size_t item_count;
    uint64_t lost;
};

void rate_backlog_init(struct rate_backlog *backlog);
void rate_backlog_deinit(struct rate_backlog *backlog);
/* Takes the items, of which the last made is the first. Parts of a message have ids of their own,
 * but for what may have arrived. */
void rate_backlog_put(struct rate_backlog *backlog, const uint64_t id[2], bool is_commit,
                      unsigned first_local, struct rate_backlog_item *items);
void rate_backlog_put_release(struct rate_backlog *backlog, const struct rate_digest *key);
/* The oldest, the caller's; NULL: none. */
struct rate_backlog_entry *rate_backlog_take(struct rate_backlog *backlog);
/* Puts it back as the oldest. */
void rate_backlog_return(struct rate_backlog *backlog, struct rate_backlog_entry *entry);
void rate_backlog_entry_free(struct rate_backlog_entry *entry);
void rate_backlog_items_free(struct rate_backlog_item *items);

#endif
