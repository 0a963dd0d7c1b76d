#include "conf/build.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/text.h"
#include "conf/list.h"
#include "conf/value.h"

struct builder {
    struct conf_snapshot *snapshot;
    const struct conf_outline *outline;
    /* A row each of the statements: the entry of a section, else NULL. */
    struct conf_entry **entries;
    struct base_error *error_r;
};

/* How errors name the option: option, or section "title": option. */
static void append_option(struct base_buf *out, const struct conf_section *section,
                          const char *name)
{
    if (section->table->name != NULL)
        base_buf_append_cstr(out, section->table->name);
    if (section->title != NULL)
        base_buf_appendf(out, " \"%.100s\"", section->title);
    if (section->table->name != NULL)
        base_buf_append_cstr(out, ": ");
    base_buf_append_cstr(out, name);
}

static void refuse(struct base_error *error_r, const struct conf_section *section, const char *name,
                   struct conf_where where, const char *fault)
{
    char storage[512];
    struct base_buf out;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    append_option(&out, section, name);
    conf_error_at(error_r, where, "%s: %s", base_buf_cstr(&out), fault);
}

/* --- what is given twice ---------------------------------------------------------------------- */

/* "line 7", or "file:7" if that is another file. */
static void append_other(struct base_buf *out, struct conf_where other, struct conf_where here)
{
    if (strcmp(other.file, here.file) == 0)
        base_buf_appendf(out, "line %d", other.line);
    else
        base_buf_appendf(out, "%s:%d", other.file, other.line);
}

static bool refuse_option_twice(const struct builder *builder, const struct conf_section *section,
                                const struct conf_option *option, struct conf_where first,
                                struct conf_where second)
{
    char storage[600];
    struct base_buf out;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    base_buf_append_cstr(&out, "given already in ");
    append_other(&out, first, second);
    if (conf_type_is_list(option->type))
        base_buf_append_cstr(&out, ": remove one of the two, or add to the list with +=");
    else
        base_buf_append_cstr(&out, ": remove one of the two");
    refuse(builder->error_r, section, option->name, second, base_buf_cstr(&out));
    return false;
}

static bool has_same_title(const struct conf_entry *a, const struct conf_entry *b)
{
    return a->section.title == NULL || strcmp(a->section.title, b->section.title) == 0;
}

/* By title, those of one title in the order of the file. All entries are of one kind, so all have a
 * title or none has. */
static int compare_titles(const void *left, const void *right)
{
    const struct conf_entry *a = *(struct conf_entry *const *)left;
    const struct conf_entry *b = *(struct conf_entry *const *)right;
    if (!has_same_title(a, b))
        return strcmp(a->section.title, b->section.title);
    return a->order < b->order ? -1 : 1;
}

static bool refuse_section_twice(const struct builder *builder, const struct conf_section *first,
                                 const struct conf_section *second)
{
    char storage[600];
    struct base_buf out;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    base_buf_appendf(&out, "section %s", second->table->name);
    if (second->title != NULL)
        base_buf_appendf(&out, " \"%.200s\"", second->title);
    base_buf_append_cstr(&out, ": given already in ");
    append_other(&out, first->where, second->where);
    base_buf_append_cstr(&out, second->title != NULL ? ": merge the two, or give one another title"
                                                     : ": merge the two");
    conf_error_at(builder->error_r, second->where, "%s", base_buf_cstr(&out));
    return false;
}

/* Titles are unique within a kind; a kind without titles is there once. */
static bool check_titles(const struct builder *builder, const struct conf_group *group)
{
    if (group->table->name == NULL || group->count < 2)
        return true;
    size_t size = group->count * sizeof(group->entries[0]);
    struct conf_entry **sorted = base_mem_alloc(size);
    memcpy(sorted, group->entries, size);
    qsort(sorted, group->count, sizeof(sorted[0]), compare_titles);
    bool is_good = true;
    for (size_t i = 1; i < group->count && is_good; i++) {
        if (has_same_title(sorted[i - 1], sorted[i]))
            is_good = refuse_section_twice(builder, &sorted[i - 1]->section, &sorted[i]->section);
    }
    base_mem_free(sorted);
    return is_good;
}

