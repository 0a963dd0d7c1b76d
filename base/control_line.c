#include "base/control_line.h"

#include <string.h>

/* A cursor with a sticky error. */
struct cursor {
    struct base_text rest;
    struct base_control_request *request;
    size_t used;
    const char *fault;
};

static void fail(struct cursor *cursor, const char *fault)
{
    if (cursor->fault == NULL)
        cursor->fault = fault;
    cursor->rest.length = 0;
}

static char take(struct cursor *cursor)
{
    char c = cursor->rest.data[0];

    cursor->rest.data++;
    cursor->rest.length--;
    return c;
}

static bool is_at(const struct cursor *cursor, char c)
{
    return cursor->rest.length > 0 && cursor->rest.data[0] == c;
}

/* The words are never longer than the line they came from, and a NUL each. */
static void put(struct cursor *cursor, char c)
{
    cursor->request->storage[cursor->used++] = c;
}

static void take_plain(struct cursor *cursor)
{
    while (cursor->rest.length > 0 && !is_at(cursor, ' ')) {
        if (is_at(cursor, '"') || is_at(cursor, '\\')) {
            fail(cursor, "a quote or backslash inside a word: put the whole word in quotes");
            return;
        }
        put(cursor, take(cursor));
    }
}

static void take_quoted(struct cursor *cursor)
{
    (void)take(cursor);
    while (cursor->rest.length > 0 && !is_at(cursor, '"')) {
        char c = take(cursor);

        if (c == '\\') {
            if (!is_at(cursor, '"') && !is_at(cursor, '\\')) {
                fail(cursor, "a backslash in quotes stands before a quote or a backslash");
                return;
            }
            c = take(cursor);
        }
        put(cursor, c);
    }
    if (cursor->rest.length == 0) {
        fail(cursor, "the closing quote is missing");
        return;
    }
    (void)take(cursor);
    if (cursor->rest.length > 0 && !is_at(cursor, ' '))
        fail(cursor, "a blank is missing behind the closing quote");
}

static void take_word(struct cursor *cursor)
{
    struct base_control_request *request = cursor->request;
    size_t begin = cursor->used;

    if (request->count == BASE_CONTROL_WORDS_MAX) {
        fail(cursor, "too many words");
        return;
    }
    if (is_at(cursor, '"'))
        take_quoted(cursor);
    else
        take_plain(cursor);
    if (cursor->fault != NULL)
        return;
    request->words[request->count++] =
        (struct base_text){request->storage + begin, cursor->used - begin};
    put(cursor, '\0');
}

bool base_control_line_is_word(struct base_text word)
{
    for (size_t i = 0; i < word.length; i++) {
        unsigned char c = (unsigned char)word.data[i];

        if (c < 0x20 || c == 0x7f)
            return false;
    }
    return base_text_is_utf8(word);
}

bool base_control_line_parse(struct base_text line, struct base_control_request *request_r,
                             const char **fault_r)
{
    struct cursor cursor = {.request = request_r};

    if (line.length > 0 && line.data[line.length - 1] == '\r')
        line.length--;
    cursor.rest = line;
    memset(request_r, 0, sizeof(*request_r));
    if (line.length >= BASE_CONTROL_LINE_MAX)
        fail(&cursor, "the line is too long");
    else if (!base_control_line_is_word(line))
        fail(&cursor, "not a line of printable UTF-8");
    while (cursor.rest.length > 0) {
        if (is_at(&cursor, ' '))
            (void)take(&cursor);
        else
            take_word(&cursor);
    }
    if (cursor.fault == NULL && request_r->count == 0)
        cursor.fault = "an empty line";
    *fault_r = cursor.fault;
    return cursor.fault == NULL;
}

void base_control_request_copy(const struct base_control_request *request,
                               struct base_control_request *copy_r)
{
    copy_r->count = request->count;
    memcpy(copy_r->storage, request->storage, sizeof(copy_r->storage));
    for (size_t i = 0; i < request->count; i++)
        copy_r->words[i] =
            (struct base_text){copy_r->storage + (request->words[i].data - request->storage),
                               request->words[i].length};
}

static bool is_plain(struct base_text word)
{
    for (size_t i = 0; i < word.length; i++)
        if (strchr(" \"\\", word.data[i]) != NULL)
            return false;
    return word.length > 0;
}

void base_control_line_append_word(struct base_buf *out, struct base_text word)
{
    if (is_plain(word)) {
        base_buf_append_text(out, word);
        return;
    }
    base_buf_append_char(out, '"');
    for (size_t i = 0; i < word.length; i++) {
        if (word.data[i] == '"' || word.data[i] == '\\')
            base_buf_append_char(out, '\\');
        base_buf_append_char(out, word.data[i]);
    }
    base_buf_append_char(out, '"');
}
