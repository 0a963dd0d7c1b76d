/* The line protocol of the control socket, both ends.
 *
 *   request = word *(1*SP word) LF             at most BASE_CONTROL_LINE_MAX octets with its LF
 *   word    = 1*plain / DQUOTE *(char / "\" DQUOTE / "\" "\") DQUOTE
 *   answer  = *(result LF) last LF
 *
 * plain is a printable character of UTF-8 other than SP, DQUOTE and "\"; char is SP as well. A CR
 * before LF is taken off. result and last are JSON objects: last has the member "ok", which no
 * result has, and, where that is false, "code" (a word) and "error" (a text for people). */
#ifndef BASE_CONTROL_LINE_H
#define BASE_CONTROL_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

#define BASE_CONTROL_LINE_MAX  4096
#define BASE_CONTROL_WORDS_MAX 16

/* A request taken apart; self-contained but for the pointers into itself: not to be copied. */
struct base_control_request {
    size_t count;
    /* NUL-terminated, quotes and escapes undone. */
    struct base_text words[BASE_CONTROL_WORDS_MAX];
    char storage[BASE_CONTROL_LINE_MAX + BASE_CONTROL_WORDS_MAX];
};

/* `line` without its LF. False and *fault_r (static words): not of the grammar above. At least one
 * word is there otherwise. */
__attribute__((warn_unused_result)) bool base_control_line_parse(
    struct base_text line, struct base_control_request *request_r, const char **fault_r);

/* *copy_r is the same request, on its own. */
void base_control_request_copy(const struct base_control_request *request,
                               struct base_control_request *copy_r);

/* Whether the grammar can say this word at all. */
bool base_control_line_is_word(struct base_text word);
/* Appends it, in quotes where they are needed. */
void base_control_line_append_word(struct base_buf *out, struct base_text word);

#endif
