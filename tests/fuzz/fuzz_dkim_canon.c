/* policy/dkim/canon: wherever a body is broken, its canonical form is the same; and a canonical
 * form is its own. The first octet says where to break. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/dkim/canon.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void append(void *context, const void *data, size_t length)
{
    base_buf_append(context, data, length);
}

static void canon_body(enum dkim_canon canon, struct base_text in, size_t piece,
                       struct base_buf *out)
{
    struct dkim_sink sink;
    struct dkim_body body;

    base_buf_init(out, NULL, SIZE_MAX / 4);
    dkim_sink_init(&sink, append, out);
    dkim_body_begin(&body, canon, &sink);
    for (size_t at = 0; at < in.length; at += piece)
        dkim_body_write(&body, (struct base_text){in.data + at,
                                                  in.length - at < piece ? in.length - at : piece});
    dkim_body_end(&body);
}

static void must_equal(const struct base_buf *a, const struct base_buf *b)
{
    if (!base_text_equals(base_buf_text(a), base_buf_text(b)))
        abort();
}

static void canon_field(enum dkim_canon canon, struct base_text in)
{
    struct base_text value = in;
    struct base_text name = base_text_split(&value, ':');
    struct base_buf out;
    struct dkim_sink sink;

    if (value.data == NULL)
        return;
    base_buf_init(&out, NULL, SIZE_MAX / 4);
    dkim_sink_init(&sink, append, &out);
    dkim_canon_field(canon, name, value, &sink);
    dkim_sink_flush(&sink);
    if (out.length > 2 * in.length + 3 || memcmp(out.data + out.length - 2, "\r\n", 2) != 0)
        abort();
    base_buf_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct base_text in;

    if (size == 0)
        return 0;
    in = (struct base_text){(const char *)data + 1, size - 1};
    for (int i = 0; i < 2; i++) {
        enum dkim_canon canon = (enum dkim_canon)i;
        struct base_buf whole;
        struct base_buf pieces;
        struct base_buf again;

        canon_body(canon, in, in.length + 1, &whole);
        canon_body(canon, in, 1 + (size_t)data[0] % 64, &pieces);
        must_equal(&whole, &pieces);
        canon_body(canon, base_buf_text(&whole), 1 + (size_t)data[0] % 7, &again);
        must_equal(&whole, &again);
        base_buf_deinit(&whole);
        base_buf_deinit(&pieces);
        base_buf_deinit(&again);
        canon_field(canon, in);
    }
    return 0;
}
