#include "conf/scan.h"

#include <stdio.h>
#include <string.h>

#include "conf/guard.h"

/* What ends a word, exactly as in libConfuse's lexer: what is fed to it must fall apart in the same
 * places. */
static const char word_ends[] = " \t\r\n#\"'{}()+,*=";

void conf_scanner_init(struct conf_scanner *scanner, struct base_text text, const char *file)
{
    if (base_text_starts_with(text, BASE_TEXT("\xef\xbb\xbf"))) {
        text.data += 3;
        text.length -= 3;
    }
    scanner->left = text;
    scanner->where.file = file;
    scanner->where.line = 1;
}

static int peek(const struct conf_scanner *scanner, size_t at)
{
    return at < scanner->left.length ? (unsigned char)scanner->left.data[at] : EOF;
}

static void skip(struct conf_scanner *scanner, size_t length)
{
    scanner->left.data += length;
    scanner->left.length -= length;
}

static void skip_line(struct conf_scanner *scanner)
{
    while (peek(scanner, 0) != EOF && peek(scanner, 0) != '\n')
        skip(scanner, 1);
}

/* Behind the opening of a C comment. */
static bool skip_comment(struct conf_scanner *scanner, struct base_error *error_r)
{
    struct conf_where opened = scanner->where;
    skip(scanner, 2);
    while (!(peek(scanner, 0) == '*' && peek(scanner, 1) == '/')) {
        if (peek(scanner, 0) == EOF) {
            conf_error_at(error_r, opened, "the comment that opens here has no end: add */");
            return false;
        }
        if (peek(scanner, 0) == '\n')
            scanner->where.line++;
        skip(scanner, 1);
    }
    skip(scanner, 2);
    return true;
}

/* Blanks, ends of lines, comments. */
static bool skip_blanks(struct conf_scanner *scanner, struct base_error *error_r)
{
    for (;;) {
        int c = peek(scanner, 0);
        int next = peek(scanner, 1);
        if (c == '#' || (c == '/' && next == '/')) {
            skip_line(scanner);
        } else if (c == '/' && next == '*') {
            if (!skip_comment(scanner, error_r))
                return false;
        } else if (c == ' ' || c == '\t' || (c == '\r' && next == '\n')) {
            skip(scanner, 1);
        } else if (c == '\n') {
            scanner->where.line++;
            skip(scanner, 1);
        } else {
            return true;
        }
    }
}

/* A backslash in double quotes. libConfuse knows more, and drops the backslash before what it does
 * not know; only what means the same to everybody passes. */
static bool check_escape(const struct conf_scanner *scanner, int c, struct base_error *error_r)
{
    if (c == '\\' || c == '"')
        return true;
    if (c == EOF || c == '\n' || c == '\r')
        conf_error_at(error_r, scanner->where,
                      "a line does not go on behind a backslash: close "
                      "the quotes on the line that opens them");
    else if (base_ascii_is_digit((char)c) || strchr("abefnrtvx", c) != NULL)
        conf_error_at(error_r, scanner->where,
                      "\"\\%c\": a value cannot hold control characters, and has no numbers for "
                      "others; for a backslash write \"\\\\\"",
                      c);
    else
        conf_error_at(error_r, scanner->where,
                      "\"\\%c\" is no escape: write \"\\\\\" for a backslash, \"\\\"\" for a "
                      "quote",
                      c < 0x80 ? c : '?');
    return false;
}

/* Length of the quoted string, quotes included; 0 and *error_r on a fault. */
static size_t string_length(const struct conf_scanner *scanner, struct base_error *error_r)
{
    int quote = peek(scanner, 0);
    for (size_t at = 1;; at++) {
        int c = peek(scanner, at);
        if (c == quote)
            return at + 1;
        if (c == EOF || c == '\n') {
            conf_error_at(error_r, scanner->where,
                          "the %s that opens here is not closed on its "
                          "line: add %c",
                          quote == '"' ? "double quote" : "single quote", quote);
            return 0;
        }
        if (c != '\\')
            continue;
        int next = peek(scanner, at + 1);
        if (quote == '"' && !check_escape(scanner, next, error_r))
            return 0;
        /* In single quotes a backslash is itself, but for these two. */
        if (quote == '"' || next == '\'' || next == '\\')
            at++;
    }
}

