/* Counts by name, key, window and sub-window of time, on disk: an SQLite file in WAL mode. Nothing
 * in it is known here but that it is added up, and thrown away when it has expired. One thread at a
 * time; calls block on the disk. Times are nanoseconds of the caller's clock. */
#ifndef STORE_LEDGER_H
#define STORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct store_ledger;

/* Texts are the caller's. */
struct store_ledger_row {
    struct base_text name;
    struct base_text key;
    /* What the caller wants to know of the key when it comes back; the last one stays. */
    struct base_text about;
    int window;
    int64_t slot;
    /* Units are added up where it is 0; else it is a value that was seen, its last slot stays. */
    int64_t value;
    int64_t amount;
    int64_t expires_ns;
};

struct store_ledger_hold {
    struct base_text name;
    struct base_text key;
    struct base_text about;
    int64_t until_ns;
};

/* Makes the file, mode 0600, if it is not there. NULL and *error_r: it cannot be used. */
__attribute__((warn_unused_result)) struct store_ledger *store_ledger_open(
    const char *path, struct base_error *error_r);
/* Sets *ledger to NULL; NULL inside is fine. */
void store_ledger_close(struct store_ledger **ledger);

/* Small texts by name; false: not there, or longer than `size` - 1. */
bool store_ledger_get(struct store_ledger *ledger, const char *name, char *out, size_t size);
__attribute__((warn_unused_result)) bool store_ledger_set(struct store_ledger *ledger,
                                                          const char *name, const char *text,
                                                          struct base_error *error_r);

/* One transaction: begin, then any of the next three, then end. False and *error_r: nothing of it
 * was written; end, or the next begin, cleans up. */
__attribute__((warn_unused_result)) bool store_ledger_begin(struct store_ledger *ledger,
                                                            struct base_error *error_r);
__attribute__((warn_unused_result)) bool store_ledger_count(struct store_ledger *ledger,
                                                            const struct store_ledger_row *row,
                                                            struct base_error *error_r);
__attribute__((warn_unused_result)) bool store_ledger_hold(struct store_ledger *ledger,
                                                           const struct store_ledger_hold *hold,
                                                           struct base_error *error_r);
/* All of the key. */
__attribute__((warn_unused_result)) bool store_ledger_forget(struct store_ledger *ledger,
                                                             struct base_text name,
                                                             struct base_text key,
                                                             struct base_error *error_r);
__attribute__((warn_unused_result)) bool store_ledger_end(struct store_ledger *ledger,
                                                          struct base_error *error_r);

/* Throws away what has expired; a hold a week after its time, or at once when that is 0. A
 * transaction of its own. */
__attribute__((warn_unused_result)) bool store_ledger_expire(struct store_ledger *ledger,
                                                             int64_t now_ns,
                                                             struct base_error *error_r);

/* All that is there, each row once; texts are valid within the call. */
__attribute__((warn_unused_result)) bool store_ledger_read(
    struct store_ledger *ledger, void (*count)(void *context, const struct store_ledger_row *row),
    void (*hold)(void *context, const struct store_ledger_hold *hold), void *context,
    struct base_error *error_r);

#endif
