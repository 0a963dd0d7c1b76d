/* The words of a master file (RFC 1035 section 5.1): entries, which parentheses may stretch over
 * several lines, made of tokens. Escapes stay as they are written; dns/zone_fields.h reads them. */
#ifndef DNS_ZONE_LEXER_H
#define DNS_ZONE_LEXER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

struct dns_zone_token {
    /* Between the quotes if it is quoted; part of the file's text. */
    struct base_text raw;
    bool is_quoted;
    unsigned line;
};

struct dns_zone_entry {
    struct dns_zone_token *tokens;
    size_t count;
    size_t capacity;
    /* It begins with a blank: the owner is left out. */
    bool is_indented;
};

struct dns_zone_lexer {
    /* Stands for the file in errors. */
    const char *file;
    struct base_text text;
    size_t at;
    unsigned line;
    unsigned depth;
    unsigned depth_line;
};

enum dns_zone_lexed {
    DNS_ZONE_LEXED_ENTRY,
    DNS_ZONE_LEXED_END,
    DNS_ZONE_LEXED_FAULT,
};

/* `file` and `text` are borrowed. */
void dns_zone_lexer_init(struct dns_zone_lexer *lexer, const char *file, struct base_text text);
/* The next entry that has a token. `entry` starts zeroed and is used again and again; its tokens
 * point into the text. *error_r is written on a fault only. */
__attribute__((warn_unused_result)) enum dns_zone_lexed dns_zone_lexer_next(
    struct dns_zone_lexer *lexer, struct dns_zone_entry *entry, struct base_error *error_r);
/* Frees the entry's memory. */
void dns_zone_entry_deinit(struct dns_zone_entry *entry);

#endif
