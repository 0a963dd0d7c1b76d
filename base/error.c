/* Texts for the operator; see error.h. */
#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* C0, DEL, and C1 as UTF-8 writes it: each moves a terminal's cursor or worse. */
static void replace_controls(char *text)
{
    unsigned char *from = (unsigned char *)text;
    unsigned char *to = from;

    while (*from != '\0') {
        if (from[0] == 0xc2 && from[1] >= 0x80 && from[1] <= 0x9f) {
            *to++ = '?';
            from += 2;
        } else {
            *to++ = *from < 0x20 || *from == 0x7f ? '?' : *from;
            from++;
        }
    }
    *to = '\0';
}

/* `length` is what the whole text would have needed. */
static void mark_cut(struct base_error *error, size_t length)
{
    size_t end = sizeof(error->text) - sizeof("...");

    if (length < sizeof(error->text))
        return;
    /* Not within a UTF-8 sequence. */
    while (end > 0 && ((unsigned char)error->text[end] & 0xc0) == 0x80)
        end--;
    memcpy(error->text + end, "...", sizeof("..."));
}

static size_t format_text(struct base_error *error, const char *format, va_list args)
{
    int length = vsnprintf(error->text, sizeof(error->text), format, args);

    if (length < 0) {
        error->text[0] = '\0';
        return 0;
    }
    return (size_t)length;
}

void base_error_set(struct base_error *error_r, const char *format, ...)
{
    /* Arguments may point into *error_r. */
    struct base_error made;
    va_list args;

    if (error_r == NULL)
        return;
    va_start(args, format);
    mark_cut(&made, format_text(&made, format, args));
    va_end(args);
    replace_controls(made.text);
    memcpy(error_r->text, made.text, strlen(made.text) + 1);
}

void base_error_prefix(struct base_error *error_r, const char *format, ...)
{
    struct base_error prefix;
    va_list args;

    if (error_r == NULL)
        return;
    va_start(args, format);
    mark_cut(&prefix, format_text(&prefix, format, args));
    va_end(args);
    base_error_set(error_r, "%s: %s", prefix.text, error_r->text);
}
