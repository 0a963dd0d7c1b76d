/* One state of an LMDB file. Pages are copied out of it before they are read (store/mapped.h), so
 * that a file that somebody cuts off or overwrites is damaged, and not the end of the process.
 *
 * LMDB never writes on the pages of its last state, nor on those of the one before. What was read
 * is therefore right if, after it was read, the state still is one of these two: no lock is needed
 * for that. A branch of the tree is read once and kept.
 *
 * Thread-safe; may block on the disk. */
#ifndef STORE_LMDB_STATE_H
#define STORE_LMDB_STATE_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct stat;
struct store_lmdb_state;

/* The last state of the file; `fd` is closed when it is destroyed, or at once when it fails: NULL
 * and *error_r, which names `path`. */
__attribute__((warn_unused_result)) struct store_lmdb_state *store_lmdb_state_open(
    int fd, const char *path, struct base_error *error_r);
/* Sets *state to NULL; NULL inside is fine. */
void store_lmdb_state_close(struct store_lmdb_state **state);

/* As it was when the state was opened. Owned by the state. */
const struct stat *store_lmdb_state_stat(const struct store_lmdb_state *state);

enum store_lmdb_found {
    STORE_LMDB_STATE_FOUND,
    STORE_LMDB_STATE_NONE,
    /* The file is damaged, or another one by now. */
    STORE_LMDB_STATE_BROKEN,
};

/* Appends the value to `value`, wholly or not at all. The octets of the key are compared. */
enum store_lmdb_found store_lmdb_state_find(struct store_lmdb_state *state, struct base_text key,
                                            struct base_buf *value);
/* No later state has been written. */
bool store_lmdb_state_is_last(const struct store_lmdb_state *state);
/* It is the last or the one before, so that what was read of it stands. */
bool store_lmdb_state_is_whole(const struct store_lmdb_state *state);
/* Nobody has written into the file at all. */
bool store_lmdb_state_is_untouched(const struct store_lmdb_state *state);

#endif
