#include "conf/tables.h"

#include <stdbool.h>
#include <string.h>

#include "base/panic.h"
#include "conf/source.h"

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
        for (size_t j = 0; j < table->option_count; j++) {
            if (strcmp(table->options[j].name, name) != 0)
                continue;
            if (table_r != NULL)
                *table_r = table;
            return &table->options[j];
        }
    }
    return NULL;
}

const char *const *conf_tables_names(const struct conf_tables *tables, const char *kind,
                                     struct base_arena *arena)
{
    size_t count = 2;
    for (size_t i = 0; i < tables->count; i++)
        count += tables->all[i]->option_count + 1;
    const char **names = conf_source_alloc(arena, count * sizeof(*names));
    size_t at = 0;
    for (size_t i = 0; i < tables->count; i++) {
        const struct conf_table *table = tables->all[i];
        if (kind == NULL && table->name != NULL)
            names[at++] = table->name;
        for (size_t j = 0; is_kind(table, kind) && j < table->option_count; j++)
            names[at++] = table->options[j].name;
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
        for (size_t j = 0; j < table->option_count; j++)
            check_option(tables, table, &table->options[j]);
    }
}
