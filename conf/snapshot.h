/* What a configuration is made of once it was read; conf/conf.h shows it to the rest. */
#ifndef CONF_SNAPSHOT_H
#define CONF_SNAPSHOT_H

#include <stdatomic.h>
#include <stddef.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "conf/source.h"
#include "conf/tables.h"

struct conf_statement;

/* Where one option was given: its statements in file order, more than one if it was appended to. */
struct conf_row {
    const struct conf_statement **statements;
    size_t count;
};

struct conf_entry {
    /* First: a conf_section of ours is always part of an entry. */
    struct conf_section section;
    struct base_arena *arena;
    /* Place in its group. */
    size_t order;
    /* Rows of the table; only while it is built. */
    struct conf_row *rows;
    struct conf_where *given;
};

/* The sections of one table. */
struct conf_group {
    const struct conf_table *table;
    struct conf_entry **entries;
    size_t count;
    size_t capacity;
};

struct conf_snapshot {
    struct base_arena *arena;
    struct conf_tables tables;
    struct conf_budget budget;
    atomic_int references;
    /* The file's name, for what is not in it. */
    const char *file;
    /* A row each of the tables. */
    struct conf_group *groups;
};

/* One reference; every top-level table has its entry, without values yet. Never NULL. */
struct conf_snapshot *conf_snapshot_create(const struct conf_table *const *tables,
                                           size_t table_count, const char *file);
/* An empty entry at the end of the table's group; borrowed. */
struct conf_entry *conf_snapshot_add(struct conf_snapshot *snapshot, const struct conf_table *table,
                                     const char *title, struct conf_where where);
/* Panics if the table is not among those that the snapshot was read with. */
struct conf_group *conf_snapshot_group(const struct conf_snapshot *snapshot,
                                       const struct conf_table *table);

#endif
