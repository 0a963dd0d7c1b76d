/* The statements and sections of a configuration as they stand in its files, include() followed:
 * who said what in which line, which libConfuse does not keep. What the statements mean is not
 * looked at here; libConfuse reads the tokens (conf/reader.h) and hands each value back to the
 * statement it belongs to. */
#ifndef CONF_OUTLINE_H
#define CONF_OUTLINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/scan.h"
#include "conf/source.h"

#define CONF_OUTLINE_TOKENS_MAX    ((size_t)4000000)
#define CONF_OUTLINE_SECTIONS_MAX  ((size_t)20000)
#define CONF_OUTLINE_INCLUDE_DEPTH 8
/* Sections within sections; libConfuse refuses what the tables do not know. */
#define CONF_OUTLINE_SECTION_DEPTH 8

/* A value as libConfuse decoded it. */
struct conf_value {
    struct conf_value *next;
    const char *text;
    struct conf_where where;
};

enum conf_shape {
    /* name = value, name = { values } */
    CONF_SHAPE_SET,
    /* name += value, name += { values } */
    CONF_SHAPE_APPEND,
    /* name { ... }, name "title" { ... } */
    CONF_SHAPE_SECTION,
};

#define CONF_OUTLINE_NO_SECTION SIZE_MAX

struct conf_statement {
    enum conf_shape shape;
    /* The section statement that it stands in, CONF_OUTLINE_NO_SECTION at the top level. */
    size_t parent;
    const char *name;
    /* Of a section; NULL if it has none. */
    const char *title;
    struct conf_where where;
    /* Filled by the reader. */
    struct conf_value *first;
    struct conf_value *last;
};

struct conf_outline {
    /* Names, titles and files live as long as the snapshot, texts and tokens only until it stands.
     * Both borrowed. */
    struct base_arena *lasting;
    struct base_arena *scratch;
    struct conf_budget *budget;
    /* On the heap. Calls of include() are not among them. */
    struct conf_token *tokens;
    size_t token_count;
    size_t token_capacity;
    struct conf_statement *statements;
    size_t statement_count;
    size_t statement_capacity;
    size_t section_count;
};

void conf_outline_init(struct conf_outline *outline, struct base_arena *lasting,
                       struct base_arena *scratch, struct conf_budget *budget);
void conf_outline_deinit(struct conf_outline *outline);

/* False and *error_r on the first fault of syntax, in this file or one it includes. */
__attribute__((warn_unused_result)) bool conf_outline_read_file(struct conf_outline *outline,
                                                                const char *path,
                                                                struct base_error *error_r);
/* `text` must live until the deinit. */
__attribute__((warn_unused_result)) bool conf_outline_read_text(struct conf_outline *outline,
                                                                struct base_text text,
                                                                const char *name,
                                                                struct base_error *error_r);

#endif