/* --- statements to their rows ----------------------------------------------------------------- */

static void append_statement(const struct builder *builder, struct conf_row *row,
                             const struct conf_statement *statement)
{
    /* Chains are short: doubled each time that the count is a power of two. */
    if ((row->count & (row->count - 1)) == 0) {
        size_t capacity = row->count == 0 ? 1 : row->count * 2;
        const struct conf_statement **grown =
            conf_source_alloc(builder->outline->scratch, capacity * sizeof(*grown));
        if (row->count > 0)
            memcpy(grown, row->statements, row->count * sizeof(*grown));
        row->statements = grown;
    }
    row->statements[row->count++] = statement;
}

static struct conf_entry *entry_of(const struct builder *builder,
                                   const struct conf_statement *statement,
                                   const struct conf_table *table)
{
    if (statement->parent != CONF_OUTLINE_NO_SECTION)
        return builder->entries[statement->parent];
    return conf_snapshot_group(builder->snapshot, table)->entries[0];
}

static struct conf_row *rows_of(const struct builder *builder, struct conf_entry *entry)
{
    if (entry->rows == NULL)
        entry->rows = conf_source_alloc(builder->outline->scratch,
                                        conf_table_option_count(entry->section.table) *
                                            sizeof(entry->rows[0]));
    return entry->rows;
}

static bool place_option(const struct builder *builder, const struct conf_statement *statement)
{
    const struct conf_table *table;
    const char *kind = statement->parent == CONF_OUTLINE_NO_SECTION
                           ? NULL
                           : builder->outline->statements[statement->parent].name;
    const struct conf_option *option =
        conf_tables_option(&builder->snapshot->tables, kind, statement->name, &table);
    if (option == NULL)
        base_panic("conf: libConfuse took option %s, no table does", statement->name);
    struct conf_entry *entry = entry_of(builder, statement, table);
    size_t index = conf_tables_index(table, option);
    struct conf_row *row = &rows_of(builder, entry)[index];
    if (row->count > 0 && statement->shape == CONF_SHAPE_SET)
        return refuse_option_twice(builder, &entry->section, option, entry->given[index],
                                   statement->where);
    if (row->count == 0)
        entry->given[index] = statement->where;
    append_statement(builder, row, statement);
    return true;
}

static bool place_statements(const struct builder *builder)
{
    const struct conf_outline *outline = builder->outline;
    for (size_t i = 0; i < outline->statement_count; i++) {
        const struct conf_statement *statement = &outline->statements[i];
        if (statement->shape == CONF_SHAPE_SECTION)
            builder->entries[i] = conf_snapshot_add(
                builder->snapshot, conf_tables_kind(&builder->snapshot->tables, statement->name),
                statement->title, statement->where);
        else if (!place_option(builder, statement))
            return false;
    }
    for (size_t i = 0; i < builder->snapshot->tables.count; i++) {
        if (!check_titles(builder, &builder->snapshot->groups[i]))
            return false;
    }
    return true;
}

/* --- values ----------------------------------------------------------------------------------- */

static bool is_builder_list(const struct conf_option *option)
{
    return option->type == CONF_LIST || option->type == CONF_MAPS;
}

static bool store_item(const struct conf_option *option, struct conf_item item, void *field,
                       struct conf_list_builder *list, struct base_error *fault)
{
    if (option->type == CONF_LIST)
        return conf_list_add(list, item, fault);
    if (option->type == CONF_MAPS)
        return conf_list_add_map(list, item, fault);
    return conf_value_store(option, item.text, field, fault);
}

