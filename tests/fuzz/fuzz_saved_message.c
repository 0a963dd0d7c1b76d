/* tool/message_file: whatever a file holds, what comes out of it is what an MTA could have handed
 * over: names of printable octets, values without NUL whose folds begin with a blank, a body of
 * whole lines. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "policy/saved_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool is_true)
{
    if (!is_true)
        abort();
}

static void check_field(const struct policy_saved_field *field)
{
    must(field->name.length > 0);
    for (size_t i = 0; i < field->name.length; i++)
        must(field->name.data[i] > ' ' && field->name.data[i] <= '~' && field->name.data[i] != ':');
    for (size_t i = 0; i < field->value.length; i++) {
        char c = field->value.data[i];

        must(c != '\0');
        if (c == '\n' && i + 1 < field->value.length)
            must(field->value.data[i + 1] == ' ' || field->value.data[i + 1] == '\t');
    }
    must(field->value.data[field->value.length] == '\0');
}

static void check_body(struct base_text body)
{
    must(body.length != 1);
    for (size_t i = 0; i < body.length; i++) {
        if (body.data[i] == '\n')
            must(i > 0 && body.data[i - 1] == '\r');
    }
    if (body.length > 0)
        must(body.data[body.length - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct policy_saved_message message;

    policy_saved_message_parse(&message, (struct base_text){(const char *)data, size});
    must(message.raw_length == size && message.header_offset <= size);
    must(size == 0 || memcmp(message.raw, data, size) == 0);
    for (size_t i = 0; i < message.field_count; i++)
        check_field(&message.fields[i]);
    check_body(message.body);
    policy_saved_message_deinit(&message);
    return 0;
}
