/* Looking things up in the tables that the modules hand in. */
#ifndef CONF_TABLES_H
#define CONF_TABLES_H

#include <stddef.h>

#include "base/arena.h"
#include "conf/conf.h"

struct conf_tables {
    const struct conf_table *const *all;
    size_t count;
};

/* Panics on what is wrong in the program: an option or a kind of section that is there twice, an
 * option called "include", an option past its struct. */
void conf_tables_check(const struct conf_tables *tables);

/* The table of a kind of section, or NULL. */
const struct conf_table *conf_tables_kind(const struct conf_tables *tables, const char *name);
/* The row of option `name` in sections of `kind` (NULL: at the top level, where several tables
 * are), or NULL. Which table it is from goes to *table_r, which may be NULL. */
const struct conf_option *conf_tables_option(const struct conf_tables *tables, const char *kind,
                                             const char *name, const struct conf_table **table_r);
/* The number of one of the table's own options; panics on others. */
size_t conf_tables_index(const struct conf_table *table, const struct conf_option *option);
/* All names that `kind` (NULL: the top level) knows, kinds of sections among them, NULL-terminated.
 * In `arena`. */
const char *const *conf_tables_names(const struct conf_tables *tables, const char *kind,
                                     struct base_arena *arena);

#endif
