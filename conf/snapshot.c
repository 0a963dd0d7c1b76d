#include "conf/snapshot.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"

struct conf_snapshot *conf_snapshot_create(const struct conf_table *const *tables,
                                           size_t table_count, const char *file)
{
    struct conf_snapshot *snapshot = base_mem_alloc_zero(1, sizeof(*snapshot));
    /* Bounded by what is read (conf/source.h), not by the arena. */
    snapshot->arena = base_arena_create(SIZE_MAX / 2, NULL);
    /* The tables are static; the array of their addresses need not be. */
    size_t size = table_count * sizeof(tables[0]);
    const struct conf_table **copy = conf_source_alloc(snapshot->arena, size);
    if (size > 0)
        memcpy(copy, tables, size);
    snapshot->tables = (struct conf_tables){copy, table_count};
    atomic_init(&snapshot->references, 1);
    snapshot->file = conf_source_strndup(snapshot->arena, file, strlen(file));
    snapshot->groups = base_mem_alloc_zero(table_count + 1, sizeof(snapshot->groups[0]));
    for (size_t i = 0; i < table_count; i++) {
        snapshot->groups[i].table = tables[i];
        if (tables[i]->name == NULL)
            conf_snapshot_add(snapshot, tables[i], NULL, (struct conf_where){snapshot->file, 0});
    }
    return snapshot;
}

struct conf_snapshot *conf_snapshot_ref(struct conf_snapshot *snapshot)
{
    atomic_fetch_add(&snapshot->references, 1);
    return snapshot;
}

void conf_snapshot_unref(struct conf_snapshot **snapshot)
{
    struct conf_snapshot *old = *snapshot;
    *snapshot = NULL;
    if (old == NULL || atomic_fetch_sub(&old->references, 1) > 1)
        return;
    for (size_t i = 0; i < old->tables.count; i++)
        base_mem_free(old->groups[i].entries);
    base_mem_free(old->groups);
    base_arena_destroy(&old->arena);
    base_mem_free(old);
}

struct conf_group *conf_snapshot_group(const struct conf_snapshot *snapshot,
                                       const struct conf_table *table)
{
    for (size_t i = 0; i < snapshot->tables.count; i++) {
        if (snapshot->groups[i].table == table)
            return &snapshot->groups[i];
    }
    base_panic("conf: the configuration was read without the table of %s",
               table->name != NULL ? table->name : "the top level");
}

struct conf_entry *conf_snapshot_add(struct conf_snapshot *snapshot, const struct conf_table *table,
                                     const char *title, struct conf_where where)
{
    struct base_arena *arena = snapshot->arena;
    struct conf_group *group = conf_snapshot_group(snapshot, table);
    struct conf_entry *entry = conf_source_alloc(arena, sizeof(*entry));
    entry->arena = arena;
    entry->order = group->count;
    size_t option_count = conf_table_option_count(table);
    entry->given = conf_source_alloc(arena, option_count * sizeof(entry->given[0]));
    entry->section.table = table;
    entry->section.title = title;
    entry->section.where = where;
    entry->section.values = conf_source_alloc(arena, table->struct_size);
    entry->section.given = entry->given;
    for (size_t i = 0; i < option_count; i++)
        entry->given[i].file = snapshot->file;
    if (group->count == group->capacity) {
        group->capacity = group->capacity == 0 ? 4 : group->capacity * 2;
        group->entries =
            base_mem_realloc(group->entries, group->capacity * sizeof(group->entries[0]));
    }
    group->entries[group->count++] = entry;
    return entry;
}

const struct conf_section *conf_snapshot_top(const struct conf_snapshot *snapshot,
                                             const struct conf_table *table)
{
    if (table->name != NULL)
        base_panic("conf: %s is no table of the top level", table->name);
    return &conf_snapshot_group(snapshot, table)->entries[0]->section;
}

size_t conf_snapshot_count(const struct conf_snapshot *snapshot, const struct conf_table *table)
{
    return conf_snapshot_group(snapshot, table)->count;
}

const struct conf_section *conf_snapshot_at(const struct conf_snapshot *snapshot,
                                            const struct conf_table *table, size_t index)
{
    const struct conf_group *group = conf_snapshot_group(snapshot, table);
    if (index >= group->count)
        base_panic("conf: section %zu of %zu", index, group->count);
    return &group->entries[index]->section;
}

struct conf_where conf_section_where(const struct conf_section *section, const char *name)
{
    const struct conf_table *table = section->table;
    for (size_t i = 0; i < conf_table_option_count(table); i++) {
        if (strcmp(conf_table_option_at(table, i)->name, name) == 0)
            return section->given[i];
    }
    base_panic("conf: no option %s", name);
}

void *conf_section_alloc(struct conf_section *section, size_t size)
{
    return conf_source_alloc(((struct conf_entry *)section)->arena, size);
}
