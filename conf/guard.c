/* UTF-8 as RFC 3629 section 4 has it: no overlong forms, no surrogates, nothing past U+10FFFF. */
#include "conf/guard.h"

#include <stddef.h>
#include <stdint.h>

/* A row of the table in RFC 3629 section 4: the first octet, how many follow, and the bounds of
 * the second; all others are 80 to BF. */
struct utf8_row {
    unsigned char first_min;
    unsigned char first_max;
    unsigned char length;
    unsigned char second_min;
    unsigned char second_max;
};

static const struct utf8_row utf8_rows[] = {
    {0xc2, 0xdf, 2, 0x80, 0xbf}, {0xe0, 0xe0, 3, 0xa0, 0xbf}, {0xe1, 0xec, 3, 0x80, 0xbf},
    {0xed, 0xed, 3, 0x80, 0x9f}, {0xee, 0xef, 3, 0x80, 0xbf}, {0xf0, 0xf0, 4, 0x90, 0xbf},
    {0xf1, 0xf3, 4, 0x80, 0xbf}, {0xf4, 0xf4, 4, 0x80, 0x8f},
};

/* Length of the character of two octets or more at `data`, 0 if there is none. */
static size_t utf8_length(const unsigned char *data, size_t length)
{
    for (size_t i = 0; i < sizeof(utf8_rows) / sizeof(utf8_rows[0]); i++) {
        const struct utf8_row *row = &utf8_rows[i];
        if (data[0] < row->first_min || data[0] > row->first_max)
            continue;
        if (length < row->length || data[1] < row->second_min || data[1] > row->second_max)
            return 0;
        for (size_t at = 2; at < row->length; at++) {
            if (data[at] < 0x80 || data[at] > 0xbf)
                return 0;
        }
        return row->length;
    }
    return 0;
}

bool conf_guard_text(struct base_text text, struct base_error *error_r)
{
    const unsigned char *data = (const unsigned char *)text.data;
    size_t at = 0;
    while (at < text.length) {
        unsigned char c = data[at];
        size_t left = text.length - at;
        if (c < 0x20 || c == 0x7f) {
            base_error_set(error_r, "control character 0x%02x: values are printable text", c);
            return false;
        }
        if (c == '$' && left > 1 && (data[at + 1] == '{' || data[at + 1] == '(')) {
            base_error_set(error_r,
                           "\"$%c\" is refused: nothing is expanded here, write the "
                           "value itself",
                           data[at + 1]);
            return false;
        }
        size_t length = c < 0x80 ? 1 : utf8_length(data + at, left);
        if (length == 0) {
            base_error_set(error_r, "octet 0x%02x is not UTF-8: save the file as UTF-8", c);
            return false;
        }
        /* U+0080 to U+009F, the C1 controls. */
        if (c == 0xc2 && data[at + 1] < 0xa0) {
            base_error_set(error_r, "control character U+%04X: values are printable text",
                           (unsigned int)data[at + 1]);
            return false;
        }
        at += length;
    }
    return true;
}
