/* Reading and checking the configuration: libConfuse behind the guards that it needs, typed tables
 * that each module hands in, one immutable result. An option touches three places: the struct
 * field, its row in the module's table, its paragraph in postseal.conf(5); a test compares them.
 *
 * Every error names file, line, option, value and the mend. An unknown option suggests the nearest
 * known one; a section title or a scalar given twice names both lines; "${", "$(" and control
 * characters in values are refused; include() is bounded in depth, and what it reads must not be
 * writable by others; a relative path is relative to the file that names it.
 *
 * The syntax is libConfuse's, less what it would read otherwise than it is written: a value stands
 * on one line; in double quotes \" and \\ are the only escapes, in single quotes \' and \\; '*',
 * '+' and ';' stand in quotes only; a name has no quotes, a title no backslash. `name += value`
 * adds to a list, to its default if nothing was given before; a list given twice with = is an
 * error. */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

/* Where a value was written. `file` lives as long as the snapshot; line 0: a default. */
struct conf_where {
    const char *file;
    int line;
};

struct conf_item {
    const char *text;
    struct conf_where where;
};

/* A list of strings in file order; "file:/path" items were replaced by the lines of that file
 * (blank lines and '#' comments left out). */
struct conf_list {
    size_t count;
    const struct conf_item *items;
    /* There was such an item: another day the list is another one, and may be empty. */
    bool has_file;
};

enum conf_type {
    /* bool; yes|no|true|false|on|off, in any case */
    CONF_BOOL,
    /* int64_t within min..max */
    CONF_INT,
    /* int64_t octets within min..max; "2MiB", "256KiB", "64 KiB", "1048576" */
    CONF_SIZE,
    /* int64_t milliseconds within min..max; "500ms", "7s", "10m", "4h", "2d"; a bare number is
     * refused, naming the units */
    CONF_DURATION,
    /* const char *, NULL when absent without a default */
    CONF_STRING,
    /* int: an index into `words` */
    CONF_WORD,
    /* uint64_t: a set of bits, 1 << index into `words`; written as a list or a single word */
    CONF_WORDS,
    /* struct conf_list */
    CONF_LIST,
    /* struct conf_list of names "kind:/path" (store/map.h): the files are not read here; a relative
     * path is relative to the file that names it */
    CONF_MAPS,
    /* int: file permission bits, written "0660" */
    CONF_MODE,
};

/* Written { a, b }, or a single value. */
static inline bool conf_type_is_list(enum conf_type type)
{
    return type == CONF_LIST || type == CONF_MAPS || type == CONF_WORDS;
}

struct conf_option {
    const char *name;
    enum conf_type type;
    /* offsetof the field in the section's struct. */
    size_t offset;
    /* As it would be written in the file (lists: items joined by one space); NULL: zero, NULL,
     * empty. Shown by the manual page's check and by `postseal check`. */
    const char *fallback;
    /* Bounds of INT, SIZE (octets), DURATION (milliseconds). */
    int64_t min;
    int64_t max;
    /* Of WORD and WORDS, NULL-terminated. */
    const char *const *words;
};

/* A row: a field of `struct struct_name`; what else it has follows as designators. Each table makes
 * its own ROW() of it, which names the struct once. */
#define CONF_ROW(struct_name, option, kind, field, ...)                                  \
    {                                                                                    \
        .name = (option), .type = (kind), .offset = offsetof(struct struct_name, field), \
        __VA_ARGS__                                                                      \
    }

struct conf_section;

/* Rows that are kept in another file than their table's, each at the head of something bigger. */
struct conf_option_group {
    const struct conf_option *first;
    /* Octets from one row to the next. */
    size_t stride;
    size_t count;
};

/* A kind of section ("sign", "rule", ...) or, with name NULL, the options of the top level.
 * Several modules may hand in a table for the top level: each gets its own struct. */
struct conf_table {
    const char *name;
    /* "sign "TITLE" { ... }"; titles are unique within a kind. */
    bool has_title;
    size_t struct_size;
    const struct conf_option *options;
    size_t option_count;
    /* Further options of the same struct, numbered on behind `options`; NULL-terminated, or NULL.
     */
    const struct conf_option_group *const *groups;
    /* Called after the whole file was read, once a section; may be NULL. False and *error_r (use
     * conf_error_at) refuses the configuration. It may change the values (canonical forms). */
    bool (*check)(struct conf_section *section, struct base_error *error_r);
};

/* One section as read. */
struct conf_section {
    const struct conf_table *table;
    /* NULL for the top level. */
    const char *title;
    struct conf_where where;
    /* table->struct_size octets: the module's struct. */
    void *values;
    /* A row each of the table's options: where it was given; line 0 if it was not. */
    const struct conf_where *given;
};

/* All options of a table, those of its groups too. */
size_t conf_table_option_count(const struct conf_table *table);
/* Panics past the end. */
const struct conf_option *conf_table_option_at(const struct conf_table *table, size_t index);

/* Immutable, reference-counted, thread-safe to read. */
struct conf_snapshot;

/* Reads `path` with the tables (borrowed for the snapshot's life: static const). One parse at a
 * time in the process (a lock inside). NULL and *error_r on the first fault. May block on disk. */
__attribute__((warn_unused_result)) struct conf_snapshot *conf_read(
    const char *path, const struct conf_table *const *tables, size_t table_count,
    struct base_error *error_r);
/* The same from text; `name` stands for the file in errors, "file:" and include() are relative to
 * the working directory. NULL text: an empty configuration, all defaults. */
__attribute__((warn_unused_result)) struct conf_snapshot *conf_read_text(
    const char *text, const char *name, const struct conf_table *const *tables, size_t table_count,
    struct base_error *error_r);
struct conf_snapshot *conf_snapshot_ref(struct conf_snapshot *snapshot);
void conf_snapshot_unref(struct conf_snapshot **snapshot);

/* The section of a top-level table: always there. */
const struct conf_section *conf_snapshot_top(const struct conf_snapshot *snapshot,
                                             const struct conf_table *table);
/* Sections of a kind, in file order. */
size_t conf_snapshot_count(const struct conf_snapshot *snapshot, const struct conf_table *table);
const struct conf_section *conf_snapshot_at(const struct conf_snapshot *snapshot,
                                            const struct conf_table *table, size_t index);

/* Where option `name` of the section was given (its default: line 0). Panics on unknown names. */
struct conf_where conf_section_where(const struct conf_section *section, const char *name);
/* Zeroed memory that lives as long as the section's snapshot, for what check() puts into the values
 * (canonical forms). Only within check(). */
void *conf_section_alloc(struct conf_section *section, size_t size);
/* "file:line: " and the text. */
void conf_error_at(struct base_error *error_r, struct conf_where where, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The nearest of `words` (NULL-terminated) to what was written, or NULL if none is near. */
const char *conf_nearest(const char *written, const char *const *words);

#endif
