#include "conf/guard.h"

#include <stddef.h>
#include <stdint.h>

bool conf_guard_text(struct base_text text, struct base_error *error_r)
{
    const unsigned char *data = (const unsigned char *)text.data;
    for (size_t at = 0; at < text.length; at++) {
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
        /* U+0080 to U+009F, the C1 controls. */
        if (c == 0xc2 && left > 1 && data[at + 1] >= 0x80 && data[at + 1] < 0xa0) {
            base_error_set(error_r, "control character U+%04X: values are printable text",
                           (unsigned int)data[at + 1]);
            return false;
        }
    }
    if (!base_text_is_utf8(text)) {
        base_error_set(error_r, "octets that are not UTF-8: save the file as UTF-8");
        return false;
    }
    return true;
}
