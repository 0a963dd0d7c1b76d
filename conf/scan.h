/* The guard in front of libConfuse: cuts one file's text into the tokens that libConfuse's lexer
 * would see, and refuses what that lexer would take without a word or turn into something else:
 * "${NAME}" (expanded from the environment, in quotes and out of them), escapes ("\d" loses its
 * backslash, "\n" becomes a newline), strings over several lines, '*', '+', ';' outside quotes
 * (dropped, or part of the word), unclosed quotes and comments (they leave the lexer's global
 * state in the middle of a string). What passes is handed on as the octets that were written. */
#ifndef CONF_SCAN_H
#define CONF_SCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"

/* A token longer than this is a fault. */
#define CONF_SCAN_TOKEN_MAX ((size_t)65536)

enum conf_token_kind {
    CONF_TOKEN_END,
    /* text without quotes */
    CONF_TOKEN_WORD,
    /* "text" or 'text' */
    CONF_TOKEN_STRING,
    /* = */
    CONF_TOKEN_SET,
    /* += */
    CONF_TOKEN_APPEND,
    CONF_TOKEN_COMMA,
    /* { } */
    CONF_TOKEN_OPEN,
    CONF_TOKEN_CLOSE,
    /* ( ) */
    CONF_TOKEN_CALL,
    CONF_TOKEN_CALL_END,
};

struct conf_token {
    enum conf_token_kind kind;
    /* Index into the outline's statements; the scanner leaves it 0. */
    unsigned int statement;
    /* As written, quotes included; points into the scanned text. */
    struct base_text raw;
    struct conf_where where;
};

struct conf_scanner {
    struct base_text left;
    struct conf_where where;
};

/* `text` and `file` must outlive the tokens. A byte order mark at the start is skipped. */
void conf_scanner_init(struct conf_scanner *scanner, struct base_text text, const char *file);
/* The next token, CONF_TOKEN_END at the end. False and *error_r (file and line within) on what is
 * refused; the scanner is of no use then. */
__attribute__((warn_unused_result)) bool conf_scanner_next(struct conf_scanner *scanner,
                                                           struct conf_token *token_r,
                                                           struct base_error *error_r);

/* A word or a string. */
bool conf_token_is_text(const struct conf_token *token);
/* What stands between the quotes, or the word; escapes are still there. */
struct base_text conf_token_inner(const struct conf_token *token);

#endif
