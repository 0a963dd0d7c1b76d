/* RFC 6376 sections 3.2 and 3.5: folding white space may stand around "=", ";", the colons of h=,
 * and anywhere in base64. */
#include "policy/dkim/tags.h"

#include <string.h>

/* RFC 5322 section 2.1.1: lines SHOULD be no more than 78 characters. */
#define LINE_MAX 76
/* A tab counts as the one octet that it is. */
#define FOLD "\n\t"

void dkim_tags_begin(struct dkim_tags *tags, struct base_buf *out, size_t column)
{
    tags->out = out;
    tags->column = column;
}

static void tags_fold(struct dkim_tags *tags)
{
    base_buf_append(tags->out, FOLD, sizeof(FOLD) - 1);
    tags->column = 1;
}

static void tags_append(struct dkim_tags *tags, const char *data, size_t length)
{
    base_buf_append(tags->out, data, length);
    tags->column += length;
}

/* A blank before the tag, or a new line if `length` more octets do not fit. */
static void tags_separate(struct dkim_tags *tags, size_t length)
{
    if (tags->column + 1 + length > LINE_MAX && tags->column > 1)
        tags_fold(tags);
    else
        tags_append(tags, " ", 1);
}

void dkim_tags_add(struct dkim_tags *tags, const char *name, struct base_text value)
{
    size_t name_length = strlen(name);

    tags_separate(tags, name_length + 1 + value.length + 1);
    tags_append(tags, name, name_length);
    tags_append(tags, "=", 1);
    tags_append(tags, value.data, value.length);
    tags_append(tags, ";", 1);
}

void dkim_tags_add_uint(struct dkim_tags *tags, const char *name, uint64_t value)
{
    char digits[20];
    size_t at = sizeof(digits);

    do {
        digits[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    dkim_tags_add(tags, name, (struct base_text){digits + at, sizeof(digits) - at});
}

void dkim_tags_add_names(struct dkim_tags *tags, const char *name, const struct base_text *items,
                         size_t count)
{
    size_t first = count > 0 ? items[0].length : 0;

    tags_separate(tags, strlen(name) + 1 + first + 1);
    tags_append(tags, name, strlen(name));
    tags_append(tags, "=", 1);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && tags->column + items[i].length + 1 > LINE_MAX)
            tags_fold(tags);
        tags_append(tags, items[i].data, items[i].length);
        tags_append(tags, i + 1 < count ? ":" : ";", 1);
    }
}

void dkim_tags_open(struct dkim_tags *tags, const char *name)
{
    tags_separate(tags, strlen(name) + 1);
    tags_append(tags, name, strlen(name));
    tags_append(tags, "=", 1);
}

void dkim_tags_add_base64(struct dkim_tags *tags, struct base_text base64)
{
    while (base64.length > 0) {
        size_t room = tags->column < LINE_MAX ? LINE_MAX - tags->column : 0;
        size_t length = base64.length < room ? base64.length : room;

        tags_append(tags, base64.data, length);
        base64.data += length;
        base64.length -= length;
        if (base64.length > 0)
            tags_fold(tags);
    }
}
