/* Lists of strings, in which "file:/path" stands for the lines of that file: one item a line,
 * blanks around it left out, '#' at the start of a line or behind a blank begins a comment. Each
 * item knows its file and line. */
#ifndef CONF_LIST_H
#define CONF_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "conf/conf.h"
#include "conf/source.h"

/* Items in one list; octets in one line of a file. */
#define CONF_LIST_ITEMS_MAX ((size_t)2000000)
#define CONF_LIST_LINE_MAX  ((size_t)4096)

struct conf_list_builder {
    struct base_arena *arena;
    struct conf_budget *budget;
    /* On the heap until it is finished. */
    struct conf_item *items;
    size_t count;
    size_t capacity;
    bool has_file;
};

/* Both borrowed; texts are not copied and must live as long as `arena`. */
void conf_list_init(struct conf_list_builder *builder, struct base_arena *arena,
                    struct conf_budget *budget);
void conf_list_deinit(struct conf_list_builder *builder);
/* Adds one item, or the lines of the file that it names (relative to the file that the item stands
 * in). False and *error_r if that cannot be read or holds what an item may not hold. */
__attribute__((warn_unused_result)) bool conf_list_add(struct conf_list_builder *builder,
                                                       struct conf_item item,
                                                       struct base_error *error_r);
/* Adds a name "kind:path" with its path made whole; the file is not read. */
__attribute__((warn_unused_result)) bool conf_list_add_map(struct conf_list_builder *builder,
                                                           struct conf_item item,
                                                           struct base_error *error_r);
/* The list, in the arena. */
struct conf_list conf_list_finish(const struct conf_list_builder *builder);

#endif
