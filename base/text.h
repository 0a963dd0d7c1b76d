/* Counted text (not owned, NUL possible inside) and a growing buffer with a cap and a sticky
 * overflow mark: append as much as you like, ask once. */
#ifndef BASE_TEXT_H
#define BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct base_arena;

/* Octets that somebody else owns. */
struct base_text {
    const char *data;
    size_t length;
};

#define BASE_TEXT(literal) ((struct base_text){(literal), sizeof(literal) - 1})

/* strlen()'s length; NULL gives an empty text. */
struct base_text base_text_of(const char *text);
bool base_text_equals(struct base_text a, struct base_text b);
/* ASCII letters only; the locale plays no part, here and below. */
bool base_text_equals_nocase(struct base_text a, struct base_text b);
bool base_text_starts_with(struct base_text text, struct base_text prefix);
bool base_text_starts_with_nocase(struct base_text text, struct base_text prefix);
/* The text without blanks (space, tab, CR, LF) at both ends. */
struct base_text base_text_trim(struct base_text text);
/* Splits at the first `separator`: the part before it is returned, *rest becomes the part after
 * it, or {NULL, 0} when there was none. Call while rest->data != NULL. */
struct base_text base_text_split(struct base_text *rest, char separator);
/* Decimal digits only, no sign, no blank, not empty, at most `max`. */
bool base_text_to_uint(struct base_text text, uint64_t max, uint64_t *value_r);
/* Well-formed UTF-8 (RFC 3629) from end to end; NUL is a character like others. */
bool base_text_is_utf8(struct base_text text);

char base_ascii_lower(char c);
bool base_ascii_is_alpha(char c);
bool base_ascii_is_digit(char c);
bool base_ascii_is_alnum(char c);
/* 0x20 to 0x7e */
bool base_ascii_is_print(char c);

/* A growing buffer in an arena, or on the heap when `arena` is NULL. `data` is always followed by a
 * NUL once anything was appended. What would pass `max` octets, or the arena's cap, is not
 * appended, not even in part, and nothing after it; is_over stays true until base_buf_clear(). */
struct base_buf {
    char *data;
    size_t length;
    size_t capacity;
    size_t max;
    struct base_arena *arena;
    bool is_fixed;
    bool is_over;
};

/* `max`: octets at most, the NUL not counted. Takes no memory yet. */
void base_buf_init(struct base_buf *buf, struct base_arena *arena, size_t max);
/* Over the caller's storage of `size` octets (the NUL included); it never grows. */
void base_buf_init_fixed(struct base_buf *buf, char *storage, size_t size);
/* Frees heap memory (an arena keeps its own); the buffer may be initialised again. */
void base_buf_deinit(struct base_buf *buf);
/* Empties it, keeps the memory. */
void base_buf_clear(struct base_buf *buf);
void base_buf_append(struct base_buf *buf, const void *data, size_t length);
void base_buf_append_text(struct base_buf *buf, struct base_text text);
void base_buf_append_cstr(struct base_buf *buf, const char *text);
void base_buf_append_char(struct base_buf *buf, char c);
void base_buf_appendf(struct base_buf *buf, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct base_text base_buf_text(const struct base_buf *buf);
/* The NUL-terminated content, "" when empty. Valid until the next append, clear or deinit. */
const char *base_buf_cstr(const struct base_buf *buf);

/* Standard base64 (RFC 4648 section 4), without line breaks. */
void base_buf_append_base64(struct base_buf *buf, const void *data, size_t length);

#endif
