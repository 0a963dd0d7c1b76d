/* Where rates are counted: in this process (engine.h), or in a store that several hosts share. What
 * it is told is one list for each decision: every rate that applies, with its key and its windows;
 * all are judged before any is charged, in one call. What was charged is reserved until the message
 * is accepted (commit) or is not (give back), each by the same reservation, each harmless when it
 * is said twice. Thread-safe: any thread may call with its own reservation. */
#ifndef POLICY_RATE_STORE_H
#define POLICY_RATE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/window.h"

/* Windows of one rate: those of `limit`, and of `burst`. */
#define RATE_WINDOWS_MAX 4
/* Octets of a rate's name, and of a key. */
#define RATE_NAME_MAX 100
#define RATE_KEY_MAX  400

/* All must allow. */
struct rate_windows {
    unsigned count;
    struct rate_limit at[RATE_WINDOWS_MAX];
};

bool rate_windows_equal(const struct rate_windows *a, const struct rate_windows *b);
/* All of them are shares; else none is. */
bool rate_windows_are_shares(const struct rate_windows *windows);

/* The first octet of the name of a whole that shares are of: no configuration can give it. Such
 * keys are never full, and stay when the key is released. */
#define RATE_WHOLE_MARK '\002'
/* What the windows of a whole have for a limit. */
#define RATE_WHOLE_LIMIT ((int64_t)UINT32_MAX)

bool rate_name_is_whole(struct base_text name);
/* No rate of the configuration has it: its first octet is a control character. */
bool rate_name_is_own(struct base_text name);

enum rate_answer {
    /* It fits. */
    RATE_FREE,
    /* A window is full. */
    RATE_OVER,
    /* The key is held until somebody, or `hold-for`, releases it. */
    RATE_HELD,
    /* The key is not known, there is no room for more blocked keys, and its network is blocked. */
    RATE_NET_BLOCKED,
};

/* One rate of a decision. */
struct rate_item {
    /* The rate's name; not empty. With the key it is what is counted by. */
    struct base_text name;
    struct base_text key;
    /* The coarser key, the client's network; {NULL, 0}: there is none. */
    struct base_text net;
    /* The key's own. Valid until the call returns. Of shares: the next item of the list is their
     * whole, in windows of the same lengths; what is over is charged all the same. */
    const struct rate_windows *windows;
    /* Units; 0 asks whether one would fit and charges nothing. With `value`, 1. */
    int64_t amount;
    /* The value of which different ones are counted; {NULL, 0}: units are counted. */
    struct base_text value;
    /* Is it over, nothing of the whole list is charged. */
    bool is_refusing;
    /* Once over, it is held: for so long; -1 until it is released; 0: not. */
    int64_t hold_ns;
    /* A warning is due when so much of a limit is used, in percent; 0: never. */
    unsigned warn_percent;
    /* Of shares and wholes: what each window counts elsewhere, to be added. */
    int64_t elsewhere[RATE_WINDOWS_MAX];

    /* The answer. */
    enum rate_answer answer;
    /* The fullest window: the one with the longest wait, or with the greatest share. */
    unsigned window;
    /* What that window counts, this amount not included. */
    int64_t used;
    /* Of a share: what its whole counts. */
    int64_t whole;
    /* Until it fits, or is released; -1: never of itself. */
    int64_t wait_ns;
    /* True once while the key is above warn_percent. */
    bool is_warning_due;
    /* The key was not blocked before. */
    bool is_newly_blocked;
    /* It was held until now, and nobody has been told yet that this is over. */
    bool is_released;
};

/* It was charged, if the whole list was. */
bool rate_item_is_counted(const struct rate_item *item);

/* What one message has charged. Opaque but for its life: zeroed to begin with, ended by commit or
 * give back, which zero it again. */
struct rate_charge;
struct rate_reservation {
    struct rate_charge *charges;
    size_t count;
    size_t capacity;
    /* A shared store's: random, or 0 as long as there is nothing. */
    uint64_t id[2];
};

/* For lists: one key. Valid within the call. */
struct rate_status {
    struct base_text name;
    struct base_text key;
    bool is_distinct;
    const struct rate_windows *windows;
    /* A row each of the windows. */
    int64_t used[RATE_WINDOWS_MAX];
    /* Nanoseconds until it is free again: 0 it is; -1 until it is released. */
    int64_t blocked_ns;
    bool is_held;
};

struct rate_numbers {
    size_t keys;
    size_t blocked;
    size_t blocked_nets;
    size_t octets;
    /* Keys that were forgotten for others, and units that found no room at all, since the start. */
    uint64_t evicted;
    uint64_t uncounted;
};

struct rate_store;

struct rate_store_ops {
    /* Judges all, then charges all that fit; false if a refusing one did not: then none is charged.
     * Adds to the reservation. */
    bool (*charge)(struct rate_store *store, struct rate_reservation *reservation,
                   struct rate_item *items, size_t count);
    /* Also of one that has charged nothing. */
    void (*commit)(struct rate_store *store, struct rate_reservation *reservation);
    void (*give_back)(struct rate_store *store, struct rate_reservation *reservation);
    /* Calls for each key that counts something or is blocked; `visit` must be quick and may not
     * call the store. */
    void (*list)(struct rate_store *store,
                 void (*visit)(void *context, const struct rate_status *status), void *context);
    /* Forgets that the key was held or blocked, and what it had used; `name` {NULL, 0}: in all
     * rates. The number of keys released. */
    size_t (*release)(struct rate_store *store, struct base_text name, struct base_text key);
    /* Calls once for each key whose time to be held is over, and of which no item said so; `visit`
     * as with list. Cheap where there is none: to be asked once a second. */
    void (*end_holds)(struct rate_store *store,
                      void (*visit)(void *context, const struct rate_status *status),
                      void *context);
    void (*numbers)(struct rate_store *store, struct rate_numbers *numbers_r);
    void (*destroy)(struct rate_store *store);
};

/* A store's struct begins with this. */
struct rate_store {
    const struct rate_store_ops *ops;
};

bool rate_store_charge(struct rate_store *store, struct rate_reservation *reservation,
                       struct rate_item *items, size_t count);
void rate_store_commit(struct rate_store *store, struct rate_reservation *reservation);
void rate_store_give_back(struct rate_store *store, struct rate_reservation *reservation);
void rate_store_list(struct rate_store *store,
                     void (*visit)(void *context, const struct rate_status *status), void *context);
size_t rate_store_release(struct rate_store *store, struct base_text name, struct base_text key);
void rate_store_end_holds(struct rate_store *store,
                          void (*visit)(void *context, const struct rate_status *status),
                          void *context);
void rate_store_numbers(struct rate_store *store, struct rate_numbers *numbers_r);
/* Sets *store to NULL; NULL inside is fine. */
void rate_store_destroy(struct rate_store **store);

#endif
