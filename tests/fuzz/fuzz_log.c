/* base/log: whatever a value holds, the line that is made of it says so when it is read back, and
 * no more than that; and whatever a line holds, reading it does no harm. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES 3

struct reader {
    struct base_text want[VALUES];
    size_t count;
};

static const char *const keys[VALUES] = {"id", "from-1", "mail_from"};

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

/* Text that is not UTF-8 is not written as it is: see append_escaped() in base/log.c. */
static bool is_same(struct base_text got, struct base_text want)
{
    if (base_text_is_utf8(want))
        return base_text_equals(got, want);
    for (size_t i = 0; i < want.length; i++) {
        if (base_text_starts_with(got, BASE_TEXT("\xef\xbf\xbd")) &&
            (unsigned char)want.data[i] >= 0x80) {
            got.data += 3;
            got.length -= 3;
        } else if (got.length != 0 && got.data[0] == want.data[i]) {
            got.data++;
            got.length--;
        } else {
            return false;
        }
    }
    return got.length == 0;
}

static bool compare(void *context, struct base_text key, struct base_text value)
{
    struct reader *reader = context;

    must(reader->count < VALUES);
    must(base_text_equals(key, base_text_of(keys[reader->count])));
    must(is_same(value, reader->want[reader->count]));
    reader->count++;
    return true;
}

static bool count_members(void *context, struct base_text key, struct base_text value)
{
    size_t *count = context;

    must(key.length != 0 && (value.length == 0 || value.data != NULL));
    (*count)++;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text rest = {(const char *)data, size};
    struct reader reader = {0};
    struct base_log_line line;
    size_t members = 0;

    (void)base_log_line_parse(rest, count_members, &members);

    base_log_line_begin(&line);
    for (size_t i = 0; i < VALUES; i++) {
        reader.want[i] = base_text_split(&rest, '|');
        base_log_line_add(&line, keys[i], reader.want[i]);
    }
    if (line.text.is_over)
        /* Something was left out: what is there must be readable all the same. */
        must(line.text.length == 0 ||
             base_log_line_parse(base_buf_text(&line.text), count_members, &members));
    else
        must(base_log_line_parse(base_buf_text(&line.text), compare, &reader) &&
             reader.count == VALUES);
    for (size_t i = 0; i < line.text.length; i++)
        must(base_ascii_is_print(line.text.data[i]));
    return 0;
}
