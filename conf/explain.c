#include "conf/explain.h"

#include <stdbool.h>
#include <string.h>

#include "base/text.h"
#include "conf/words.h"

static bool is_list(const struct conf_option *option)
{
    return conf_type_is_list(option->type);
}

/* Where else the name would be known: it may only stand in the wrong place. */
static void append_home(struct base_buf *out, const char *name, const char *kind,
                        const struct conf_tables *tables)
{
    if (kind != NULL && (conf_tables_option(tables, NULL, name, NULL) != NULL ||
                         conf_tables_kind(tables, name) != NULL)) {
        base_buf_appendf(out, "; %s belongs to the top level: is a '}' missing before it?", name);
        return;
    }
    for (size_t i = 0; i < tables->count; i++) {
        const char *other = tables->all[i]->name;
        if (other != NULL && conf_tables_option(tables, other, name, NULL) != NULL) {
            base_buf_appendf(out, "; %s belongs into a section %s { ... }", name, other);
            return;
        }
    }
}

static void explain_unknown(struct base_buf *out, const struct conf_outline *outline,
                            const struct conf_statement *statement, const char *kind,
                            const struct conf_tables *tables)
{
    const char *what = statement->shape == CONF_SHAPE_SECTION ? "section" : "option";
    base_buf_appendf(out, "%s: unknown %s", statement->name, what);
    if (kind != NULL)
        base_buf_appendf(out, " in section %s", kind);
    const char *const *names = conf_tables_names(tables, kind, outline->scratch);
    if (conf_nearest(statement->name, names) != NULL)
        conf_words_append_hint(out, statement->name, names);
    else
        append_home(out, statement->name, kind, tables);
}

static void explain_section(struct base_buf *out, const struct conf_statement *statement,
                            const struct conf_table *table)
{
    const char *name = statement->name;
    if (statement->shape != CONF_SHAPE_SECTION)
        base_buf_appendf(out, "%s is a section: write %s %s{ ... }", name, name,
                         table->has_title ? "\"TITLE\" " : "");
    else if (table->has_title)
        base_buf_appendf(out, "section %s needs a title: write %s \"TITLE\" { ... }", name, name);
    else
        base_buf_appendf(out, "section %s has no title: write %s { ... }", name, name);
}

/* False if nothing is known to be wrong with the option itself. */
static bool explain_option(struct base_buf *out, const struct conf_statement *statement,
                           const struct conf_option *option)
{
    const char *name = statement->name;
    if (statement->shape == CONF_SHAPE_SECTION)
        base_buf_appendf(out, "%s is an option: write %s = %s", name, name,
                         is_list(option) ? "{ VALUE, ... }" : "VALUE");
    else if (!is_list(option) && statement->shape == CONF_SHAPE_APPEND)
        base_buf_appendf(out, "%s takes one value: write %s = VALUE", name, name);
    else if (!is_list(option))
        base_buf_appendf(out, "%s takes one value, not a list: write %s = VALUE", name, name);
    else
        return false;
    return true;
}

void conf_explain_token(const struct conf_outline *outline, size_t token, const char *text,
                        const struct conf_tables *tables, struct base_error *error_r)
{
    const struct conf_token *at = &outline->tokens[token];
    const struct conf_statement *statement = &outline->statements[at->statement];
    const char *kind = statement->parent == CONF_OUTLINE_NO_SECTION
                           ? NULL
                           : outline->statements[statement->parent].name;
    const struct conf_table *table =
        kind == NULL ? conf_tables_kind(tables, statement->name) : NULL;
    const struct conf_option *option = conf_tables_option(tables, kind, statement->name, NULL);
    char storage[1024];
    struct base_buf out;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    if (table != NULL)
        explain_section(&out, statement, table);
    else if (option == NULL)
        explain_unknown(&out, outline, statement, kind, tables);
    else if (!explain_option(&out, statement, option))
        base_buf_appendf(&out, "%s: %s", statement->name, text);
    conf_error_at(error_r, at->where, "%s", base_buf_cstr(&out));
}