/* A default is written in the program: one that cannot be read is a bug. */
static void store_default(const struct builder *builder, const struct conf_option *option,
                          void *field, struct conf_list_builder *list)
{
    struct base_error fault;
    struct conf_where where = {builder->snapshot->file, 0};
    bool is_many = conf_type_is_list(option->type);
    if (option->fallback == NULL)
        return;
    struct base_text rest = base_text_of(option->fallback);
    while (rest.data != NULL) {
        struct base_text word = is_many ? base_text_split(&rest, ' ') : rest;
        if (!is_many)
            rest.data = NULL;
        if (is_many && word.length == 0)
            continue;
        char *text = conf_source_strndup(builder->snapshot->arena, word.data, word.length);
        if (!store_item(option, (struct conf_item){text, where}, field, list, &fault))
            base_panic("conf: default of %s: %s", option->name, fault.text);
    }
}

static bool store_given(const struct builder *builder, const struct conf_section *section,
                        const struct conf_option *option, const struct conf_row *row, void *field,
                        struct conf_list_builder *list)
{
    struct base_error fault;
    for (size_t i = 0; i < row->count; i++) {
        const struct conf_value *value = row->statements[i]->first;
        for (; value != NULL; value = value->next) {
            struct conf_item item = {value->text, value->where};
            if (store_item(option, item, field, list, &fault))
                continue;
            /* A list's own errors name the place already: it may be a line of another file. */
            if (is_builder_list(option) && builder->error_r != NULL)
                *builder->error_r = fault;
            else
                refuse(builder->error_r, section, option->name, value->where, fault.text);
            return false;
        }
    }
    return true;
}

static bool store_option(const struct builder *builder, struct conf_entry *entry, size_t index)
{
    const struct conf_option *option = conf_table_option_at(entry->section.table, index);
    struct conf_row none = {NULL, 0};
    const struct conf_row *row = entry->rows != NULL ? &entry->rows[index] : &none;
    void *field = (char *)entry->section.values + option->offset;
    struct conf_list_builder list;
    conf_list_init(&list, builder->snapshot->arena, &builder->snapshot->budget);
    if (row->count == 0 || row->statements[0]->shape == CONF_SHAPE_APPEND)
        store_default(builder, option, field, &list);
    bool is_good = store_given(builder, &entry->section, option, row, field, &list);
    if (is_good && is_builder_list(option))
        *(struct conf_list *)field = conf_list_finish(&list);
    conf_list_deinit(&list);
    return is_good;
}

static bool store_entry(const struct builder *builder, struct conf_entry *entry)
{
    for (size_t i = 0; i < conf_table_option_count(entry->section.table); i++) {
        if (!store_option(builder, entry, i))
            return false;
    }
    entry->rows = NULL;
    return true;
}

static bool check_entry(const struct builder *builder, struct conf_entry *entry)
{
    const struct conf_table *table = entry->section.table;
    return table->check == NULL || table->check(&entry->section, builder->error_r);
}

static bool for_all(const struct builder *builder,
                    bool (*each)(const struct builder *builder, struct conf_entry *entry))
{
    const struct conf_snapshot *snapshot = builder->snapshot;
    for (size_t i = 0; i < snapshot->tables.count; i++) {
        for (size_t j = 0; j < snapshot->groups[i].count; j++) {
            if (!each(builder, snapshot->groups[i].entries[j]))
                return false;
        }
    }
    return true;
}

bool conf_build(struct conf_snapshot *snapshot, const struct conf_outline *outline,
                struct base_error *error_r)
{
    struct builder builder = {.snapshot = snapshot, .outline = outline, .error_r = error_r};
    builder.entries = base_mem_alloc_zero(outline->statement_count + 1, sizeof(builder.entries[0]));
    bool is_good = place_statements(&builder) && for_all(&builder, store_entry) &&
                   for_all(&builder, check_entry);
    base_mem_free(builder.entries);
    return is_good;
}
