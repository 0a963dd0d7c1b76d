/* Reading a configuration, from left to right:
 *
 *   source   the files, within bounds
 *   scan     tokens; refuses what libConfuse would read otherwise than it is written
 *   outline  statements and sections with file and line; include()
 *   reader   libConfuse reads the tokens, checks names against the tables, decodes values
 *   build    what was given twice, types, lists of files, defaults, the modules' checks
 *   snapshot the result */
#include "conf/conf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include "conf/build.h"
#include "conf/outline.h"
#include "conf/reader.h"
#include "conf/snapshot.h"
#include "conf/source.h"
#include "conf/tables.h"

/* Reads `text`, or the file called `name` if it has no data. */
static bool read_into(struct conf_snapshot *snapshot, struct base_text text, const char *name,
                      struct base_error *error_r)
{
    struct base_arena *scratch = base_arena_create(SIZE_MAX / 2, NULL);
    struct conf_outline outline;
    conf_outline_init(&outline, snapshot->arena, scratch, &snapshot->budget);
    bool is_good = text.data != NULL ? conf_outline_read_text(&outline, text, name, error_r)
                                     : conf_outline_read_file(&outline, name, error_r);
    is_good = is_good && conf_reader_run(&outline, &snapshot->tables, error_r) &&
              conf_build(snapshot, &outline, error_r);
    conf_outline_deinit(&outline);
    base_arena_destroy(&scratch);
    return is_good;
}

static struct conf_snapshot *read_any(struct base_text text, const char *name,
                                      const struct conf_table *const *tables, size_t table_count,
                                      struct base_error *error_r)
{
    const struct conf_tables checked = {tables, table_count};
    conf_tables_check(&checked);
    struct conf_snapshot *snapshot = conf_snapshot_create(tables, table_count, name);
    if (!read_into(snapshot, text, name, error_r))
        conf_snapshot_unref(&snapshot);
    return snapshot;
}

struct conf_snapshot *conf_read(const char *path, const struct conf_table *const *tables,
                                size_t table_count, struct base_error *error_r)
{
    return read_any((struct base_text){NULL, 0}, path, tables, table_count, error_r);
}

struct conf_snapshot *conf_read_text(const char *text, const char *name,
                                     const struct conf_table *const *tables, size_t table_count,
                                     struct base_error *error_r)
{
    return read_any(base_text_of(text != NULL ? text : ""), name, tables, table_count, error_r);
}

void conf_error_at(struct base_error *error_r, struct conf_where where, const char *format, ...)
{
    char text[sizeof(error_r->text)];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (where.line > 0)
        base_error_set(error_r, "%s:%d: %s", where.file, where.line, text);
    else
        base_error_set(error_r, "%s: %s", where.file != NULL ? where.file : "configuration", text);
}
