#include "dns/zone_lexer.h"

#include "base/mem.h"

/* A TXT record of nothing but empty strings has 65,535 of them. */
#define TOKENS_MAX 65600

void dns_zone_lexer_init(struct dns_zone_lexer *lexer, const char *file, struct base_text text)
{
    *lexer = (struct dns_zone_lexer){.file = file, .text = text, .line = 1};
}

void dns_zone_entry_deinit(struct dns_zone_entry *entry)
{
    base_mem_free(entry->tokens);
    *entry = (struct dns_zone_entry){0};
}

/* The octet under the cursor, or -1 at the end. */
static int lexer_peek(const struct dns_zone_lexer *lexer)
{
    if (lexer->at >= lexer->text.length)
        return -1;
    return (unsigned char)lexer->text.data[lexer->at];
}

static enum dns_zone_lexed lexer_fault(const struct dns_zone_lexer *lexer, unsigned line,
                                       const char *text, struct base_error *error_r)
{
    base_error_set(error_r, "%s:%u: %s", lexer->file, line, text);
    return DNS_ZONE_LEXED_FAULT;
}

static bool entry_add(struct dns_zone_entry *entry, struct dns_zone_token token)
{
    if (entry->count >= TOKENS_MAX)
        return false;
    if (entry->count == entry->capacity) {
        entry->capacity = entry->capacity == 0 ? 16 : 2 * entry->capacity;
        entry->tokens = base_mem_realloc(entry->tokens, entry->capacity * sizeof(entry->tokens[0]));
    }
    entry->tokens[entry->count++] = token;
    return true;
}

static bool ends_bare_token(int c)
{
    switch (c) {
    case -1:
    case ' ':
    case '\t':
    case '\r':
    case '\n':
    case ';':
    case '(':
    case ')':
    case '"':
        return true;
    default:
        return false;
    }
}

/* Steps over one octet, or over a backslash and the octet behind it. */
static bool lexer_step(struct dns_zone_lexer *lexer)
{
    if (lexer_peek(lexer) == '\\') {
        lexer->at++;
        if (lexer_peek(lexer) == -1 || lexer_peek(lexer) == '\n')
            return false;
    }
    lexer->at++;
    return true;
}

static enum dns_zone_lexed lexer_token(struct dns_zone_lexer *lexer, struct dns_zone_entry *entry,
                                       struct base_error *error_r)
{
    struct dns_zone_token token = {.is_quoted = lexer_peek(lexer) == '"', .line = lexer->line};
    size_t start = lexer->at += token.is_quoted ? 1 : 0;

    for (;;) {
        int c = lexer_peek(lexer);

        if (token.is_quoted ? c == '"' : ends_bare_token(c))
            break;
        if (c == '\n' || c == -1)
            return lexer_fault(lexer, lexer->line,
                               "a quoted string does not end on its line: put the missing \" (a "
                               "long text is several strings in parentheses)",
                               error_r);
        if (!lexer_step(lexer))
            return lexer_fault(lexer, lexer->line,
                               "a backslash at the end of the line: write \\\\ for a backslash, "
                               "and parentheses to go on in the next line",
                               error_r);
    }
    token.raw = (struct base_text){lexer->text.data + start, lexer->at - start};
    lexer->at += token.is_quoted ? 1 : 0;
    if (!entry_add(entry, token))
        return lexer_fault(lexer, lexer->line,
                           "more than 65,600 words in one entry: is a closing parenthesis missing?",
                           error_r);
    return DNS_ZONE_LEXED_ENTRY;
}

static bool lexer_parenthesis(struct dns_zone_lexer *lexer, int c)
{
    if (c == '(') {
        if (lexer->depth++ == 0)
            lexer->depth_line = lexer->line;
    } else if (lexer->depth-- == 0) {
        return false;
    }
    lexer->at++;
    return true;
}

static void lexer_skip_comment(struct dns_zone_lexer *lexer)
{
    while (lexer_peek(lexer) != '\n' && lexer_peek(lexer) != -1)
        lexer->at++;
}

/* At the end of a line outside parentheses. */
static void lexer_newline(struct dns_zone_lexer *lexer, struct dns_zone_entry *entry)
{
    lexer->at++;
    lexer->line++;
    if (entry->count == 0 && lexer->depth == 0)
        entry->is_indented = lexer_peek(lexer) == ' ' || lexer_peek(lexer) == '\t';
}

static enum dns_zone_lexed lexer_end(const struct dns_zone_lexer *lexer,
                                     const struct dns_zone_entry *entry, struct base_error *error_r)
{
    if (lexer->depth > 0)
        return lexer_fault(lexer, lexer->depth_line,
                           "a parenthesis is opened here and never closed: put the missing )",
                           error_r);
    return entry->count > 0 ? DNS_ZONE_LEXED_ENTRY : DNS_ZONE_LEXED_END;
}

enum dns_zone_lexed dns_zone_lexer_next(struct dns_zone_lexer *lexer, struct dns_zone_entry *entry,
                                        struct base_error *error_r)
{
    entry->count = 0;
    entry->is_indented = lexer_peek(lexer) == ' ' || lexer_peek(lexer) == '\t';
    for (;;) {
        int c = lexer_peek(lexer);

        switch (c) {
        case -1:
            return lexer_end(lexer, entry, error_r);
        case '\n':
            lexer_newline(lexer, entry);
            if (entry->count > 0 && lexer->depth == 0)
                return DNS_ZONE_LEXED_ENTRY;
            break;
        case ' ':
        case '\t':
        case '\r':
            lexer->at++;
            break;
        case ';':
            lexer_skip_comment(lexer);
            break;
        case '(':
        case ')':
            if (!lexer_parenthesis(lexer, c))
                return lexer_fault(lexer, lexer->line,
                                   "a closing parenthesis without an opening one: take it away, or "
                                   "write \\) for the octet itself",
                                   error_r);
            break;
        default:
            if (lexer_token(lexer, entry, error_r) == DNS_ZONE_LEXED_FAULT)
                return DNS_ZONE_LEXED_FAULT;
            break;
        }
    }
}
