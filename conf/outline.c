/* libConfuse's own include() is not used: it nests in the lexer's global state, finds files
 * relative to the working directory, expands '~', and reads what anybody may have written. */
#include "conf/outline.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"

/* What may come next within a file. */
enum expect {
    EXPECT_STATEMENT,
    /* behind a name: = += { ( or a title */
    EXPECT_AFTER_NAME,
    /* behind a title: { */
    EXPECT_AFTER_TITLE,
    EXPECT_VALUE,
    /* behind { or a comma of a list */
    EXPECT_ITEM,
    /* behind an item of a list */
    EXPECT_AFTER_ITEM,
    /* behind include( */
    EXPECT_PATH,
    EXPECT_AFTER_PATH,
};

/* One file being read; `from` is the one that includes it. */
struct frame {
    struct conf_outline *outline;
    const struct frame *from;
    struct conf_where included_at;
    int depth;
    const char *file;
    /* The same file by its one absolute name; "" for text. */
    char real[PATH_MAX];
    enum expect expect;
    /* Where the next statement stands, and where this file began. */
    size_t section;
    size_t base_section;
    /* Index of the statement under construction. */
    size_t statement;
    /* It is a call of include(), which libConfuse does not get to see. */
    bool is_include;
    const char *path;
};

void conf_outline_init(struct conf_outline *outline, struct base_arena *lasting,
                       struct base_arena *scratch, struct conf_budget *budget)
{
    memset(outline, 0, sizeof(*outline));
    outline->lasting = lasting;
    outline->scratch = scratch;
    outline->budget = budget;
}

void conf_outline_deinit(struct conf_outline *outline)
{
    base_mem_free(outline->tokens);
    base_mem_free(outline->statements);
    memset(outline, 0, sizeof(*outline));
}

static bool add_token(struct conf_outline *outline, const struct conf_token *token,
                      struct base_error *error_r)
{
    if (outline->token_count == CONF_OUTLINE_TOKENS_MAX) {
        conf_error_at(error_r, token->where,
                      "more than %zu words and signs: move long lists to files of their own "
                      "(\"file:/path\")",
                      CONF_OUTLINE_TOKENS_MAX);
        return false;
    }
    if (outline->token_count == outline->token_capacity) {
        outline->token_capacity = outline->token_capacity == 0 ? 256 : outline->token_capacity * 2;
        outline->tokens =
            base_mem_realloc(outline->tokens, outline->token_capacity * sizeof(struct conf_token));
    }
    outline->tokens[outline->token_count++] = *token;
    return true;
}

static struct conf_statement *current(const struct frame *frame)
{
    return &frame->outline->statements[frame->statement];
}

static void begin_statement(struct frame *frame, const struct conf_token *token)
{
    struct conf_outline *outline = frame->outline;
    if (outline->statement_count == outline->statement_capacity) {
        outline->statement_capacity =
            outline->statement_capacity == 0 ? 64 : outline->statement_capacity * 2;
        outline->statements = base_mem_realloc(
            outline->statements, outline->statement_capacity * sizeof(struct conf_statement));
    }
    frame->statement = outline->statement_count++;
    *current(frame) = (struct conf_statement){
        .parent = frame->section,
        .name = conf_source_strndup(outline->lasting, token->raw.data, token->raw.length),
        .where = token->where,
    };
    frame->is_include = strcmp(current(frame)->name, "include") == 0;
    frame->expect = EXPECT_AFTER_NAME;
}

/* libConfuse takes "section=title|option" for a path to another section's option; a name is a
 * plain word here. */
