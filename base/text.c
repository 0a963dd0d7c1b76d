/* Counted text and growing buffers; see text.h. */
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"

struct base_text base_text_of(const char *text)
{
    return (struct base_text){text, text == NULL ? 0 : strlen(text)};
}

bool base_text_equals(struct base_text a, struct base_text b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.data, b.data, a.length) == 0);
}

bool base_text_equals_nocase(struct base_text a, struct base_text b)
{
    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        if (base_ascii_lower(a.data[i]) != base_ascii_lower(b.data[i]))
            return false;
    return true;
}

bool base_text_starts_with(struct base_text text, struct base_text prefix)
{
    return text.length >= prefix.length &&
           base_text_equals((struct base_text){text.data, prefix.length}, prefix);
}

bool base_text_starts_with_nocase(struct base_text text, struct base_text prefix)
{
    return text.length >= prefix.length &&
           base_text_equals_nocase((struct base_text){text.data, prefix.length}, prefix);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct base_text base_text_trim(struct base_text text)
{
    while (text.length != 0 && is_blank(text.data[0])) {
        text.data++;
        text.length--;
    }
    while (text.length != 0 && is_blank(text.data[text.length - 1]))
        text.length--;
    return text;
}

struct base_text base_text_split(struct base_text *rest, char separator)
{
    struct base_text part = *rest;
    const char *found =
        part.length == 0 ? NULL : memchr(part.data, (unsigned char)separator, part.length);

    if (found == NULL) {
        *rest = (struct base_text){NULL, 0};
        return part;
    }
    part.length = (size_t)(found - part.data);
    rest->data = found + 1;
    rest->length -= part.length + 1;
    return part;
}

bool base_text_to_uint(struct base_text text, uint64_t max, uint64_t *value_r)
{
    uint64_t value = 0;

    if (text.length == 0)
        return false;
    for (size_t i = 0; i < text.length; i++) {
        if (!base_ascii_is_digit(text.data[i]))
            return false;
        uint64_t digit = (uint64_t)(text.data[i] - '0');

        if (value > max / 10 || digit > max - value * 10)
            return false;
        value = value * 10 + digit;
    }
    *value_r = value;
    return true;
}

/* The length of the well-formed UTF-8 sequence (RFC 3629 section 4) at the start; 0 if none. */
static size_t utf8_sequence(const unsigned char *octets, size_t length)
{
    unsigned char lead = octets[0];
    unsigned char low = 0x80, high = 0xbf;
    size_t need;

    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (lead == 0xe0)
        low = 0xa0;
    if (lead == 0xed)
        high = 0x9f;
    if (lead == 0xf0)
        low = 0x90;
    if (lead == 0xf4)
        high = 0x8f;
    if (length < need || octets[1] < low || octets[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((octets[i] & 0xc0) != 0x80)
            return 0;
    return need;
}

bool base_text_is_utf8(struct base_text text)
{
    const unsigned char *octets = (const unsigned char *)text.data;

    for (size_t i = 0; i < text.length;) {
        size_t step = utf8_sequence(octets + i, text.length - i);

        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

char base_ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

bool base_ascii_is_alpha(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool base_ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

bool base_ascii_is_alnum(char c)
{
    return base_ascii_is_alpha(c) || base_ascii_is_digit(c);
}

bool base_ascii_is_print(char c)
{
    return c >= 0x20 && c <= 0x7e;
}

void base_buf_init(struct base_buf *buf, struct base_arena *arena, size_t max)
{
    *buf = (struct base_buf){
        .arena = arena,
        /* Room for the NUL and for doubling, whatever is asked. */
        .max = max > SIZE_MAX / 4 ? SIZE_MAX / 4 : max,
    };
}

void base_buf_init_fixed(struct base_buf *buf, char *storage, size_t size)
{
    *buf = (struct base_buf){
        .data = size == 0 ? NULL : storage,
        .capacity = size,
        .max = size == 0 ? 0 : size - 1,
        .is_fixed = true,
    };
    if (size != 0)
        storage[0] = '\0';
}

void base_buf_deinit(struct base_buf *buf)
{
    if (buf->arena == NULL && !buf->is_fixed)
        base_mem_free(buf->data);
    *buf = (struct base_buf){0};
}

void base_buf_clear(struct base_buf *buf)
{
    buf->length = 0;
    buf->is_over = false;
    if (buf->data != NULL)
        buf->data[0] = '\0';
}

/* Room for `more` octets and the NUL, or is_over. What does not fit whole is not appended. */
static bool reserve(struct base_buf *buf, size_t more)
{
    if (buf->is_over || more > buf->max - buf->length) {
        buf->is_over = true;
        return false;
    }
    size_t need = buf->length + more + 1;

    if (need <= buf->capacity)
        return true;
    if (buf->is_fixed) {
        buf->is_over = true;
        return false;
    }
    size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;

    while (capacity < need)
        capacity *= 2;
    if (capacity > buf->max + 1)
        capacity = buf->max + 1;
    if (buf->arena == NULL) {
        buf->data = base_mem_realloc(buf->data, capacity);
    } else {
        char *data = base_arena_alloc(buf->arena, capacity);

        if (data == NULL) {
            buf->is_over = true;
            return false;
        }
        if (buf->length != 0)
            memcpy(data, buf->data, buf->length);
        buf->data = data;
    }
    buf->capacity = capacity;
    return true;
}

void base_buf_append(struct base_buf *buf, const void *data, size_t length)
{
    if (!reserve(buf, length))
        return;
    if (length != 0)
        memcpy(buf->data + buf->length, data, length);
    buf->length += length;
    buf->data[buf->length] = '\0';
}

void base_buf_append_text(struct base_buf *buf, struct base_text text)
{
    base_buf_append(buf, text.data, text.length);
}

void base_buf_append_cstr(struct base_buf *buf, const char *text)
{
    base_buf_append(buf, text, strlen(text));
}

void base_buf_append_char(struct base_buf *buf, char c)
{
    base_buf_append(buf, &c, 1);
}

void base_buf_appendf(struct base_buf *buf, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (length < 0) {
        buf->is_over = true;
        return;
    }
    if (!reserve(buf, (size_t)length))
        return;
    va_start(args, format);
    vsnprintf(buf->data + buf->length, (size_t)length + 1, format, args);
    va_end(args);
    buf->length += (size_t)length;
}

struct base_text base_buf_text(const struct base_buf *buf)
{
    return (struct base_text){base_buf_cstr(buf), buf->length};
}

const char *base_buf_cstr(const struct base_buf *buf)
{
    return buf->data == NULL ? "" : buf->data;
}

void base_buf_append_base64(struct base_buf *buf, const void *data, size_t length)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *in = data;

    if (length > SIZE_MAX / 4 || !reserve(buf, (length + 2) / 3 * 4)) {
        buf->is_over = true;
        return;
    }
    for (size_t i = 0; i < length; i += 3) {
        size_t left = length - i;
        unsigned group = (unsigned)in[i] << 16 | (left > 1 ? (unsigned)in[i + 1] << 8 : 0) |
                         (left > 2 ? in[i + 2] : 0);
        char *out = buf->data + buf->length;

        out[0] = alphabet[group >> 18];
        out[1] = alphabet[group >> 12 & 63];
        out[2] = left > 1 ? alphabet[group >> 6 & 63] : '=';
        out[3] = left > 2 ? alphabet[group & 63] : '=';
        buf->length += 4;
    }
    buf->data[buf->length] = '\0';
}
