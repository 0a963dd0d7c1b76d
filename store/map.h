/* Maps: read-only tables of keys and values, in the formats that Postfix's own tables have, so that
 * what an administrator keeps for it serves here unchanged.
 *
 *   "file:/path"     Postfix's table source (what texthash: reads, and postmap compiles), read
 *                    whole when it is opened; "texthash:/path" is the same.
 *   "lmdb:/path"     /path.lmdb as postmap or postalias writes it; opened anew when it is replaced.
 *
 * Keys are folded (store/fold.h). Thread-safe once opened. */
#ifndef STORE_MAP_H
#define STORE_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

struct base_clock;
struct store_map;

/* Octets of one text map; octets of a key that is looked up: longer ones are in no map. */
#define STORE_MAP_FILE_MAX ((size_t)1 << 30)
#define STORE_MAP_KEY_MAX  ((size_t)1024)

struct store_map_options {
    /* How often a compiled file is looked at for being another one; NULL: the system's. Borrowed.
     */
    const struct base_clock *clock;
    /* What is left out of a text map and why, "file:line: ..."; may be NULL. Called while opening
     * only. */
    void (*warn)(void *context, const char *text);
    void *context;
};

/* Opens one of the above; may block on the disk. NULL and *error_r: no such kind, cannot be read,
 * others can write it, is not what it should be. */
__attribute__((warn_unused_result)) struct store_map *store_map_open(
    const char *name, const struct store_map_options *options, struct base_error *error_r);
/* Sets *map to NULL; NULL inside is fine. No run may be under way. */
void store_map_destroy(struct store_map **map);
/* As it was opened. */
const char *store_map_name(const struct store_map *map);

enum store_map_answer {
    STORE_MAP_FOUND,
    STORE_MAP_NONE,
    /* It cannot be read: neither an answer nor none. */
    STORE_MAP_FAULT,
};

/* Look-ups one behind the other, which see one state of a compiled map and cost one lock. Keep it
 * short: postmap waits for its end. A thread has one run of a map at a time: a second one might
 * wait for the end of the first. */
struct store_map_run {
    struct store_map *map;
    /* The kind's own. */
    void *pinned;
    void *view;
};

/* False and *error_r: it cannot be read, and there is nothing to end. May wait for a writer. */
__attribute__((warn_unused_result)) bool store_map_begin(struct store_map *map,
                                                         struct store_map_run *run_r,
                                                         struct base_error *error_r);
/* FOUND: the value, without the NUL that postmap puts behind it, replaces what *value holds; one
 * that does not fit is a FAULT, as is an empty one. FAULT: *error_r says why. */
__attribute__((warn_unused_result)) enum store_map_answer store_map_find(
    const struct store_map_run *run, struct base_text key, struct base_buf *value,
    struct base_error *error_r);
void store_map_end(struct store_map_run *run);

#endif
