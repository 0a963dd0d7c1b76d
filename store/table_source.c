/* Logical lines first, joined in place where they were; then key and value within one. */
#include "store/table_source.h"

#include <string.h>

void store_table_source_init(struct store_table_source *source, char *data, size_t length)
{
    *source = (struct store_table_source){.data = data, .length = length};
}

static bool is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* The next physical line without its end. */
static struct base_text physical_line(struct store_table_source *source)
{
    const char *start = source->data + source->at;
    size_t left = source->length - source->at;
    const char *end = memchr(start, '\n', left);
    size_t length = end != NULL ? (size_t)(end - start) : left;

    source->at += end != NULL ? length + 1 : length;
    source->line++;
    return (struct base_text){start, length};
}

static bool is_comment_or_blank(struct base_text line)
{
    size_t i = 0;

    while (i < line.length && is_space(line.data[i]))
        i++;
    return i == line.length || line.data[i] == '#';
}

/* White space goes on; a comment stands between without ending anything. */
static bool does_go_on(const struct store_table_source *source)
{
    return source->at < source->length &&
           (source->data[source->at] == '#' || is_space(source->data[source->at]));
}

/* The logical line, moved together at the place of its first; empty at the end of the text. */
static struct base_text logical_line(struct store_table_source *source, unsigned *line_r)
{
    char *joined = NULL;
    size_t length = 0;

    while (source->at < source->length) {
        struct base_text line = physical_line(source);

        if (!is_comment_or_blank(line)) {
            if (joined == NULL) {
                joined = (char *)line.data;
                *line_r = source->line;
            } else {
                memmove(joined + length, line.data, line.length);
            }
            length += line.length;
        }
        if (joined != NULL && !does_go_on(source))
            break;
    }
    return (struct base_text){joined, length};
}

/* Up to the first white space outside quotes; a backslash takes the next octet with it. */
static size_t key_length(struct base_text line, bool *is_quoted_r)
{
    size_t i = 0;

    *is_quoted_r = false;
    for (; i < line.length; i++) {
        char c = line.data[i];

        if (c == '\\') {
            if (++i == line.length)
                break;
        } else if (c == '"') {
            *is_quoted_r = !*is_quoted_r;
        } else if (is_space(c) && !*is_quoted_r) {
            break;
        }
    }
    return i;
}

static const char *split_line(struct base_text line, struct store_table_entry *entry)
{
    size_t end = line.length;
    bool is_open;
    size_t length;
    size_t value;

    if (memchr(line.data, '\0', line.length) != NULL)
        return "a NUL: is this a compiled map?";
    if (is_space(line.data[0]))
        return "white space begins the first line of an entry";
    if (!base_text_is_utf8(line))
        return "not UTF-8";
    length = key_length(line, &is_open);
    if (is_open)
        return "a quote without an end";
    for (value = length; value < end && is_space(line.data[value]);)
        value++;
    while (end > value && is_space(line.data[end - 1]))
        end--;
    if (value == end)
        return "a key without a value";
    entry->key = (char *)line.data;
    entry->key_length = length;
    entry->value = (char *)line.data + value;
    entry->value_length = end - value;
    if (entry->key[length - 1] == ':')
        entry->doubt = "the key ends in a colon: is this a file of aliases?";
    return NULL;
}

bool store_table_source_next(struct store_table_source *source, struct store_table_entry *entry_r)
{
    struct base_text line;

    *entry_r = (struct store_table_entry){.line = 0};
    line = logical_line(source, &entry_r->line);
    if (line.data == NULL)
        return false;
    entry_r->fault = split_line(line, entry_r);
    return true;
}
