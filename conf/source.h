/* The files of one configuration: the main file, what it includes, what its lists name. */
#ifndef CONF_SOURCE_H
#define CONF_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"

/* Octets of one file; of all files of a configuration together; files that are read. */
#define CONF_SOURCE_FILE_MAX  ((size_t)16 << 20)
#define CONF_SOURCE_TOTAL_MAX ((size_t)64 << 20)
#define CONF_SOURCE_FILES_MAX ((size_t)10000)

/* How much was read so far. Zero to begin with. */
struct conf_budget {
    size_t used;
    size_t files;
};

/* Reads the file that `from` names (line 0: nobody, the path was given to us) into `arena`, with a
 * NUL behind it. False and *error_r if it cannot be read, others can write it, it holds a NUL, or
 * there is too much of it. */
__attribute__((warn_unused_result)) bool conf_source_read(struct conf_budget *budget,
                                                          const char *path, struct conf_where from,
                                                          struct base_arena *arena,
                                                          struct base_text *text_r,
                                                          struct base_error *error_r);
/* The same checks for text that is there already. */
__attribute__((warn_unused_result)) bool conf_source_check(struct conf_budget *budget,
                                                           struct base_text text, const char *name,
                                                           struct base_error *error_r);
/* `path` as written in the file `from`: a relative one is relative to that file. In `arena`. */
const char *conf_source_resolve(const char *path, const char *from, struct base_arena *arena);

/* Memory for what a configuration holds: base_arena_alloc() that panics instead of giving NULL; the
 * budget above bounds it. */
void *conf_source_alloc(struct base_arena *arena, size_t size);
char *conf_source_strndup(struct base_arena *arena, const char *data, size_t length);

#endif
