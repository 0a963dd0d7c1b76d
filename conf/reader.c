/* libConfuse's callbacks carry no pointer of ours: neither the error function nor the one that
 * parses a value. Both run in the thread that called cfg_parse_buf(), so a thread-local pointer
 * leads them to the run they belong to. The lexer's state is global, hence the lock.
 *
 * libConfuse keeps nothing that was read, since the outline has it by then. A section is freed when
 * it ends: each title would be compared with all before it, and each section would keep a copy of
 * its table. All values share one slot (a "simple" value): a list would grow by one for each. */
#include "conf/reader.h"

#include <confuse.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/panic.h"
#include "conf/explain.h"
#include "conf/guard.h"

struct reader {
    struct conf_outline *outline;
    const struct conf_tables *tables;
    /* Where libConfuse puts each value; never looked at. */
    void *slot;
    struct base_error *error_r;
    bool has_error;
};

static pthread_mutex_t lexer_lock = PTHREAD_MUTEX_INITIALIZER;
static _Thread_local struct reader *running;

/* One token a line, the first in line 1; at the end of the text the line is one past the last. */
static size_t token_at(const struct reader *reader, const cfg_t *cfg)
{
    size_t count = reader->outline->token_count;
    size_t index = cfg->line > 0 ? (size_t)cfg->line - 1 : 0;
    return index < count ? index : count - 1;
}

__attribute__((format(printf, 2, 0))) static void on_error(cfg_t *cfg, const char *format,
                                                           va_list arguments)
{
    struct reader *reader = running;
    char text[512];
    if (reader->has_error)
        return;
    reader->has_error = true;
    vsnprintf(text, sizeof(text), format, arguments);
    conf_explain_token(reader->outline, token_at(reader, cfg), text, reader->tables,
                       reader->error_r);
}

/* The scanner has refused all of this before; but it is not the one that decodes. */
static bool is_expected(const struct conf_token *token, const struct conf_statement *statement,
                        const char *name, struct base_text decoded, struct base_error *error_r)
{
    if (!conf_token_is_text(token) || strcmp(statement->name, name) != 0) {
        base_error_set(error_r, "this line cannot be read: put each value into double quotes");
        return false;
    }
    return conf_guard_text(decoded, error_r);
}

static int on_value(cfg_t *cfg, cfg_opt_t *option, const char *text, void *result)
{
    struct reader *reader = running;
    struct conf_outline *outline = reader->outline;
    const struct conf_token *token = &outline->tokens[token_at(reader, cfg)];
    struct conf_statement *statement = &outline->statements[token->statement];
    struct base_text decoded = base_text_of(text);
    struct base_error fault;
    if (!is_expected(token, statement, option->name, decoded, &fault)) {
        reader->has_error = true;
        conf_error_at(reader->error_r, token->where, "%s: %s", option->name, fault.text);
        return -1;
    }
    struct conf_value *value = conf_source_alloc(outline->lasting, sizeof(*value));
    value->text = conf_source_strndup(outline->lasting, decoded.data, decoded.length);
    value->where = token->where;
    if (statement->last == NULL)
        statement->first = value;
    else
        statement->last->next = value;
    statement->last = value;
    *(void **)result = NULL;
    return 0;
}

static int on_section_end(cfg_t *cfg, cfg_opt_t *option)
{
    (void)cfg;
    cfg_free_value(option);
    return 0;
}

static cfg_opt_t value_row(struct reader *reader, const struct conf_option *option)
{
    bool is_list = conf_type_is_list(option->type);
    return (cfg_opt_t){
        .name = option->name,
        .type = CFGT_PTR,
        .flags = CFGF_NODEFAULT | (is_list ? CFGF_LIST : CFGF_NONE),
        .simple_value = {.ptr = &reader->slot},
        .parsecb = on_value,
    };
}

/* Rows for the options of `table` from `at` on; returns where the next go. */
static size_t add_rows(struct reader *reader, cfg_opt_t *rows, size_t at,
                       const struct conf_table *table)
{
    for (size_t i = 0; i < conf_table_option_count(table); i++)
        rows[at++] = value_row(reader, conf_table_option_at(table, i));
    return at;
}

static cfg_opt_t section_row(struct reader *reader, const struct conf_table *table)
{
    struct base_arena *arena = reader->outline->scratch;
    cfg_opt_t *rows =
        conf_source_alloc(arena, (conf_table_option_count(table) + 1) * sizeof(*rows));
    rows[add_rows(reader, rows, 0, table)] = (cfg_opt_t)CFG_END();
    return (cfg_opt_t){
        .name = table->name,
        .type = CFGT_SEC,
        .flags = CFGF_MULTI | CFGF_NO_TITLE_DUPES | (table->has_title ? CFGF_TITLE : CFGF_NONE),
        .subopts = rows,
        .validcb = on_section_end,
    };
}

static cfg_opt_t *make_rows(struct reader *reader)
{
    const struct conf_tables *tables = reader->tables;
    size_t count = 1;
    for (size_t i = 0; i < tables->count; i++)
        count += tables->all[i]->name == NULL ? conf_table_option_count(tables->all[i]) : 1;
    cfg_opt_t *rows = conf_source_alloc(reader->outline->scratch, count * sizeof(*rows));
    size_t at = 0;
    for (size_t i = 0; i < tables->count; i++) {
        if (tables->all[i]->name == NULL)
            at = add_rows(reader, rows, at, tables->all[i]);
        else
            rows[at++] = section_row(reader, tables->all[i]);
    }
    rows[at] = (cfg_opt_t)CFG_END();
    return rows;
}

/* The tokens, one a line. */
static const char *make_text(const struct conf_outline *outline)
{
    size_t length = 1;
    for (size_t i = 0; i < outline->token_count; i++)
        length += outline->tokens[i].raw.length + 1;
    char *text = conf_source_alloc(outline->scratch, length);
    char *at = text;
    for (size_t i = 0; i < outline->token_count; i++) {
        memcpy(at, outline->tokens[i].raw.data, outline->tokens[i].raw.length);
        at += outline->tokens[i].raw.length;
        *at++ = '\n';
    }
    return text;
}

bool conf_reader_run(struct conf_outline *outline, const struct conf_tables *tables,
                     struct base_error *error_r)
{
    struct reader reader = {.outline = outline, .tables = tables, .error_r = error_r};
    if (outline->token_count == 0)
        return true;
    const char *text = make_text(outline);
    cfg_opt_t *rows = make_rows(&reader);
    pthread_mutex_lock(&lexer_lock);
    running = &reader;
    cfg_t *cfg = cfg_init(rows, CFGF_NONE);
    if (cfg == NULL)
        base_panic("configuration: out of memory");
    cfg_set_error_function(cfg, on_error);
    int status = cfg_parse_buf(cfg, text);
    cfg_free(cfg);
    running = NULL;
    pthread_mutex_unlock(&lexer_lock);
    if (status != CFG_SUCCESS && !reader.has_error)
        base_error_set(error_r, "%s: cannot be read", outline->tokens[0].where.file);
    return status == CFG_SUCCESS;
}