static bool is_name(const struct conf_token *token)
{
    if (token->kind != CONF_TOKEN_WORD || !base_ascii_is_alpha(token->raw.data[0]))
        return false;
    for (size_t i = 0; i < token->raw.length; i++) {
        char c = token->raw.data[i];
        if (!base_ascii_is_alnum(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* How much of a token an error shows. */
static int shown(const struct conf_token *token)
{
    return token->raw.length < 60 ? (int)token->raw.length : 60;
}

static bool end_section(struct frame *frame, const struct conf_token *token,
                        struct base_error *error_r)
{
    if (frame->section == frame->base_section) {
        conf_error_at(error_r, token->where, "'}' closes nothing that this file opens");
        return false;
    }
    frame->statement = frame->section;
    frame->section = current(frame)->parent;
    return true;
}

static bool on_statement(struct frame *frame, const struct conf_token *token,
                         struct base_error *error_r)
{
    if (token->kind == CONF_TOKEN_CLOSE)
        return end_section(frame, token, error_r);
    if (is_name(token)) {
        begin_statement(frame, token);
        return true;
    }
    if (conf_token_is_text(token))
        conf_error_at(error_r, token->where,
                      "%.*s: the name of an option or a section is expected here, a word of "
                      "letters, digits and '-' without quotes (a value of several words stands in "
                      "double quotes)",
                      shown(token), token->raw.data);
    else
        conf_error_at(error_r, token->where,
                      "unexpected '%.*s': the name of an option or a section is expected here",
                      shown(token), token->raw.data);
    return false;
}

static bool begin_section(struct frame *frame, const struct conf_token *token,
                          struct base_error *error_r)
{
    struct conf_outline *outline = frame->outline;
    if (++outline->section_count > CONF_OUTLINE_SECTIONS_MAX) {
        conf_error_at(error_r, token->where, "more than %zu sections", CONF_OUTLINE_SECTIONS_MAX);
        return false;
    }
    int depth = 1;
    for (size_t at = frame->section; at != CONF_OUTLINE_NO_SECTION;
         at = outline->statements[at].parent)
        depth++;
    if (depth > CONF_OUTLINE_SECTION_DEPTH) {
        conf_error_at(error_r, token->where, "sections nest deeper than %d",
                      CONF_OUTLINE_SECTION_DEPTH);
        return false;
    }
    current(frame)->shape = CONF_SHAPE_SECTION;
    frame->section = frame->statement;
    frame->expect = EXPECT_STATEMENT;
    return true;
}

static bool take_title(struct frame *frame, const struct conf_token *token,
                       struct base_error *error_r)
{
    struct base_text title = conf_token_inner(token);
    if (memchr(title.data, '\\', title.length) != NULL) {
        conf_error_at(error_r, token->where, "%s %.*s: a title cannot hold a backslash",
                      current(frame)->name, shown(token), token->raw.data);
        return false;
    }
    current(frame)->title = conf_source_strndup(frame->outline->lasting, title.data, title.length);
    frame->expect = EXPECT_AFTER_TITLE;
    return true;
}

static bool on_name(struct frame *frame, const struct conf_token *token, struct base_error *error_r)
{
    struct conf_statement *statement = current(frame);
    if (frame->is_include && token->kind != CONF_TOKEN_CALL) {
        conf_error_at(error_r, token->where, "another file is read with include(\"FILE\")");
        return false;
    }
    switch (token->kind) {
    case CONF_TOKEN_SET:
    case CONF_TOKEN_APPEND:
        statement->shape = token->kind == CONF_TOKEN_SET ? CONF_SHAPE_SET : CONF_SHAPE_APPEND;
        frame->expect = EXPECT_VALUE;
        return true;
    case CONF_TOKEN_OPEN:
        return begin_section(frame, token, error_r);
    case CONF_TOKEN_WORD:
    case CONF_TOKEN_STRING:
        return take_title(frame, token, error_r);
    case CONF_TOKEN_CALL:
        if (frame->is_include) {
            frame->expect = EXPECT_PATH;
            return true;
        }
        conf_error_at(error_r, token->where, "%s(: the only function is include()",
                      statement->name);
        return false;
    default:
        conf_error_at(error_r, token->where,
                      "%s: '=' is missing behind the option, or '{' behind the section",
                      statement->name);
        return false;
    }
}

static bool on_title(struct frame *frame, const struct conf_token *token,
                     struct base_error *error_r)
{
    if (token->kind == CONF_TOKEN_OPEN)
        return begin_section(frame, token, error_r);
    const struct conf_statement *statement = current(frame);
    conf_error_at(error_r, statement->where,
                  "%s \"%.60s\": '=' is missing behind the option's name, or '{' behind the "
                  "section's title",
                  statement->name, statement->title);
    return false;
}

static bool on_value(struct frame *frame, const struct conf_token *token,
                     struct base_error *error_r)
{
    if (conf_token_is_text(token)) {
        frame->expect = EXPECT_STATEMENT;
    } else if (token->kind == CONF_TOKEN_OPEN) {
        frame->expect = EXPECT_ITEM;
    } else {
        conf_error_at(error_r, token->where, "%s: a value is missing behind '='",
                      current(frame)->name);
        return false;
    }
    return true;
}

static bool on_list(struct frame *frame, const struct conf_token *token, struct base_error *error_r)
{
    bool is_item = frame->expect == EXPECT_ITEM;
    if (token->kind == CONF_TOKEN_CLOSE) {
        frame->expect = EXPECT_STATEMENT;
    } else if (is_item && conf_token_is_text(token)) {
        frame->expect = EXPECT_AFTER_ITEM;
    } else if (!is_item && token->kind == CONF_TOKEN_COMMA) {
        frame->expect = EXPECT_ITEM;
    } else {
        conf_error_at(error_r, token->where,
                      is_item ? "unexpected '%.*s': the list of %s, opened in line %d, holds "
                                "values with commas between them"
                              : "unexpected %.*s: a comma, or the '}' of the list of %s that is "
                                "opened in line %d, is missing before it",
                      shown(token), token->raw.data, current(frame)->name,
                      current(frame)->where.line);
        return false;
    }
    return true;
}

static bool read_included(struct frame *from, struct conf_where at, struct base_error *error_r);

static bool on_include(struct frame *frame, const struct conf_token *token,
                       struct base_error *error_r)
{
    struct conf_outline *outline = frame->outline;
    struct conf_where at = current(frame)->where;
    if (frame->expect == EXPECT_PATH && conf_token_is_text(token)) {
        struct base_text path = conf_token_inner(token);
        if (path.length == 0 || memchr(path.data, '\\', path.length) != NULL) {
            conf_error_at(error_r, at,
                          "include(%.*s): the path of a file is expected, without "
                          "backslashes",
                          shown(token), token->raw.data);
            return false;
        }
        frame->path = conf_source_strndup(outline->lasting, path.data, path.length);
        frame->expect = EXPECT_AFTER_PATH;
        return true;
    }
    if (frame->expect == EXPECT_AFTER_PATH && token->kind == CONF_TOKEN_CALL_END) {
        outline->statement_count--;
        frame->is_include = false;
        frame->expect = EXPECT_STATEMENT;
        return read_included(frame, at, error_r);
    }
    conf_error_at(error_r, at, "include(\"FILE\") takes one path in quotes");
    return false;
}

static bool on_end(struct frame *frame, const struct conf_token *token, struct base_error *error_r)
{
    if (frame->expect == EXPECT_AFTER_TITLE)
        return on_title(frame, token, error_r);
    if (frame->expect != EXPECT_STATEMENT) {
        conf_error_at(error_r, token->where, "the file ends within %s, which begins in line %d",
                      current(frame)->name, current(frame)->where.line);
        return false;
    }
    if (frame->section != frame->base_section) {
        const struct conf_statement *open = &frame->outline->statements[frame->section];
        conf_error_at(error_r, open->where, "the section %s that opens here is not closed: add '}'",
                      open->name);
        return false;
    }
    return true;
}

static bool on_token(struct frame *frame, const struct conf_token *token,
                     struct base_error *error_r)
{
    switch (frame->expect) {
    case EXPECT_STATEMENT:
        return on_statement(frame, token, error_r);
    case EXPECT_AFTER_NAME:
        return on_name(frame, token, error_r);
    case EXPECT_AFTER_TITLE:
        return on_title(frame, token, error_r);
    case EXPECT_VALUE:
        return on_value(frame, token, error_r);
    case EXPECT_ITEM:
    case EXPECT_AFTER_ITEM:
        return on_list(frame, token, error_r);
    case EXPECT_PATH:
    case EXPECT_AFTER_PATH:
        return on_include(frame, token, error_r);
    }
    base_panic("conf: outline: state %d", (int)frame->expect);
}

static bool read_text(struct frame *frame, struct base_text text, struct base_error *error_r)
{
    struct conf_outline *outline = frame->outline;
    struct conf_scanner scanner;
    conf_scanner_init(&scanner, text, frame->file);
    for (;;) {
        struct conf_token token;
        if (!conf_scanner_next(&scanner, &token, error_r))
            return false;
        if (token.kind == CONF_TOKEN_END)
            return on_end(frame, &token, error_r);
        bool was_include = frame->is_include;
        if (!on_token(frame, &token, error_r))
            return false;
        token.statement = (unsigned int)frame->statement;
        if (!was_include && !frame->is_include && !add_token(outline, &token, error_r))
            return false;
    }
}

/* The chain of files that led here, innermost last. */
static bool refuse_loop(const struct frame *frame, struct base_error *error_r)
{
    for (const struct frame *at = frame->from; at != NULL; at = at->from) {
        if (frame->real[0] != '\0' && strcmp(at->real, frame->real) == 0) {
            conf_error_at(error_r, frame->included_at,
                          "include(\"%s\"): that file is being read already, so it would include "
                          "itself without end",
                          frame->file);
            return false;
        }
    }
    if (frame->depth > CONF_OUTLINE_INCLUDE_DEPTH) {
        conf_error_at(error_r, frame->included_at, "include(\"%s\"): files nest deeper than %d",
                      frame->file, CONF_OUTLINE_INCLUDE_DEPTH);
        return false;
    }
    return true;
}

static void init_frame(struct frame *frame, struct conf_outline *outline, const char *file)
{
    memset(frame, 0, sizeof(*frame));
    frame->outline = outline;
    frame->file = file;
    frame->expect = EXPECT_STATEMENT;
    frame->section = CONF_OUTLINE_NO_SECTION;
    frame->base_section = CONF_OUTLINE_NO_SECTION;
}

static bool read_file(struct frame *frame, struct base_error *error_r)
{
    struct base_text text;
    /* A file that is not there has no such name; reading it says why. */
    if (realpath(frame->file, frame->real) == NULL)
        frame->real[0] = '\0';
    return refuse_loop(frame, error_r) &&
           conf_source_read(frame->outline->budget, frame->file, frame->included_at,
                            frame->outline->scratch, &text, error_r) &&
           read_text(frame, text, error_r);
}

static bool read_included(struct frame *from, struct conf_where at, struct base_error *error_r)
{
    struct frame frame;
    init_frame(&frame, from->outline,
               conf_source_resolve(from->path, from->file, from->outline->lasting));
    frame.from = from;
    frame.included_at = at;
    frame.depth = from->depth + 1;
    frame.section = from->section;
    frame.base_section = from->section;
    return read_file(&frame, error_r);
}

bool conf_outline_read_file(struct conf_outline *outline, const char *path,
                            struct base_error *error_r)
{
    struct frame frame;
    init_frame(&frame, outline, conf_source_strndup(outline->lasting, path, strlen(path)));
    return read_file(&frame, error_r);
}

bool conf_outline_read_text(struct conf_outline *outline, struct base_text text, const char *name,
                            struct base_error *error_r)
{
    struct frame frame;
    init_frame(&frame, outline, conf_source_strndup(outline->lasting, name, strlen(name)));
    return conf_source_check(outline->budget, text, name, error_r) &&
           read_text(&frame, text, error_r);
}
