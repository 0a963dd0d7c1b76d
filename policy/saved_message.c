/* The header ends at the empty line, or before the first line that is no field (RFC 5322 section
 * 2.2: a name is printable ASCII without blanks; section 4.5: blanks may stand behind it): that
 * line is the body's first, as both MTAs have it. */
#include "policy/saved_message.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

struct reader {
    struct base_text rest;
    /* Grows in message->storage, which has room for all. */
    char *out;
};

/* The next line without its end, CRLF or LF; false at the end of the text. */
static bool next_line(struct base_text *rest, struct base_text *line_r)
{
    if (rest->length == 0)
        return false;
    *line_r = base_text_split(rest, '\n');
    if (rest->data == NULL)
        rest->length = 0;
    if (line_r->length > 0 && line_r->data[line_r->length - 1] == '\r')
        line_r->length--;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Octets of the name, and where its colon is; 0 if the line is no field. */
static size_t name_length(struct base_text line, size_t *colon_r)
{
    size_t length = 0;
    size_t colon;

    while (length < line.length && line.data[length] > ' ' && line.data[length] <= '~' &&
           line.data[length] != ':')
        length++;
    colon = length;
    while (colon < line.length && is_blank(line.data[colon]))
        colon++;
    *colon_r = colon;
    return colon < line.length && line.data[colon] == ':' ? length : 0;
}

static struct base_text copy(struct reader *reader, struct base_text text)
{
    char *start = reader->out;

    if (text.length > 0)
        memcpy(start, text.data, text.length);
    reader->out += text.length;
    return (struct base_text){start, text.length};
}

/* The value with the folded lines that follow. */
static struct base_text take_value(struct reader *reader, struct base_text first)
{
    struct base_text value = copy(reader, first);
    struct base_text ahead = reader->rest;
    struct base_text line;
    const char *nul;

    while (next_line(&ahead, &line) && line.length > 0 && is_blank(line.data[0])) {
        (void)copy(reader, BASE_TEXT("\n"));
        (void)copy(reader, line);
        reader->rest = ahead;
    }
    value.length = (size_t)(reader->out - value.data);
    *reader->out++ = '\0';
    nul = memchr(value.data, '\0', value.length);
    if (nul != NULL)
        value.length = (size_t)(nul - value.data);
    return value;
}

static void take_header(struct policy_saved_message *message, struct reader *reader)
{
    struct base_text ahead = reader->rest;
    struct policy_saved_field *field;
    struct base_text line;
    size_t capacity = 0;
    size_t length;
    size_t colon;

    while (next_line(&ahead, &line)) {
        length = name_length(line, &colon);
        if (length == 0) {
            if (line.length == 0)
                reader->rest = ahead;
            return;
        }
        reader->rest = ahead;
        if (message->field_count == capacity) {
            capacity = capacity == 0 ? 64 : capacity * 2;
            message->fields = base_mem_realloc(message->fields, capacity * sizeof(*field));
        }
        field = &message->fields[message->field_count++];
        field->name = copy(reader, (struct base_text){line.data, length});
        *reader->out++ = '\0';
        field->value =
            take_value(reader, (struct base_text){line.data + colon + 1, line.length - colon - 1});
        ahead = reader->rest;
    }
    reader->rest = ahead;
}

static void take_body(struct policy_saved_message *message, struct reader *reader)
{
    struct base_text line;
    char *start = reader->out;

    while (next_line(&reader->rest, &line)) {
        (void)copy(reader, line);
        (void)copy(reader, BASE_TEXT("\r\n"));
    }
    message->body = (struct base_text){start, (size_t)(reader->out - start)};
}

/* Takes the memory of `raw` over. */
static void parse(struct policy_saved_message *message_r, char *raw, size_t length)
{
    struct reader reader = {.rest = {raw, length}};
    struct base_text line;
    const char *lf = length == 0 ? NULL : memchr(raw, '\n', length);

    *message_r = (struct policy_saved_message){.raw = raw, .raw_length = length};
    message_r->has_lf_ends = lf != NULL && (lf == raw || lf[-1] != '\r');
    /* Even where a colon follows: Postfix takes it so, too. */
    if (base_text_starts_with(reader.rest, BASE_TEXT("From ")) && next_line(&reader.rest, &line))
        message_r->header_offset = length - reader.rest.length;
    /* Each line may gain a CR, each field two NULs for its colon, and an end for the last line. */
    message_r->storage = base_mem_alloc(2 * length + 4);
    reader.out = message_r->storage;
    take_header(message_r, &reader);
    take_body(message_r, &reader);
}

void policy_saved_message_parse(struct policy_saved_message *message_r, struct base_text text)
{
    parse(message_r, base_mem_strndup(text.length == 0 ? "" : text.data, text.length), text.length);
}

bool policy_saved_message_read(struct policy_saved_message *message_r, const char *path,
                               int standard_input, struct base_error *error_r)
{
    size_t length = 0;
    char *raw = NULL;
    bool is_read;

    if (standard_input >= 0 && strcmp(path, "-") == 0)
        is_read = base_file_read_fd(standard_input, "standard input", POLICY_SAVED_MESSAGE_MAX,
                                    &raw, &length, error_r);
    else
        is_read = base_file_read(path, POLICY_SAVED_MESSAGE_MAX, &raw, &length, error_r);
    if (!is_read)
        return false;
    if (length == 0) {
        base_error_set(error_r, "%s: empty: a message is wanted", path);
        base_mem_free(raw);
        return false;
    }
    parse(message_r, raw, length);
    return true;
}

void policy_saved_message_deinit(struct policy_saved_message *message)
{
    base_mem_free(message->raw);
    base_mem_free(message->fields);
    base_mem_free(message->storage);
    *message = (struct policy_saved_message){0};
}