static size_t word_length(const struct conf_scanner *scanner)
{
    size_t at = 0;
    while (peek(scanner, at) != EOF && strchr(word_ends, peek(scanner, at)) == NULL)
        at++;
    return at;
}

/* Cuts `length` octets off as a token, if a value may hold them. */
static bool take(struct conf_scanner *scanner, enum conf_token_kind kind, size_t length,
                 struct conf_token *token_r, struct base_error *error_r)
{
    token_r->kind = kind;
    token_r->statement = 0;
    token_r->raw = (struct base_text){scanner->left.data, length};
    token_r->where = scanner->where;
    skip(scanner, length);
    if (length > CONF_SCAN_TOKEN_MAX) {
        conf_error_at(error_r, token_r->where,
                      "a value of %zu octets: at most %zu; a long list goes into a file of its "
                      "own (\"file:/path\")",
                      length, CONF_SCAN_TOKEN_MAX);
        return false;
    }
    struct base_error fault;
    if (conf_token_is_text(token_r) && !conf_guard_text(conf_token_inner(token_r), &fault)) {
        conf_error_at(error_r, token_r->where, "%s", fault.text);
        return false;
    }
    return true;
}

static bool take_word(struct conf_scanner *scanner, struct conf_token *token_r,
                      struct base_error *error_r)
{
    size_t length = word_length(scanner);
    int next = peek(scanner, length);
    if (length == 0) {
        int c = peek(scanner, 0);
        if (c == '\r')
            conf_error_at(error_r, scanner->where,
                          "a carriage return without a line feed: save "
                          "the file with the line ends of Unix");
        else
            conf_error_at(error_r, scanner->where,
                          "'%c' outside quotes: put the whole value into double quotes", c);
        return false;
    }
    if (memchr(scanner->left.data, ';', length) != NULL) {
        conf_error_at(error_r, scanner->where,
                      "';' outside quotes: statements end without one; "
                      "put a value that holds it into double quotes");
        return false;
    }
    /* "$(" would fall apart into a word and a parenthesis: name it for what it is. */
    if (next == '(' && scanner->left.data[length - 1] == '$')
        length++;
    else if (next == '{' && scanner->left.data[length - 1] == '$')
        length++;
    return take(scanner, CONF_TOKEN_WORD, length, token_r, error_r);
}

bool conf_scanner_next(struct conf_scanner *scanner, struct conf_token *token_r,
                       struct base_error *error_r)
{
    if (!skip_blanks(scanner, error_r))
        return false;
    size_t length;
    switch (peek(scanner, 0)) {
    case EOF:
        return take(scanner, CONF_TOKEN_END, 0, token_r, error_r);
    case '{':
        return take(scanner, CONF_TOKEN_OPEN, 1, token_r, error_r);
    case '}':
        return take(scanner, CONF_TOKEN_CLOSE, 1, token_r, error_r);
    case '(':
        return take(scanner, CONF_TOKEN_CALL, 1, token_r, error_r);
    case ')':
        return take(scanner, CONF_TOKEN_CALL_END, 1, token_r, error_r);
    case ',':
        return take(scanner, CONF_TOKEN_COMMA, 1, token_r, error_r);
    case '=':
        return take(scanner, CONF_TOKEN_SET, 1, token_r, error_r);
    case '"':
    case '\'':
        length = string_length(scanner, error_r);
        return length > 0 && take(scanner, CONF_TOKEN_STRING, length, token_r, error_r);
    case '+':
        if (peek(scanner, 1) == '=')
            return take(scanner, CONF_TOKEN_APPEND, 2, token_r, error_r);
        break;
    default:
        break;
    }
    return take_word(scanner, token_r, error_r);
}

bool conf_token_is_text(const struct conf_token *token)
{
    return token->kind == CONF_TOKEN_WORD || token->kind == CONF_TOKEN_STRING;
}

struct base_text conf_token_inner(const struct conf_token *token)
{
    struct base_text inner = token->raw;
    if (token->kind == CONF_TOKEN_STRING) {
        inner.data++;
        inner.length -= 2;
    }
    return inner;
}
