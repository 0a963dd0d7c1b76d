#include "conf/tables.h"

#include <stdbool.h>
#include <string.h>

#include "base/panic.h"
#include "conf/source.h"

size_t conf_table_option_count(const struct conf_table *table)
{
    size_t count = table->option_count;

    for (size_t i = 0; table->groups != NULL && table->groups[i] != NULL; i++)
        count += table->groups[i]->count;
    return count;
}

const struct conf_option *conf_table_option_at(const struct conf_table *table, size_t index)
{
    if (index < table->option_count)
        return &table->options[index];
    index -= table->option_count;
    for (size_t i = 0; table->groups != NULL && table->groups[i] != NULL; i++) {
        const struct conf_option_group *group = table->groups[i];

        if (index < group->count)
            return (const void *)((const char *)group->first + index * group->stride);
        index -= group->count;
    }
    base_panic("conf: an option past the end of a table");
}

size_t conf_tables_index(const struct conf_table *table, const struct conf_option *option)
{
    size_t index = 0;

    while (conf_table_option_at(table, index) != option)
        index++;
    return index;
}

static bool is_kind(const struct conf_table *table, const char *kind)
{
    if (kind == NULL || table->name == NULL)
        return kind == table->name;
    return strcmp(table->name, kind) == 0;
}

const struct conf_table *conf_tables_kind(const struct conf_tables *tables, const char *name)
{
    for (size_t i = 0; i < tables->count; i++) {
        if (tables->all[i]->name != NULL && strcmp(tables->all[i]->name, name) == 0)
            return tables->all[i];
    }
    return NULL;
}

const struct conf_option *conf_tables_option(const struct conf_tables *tables, const char *kind,
                                             const char *name, const struct conf_table **table_r)
{
    for (size_t i = 0; i < tables->count; i++) {
        const struct conf_table *table = tables->all[i];
        if (!is_kind(table, kind))
            continue;
        for (size_t j = 0; j < conf_table_option_count(table); j++) {
            const struct conf_option *option = conf_table_option_at(table, j);

            if (strcmp(option->name, name) != 0)
                continue;
            if (table_r != NULL)
                *table_r = table;
            return option;
        }
    }
    return NULL;
}

const char *const *conf_tables_names(const struct conf_tables *tables, const char *kind,
                                     struct base_arena *arena)
{
    size_t count = 2;
    for (size_t i = 0; i < tables->count; i++)
        count += conf_table_option_count(tables->all[i]) + 1;
    const char **names = conf_source_alloc(arena, count * sizeof(*names));
    size_t at = 0;
    for (size_t i = 0; i < tables->count; i++) {
        const struct conf_table *table = tables->all[i];
        if (kind == NULL && table->name != NULL)
            names[at++] = table->name;
        for (size_t j = 0; is_kind(table, kind) && j < conf_table_option_count(table); j++)
            names[at++] = conf_table_option_at(table, j)->name;
    }
    names[at++] = "include";
    names[at] = NULL;
    return names;
}

static void check_option(const struct conf_tables *tables, const struct conf_table *table,
                         const struct conf_option *option)
{
    if (conf_tables_option(tables, table->name, option->name, NULL) != option)
        base_panic("conf: option %s is in two tables", option->name);
    if (table->name == NULL && conf_tables_kind(tables, option->name) != NULL)
        base_panic("conf: %s is an option and a section", option->name);
    if (strcmp(option->name, "include") == 0)
        base_panic("conf: include is no option");
    if (option->offset >= table->struct_size)
        base_panic("conf: option %s lies past its struct", option->name);
}

void conf_tables_check(const struct conf_tables *tables)
{
    for (size_t i = 0; i < tables->count; i++) {
        const struct conf_table *table = tables->all[i];
        if (table->name != NULL && conf_tables_kind(tables, table->name) != table)
            base_panic("conf: section %s is in two tables", table->name);
        for (size_t j = 0; j < conf_table_option_count(table); j++)
            check_option(tables, table, conf_table_option_at(table, j));
    }
}
