/* policy/dkim/canon.c against tables, and against a slow and simple reading of RFC 6376 3.4 over
 * many bodies, each broken in many ways. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/dkim/canon.h"

static void sink_append(void *context, const void *data, size_t length)
{
    base_buf_append(context, data, length);
}

static void canon_body(enum dkim_canon canon, struct base_text in, size_t chunk,
                       struct base_buf *out)
{
    struct dkim_sink sink;
    struct dkim_body body;

    base_buf_clear(out);
    dkim_sink_init(&sink, sink_append, out);
    dkim_body_begin(&body, canon, &sink);
    while (in.length > 0) {
        size_t length = in.length < chunk ? in.length : chunk;

        dkim_body_write(&body, (struct base_text){in.data, length});
        in.data += length;
        in.length -= length;
    }
    dkim_body_end(&body);
}

static const struct {
    const char *name;
    enum dkim_canon canon;
    const char *in;
    const char *want;
} bodies[] = {
    {"empty, simple", DKIM_CANON_SIMPLE, "", "\r\n"},
    {"empty, relaxed", DKIM_CANON_RELAXED, "", ""},
    {"one empty line, simple", DKIM_CANON_SIMPLE, "\r\n", "\r\n"},
    {"one empty line, relaxed", DKIM_CANON_RELAXED, "\r\n", ""},
    {"blank lines only, relaxed", DKIM_CANON_RELAXED, " \t\r\n\t\r\n", ""},
    {"blanks without an end, relaxed", DKIM_CANON_RELAXED, " \t", ""},
    {"3.4.5 simple", DKIM_CANON_SIMPLE, " C \r\nD \t E\r\n\r\n\r\n", " C \r\nD \t E\r\n"},
    {"3.4.5 relaxed", DKIM_CANON_RELAXED, " C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"},
    {"no last CRLF, simple", DKIM_CANON_SIMPLE, "a", "a\r\n"},
    {"no last CRLF, relaxed", DKIM_CANON_RELAXED, "a \t", "a\r\n"},
    {"empty lines within", DKIM_CANON_SIMPLE, "a\r\n\r\n\r\nb\r\n\r\n", "a\r\n\r\n\r\nb\r\n"},
    {"blank lines within", DKIM_CANON_RELAXED, "a\r\n \r\n\t\r\nb", "a\r\n\r\n\r\nb\r\n"},
    {"leading blanks", DKIM_CANON_RELAXED, " \t a\r\n", " a\r\n"},
    {"a tab alone", DKIM_CANON_RELAXED, "a\tb\r\n", "a b\r\n"},
    {"bare CR, simple", DKIM_CANON_SIMPLE, "a\rb\r\n", "a\rb\r\n"},
    {"bare CR at the end, simple", DKIM_CANON_SIMPLE, "a\r", "a\r\r\n"},
    {"bare CR behind empty lines, simple", DKIM_CANON_SIMPLE, "a\r\n\r\n\r", "a\r\n\r\n\r\r\n"},
    {"bare CR, relaxed", DKIM_CANON_RELAXED, "a \t\rb\r\n", "a \rb\r\n"},
    {"bare CR at the end, relaxed", DKIM_CANON_RELAXED, "a \r", "a \r\r\n"},
    {"bare LF, simple", DKIM_CANON_SIMPLE, "a\nb\n\n", "a\nb\n\n\r\n"},
    {"bare LF, relaxed", DKIM_CANON_RELAXED, "a \n b\r\n", "a \n b\r\n"},
    {"CR CR LF, simple", DKIM_CANON_SIMPLE, "a\r\r\n", "a\r\r\n"},
    {"CR CR LF, relaxed", DKIM_CANON_RELAXED, "a \r\r\n", "a \r\r\n"},
    {"a CR alone, relaxed", DKIM_CANON_RELAXED, "\r", "\r\r\n"},
};

static void test_bodies(void **state)
{
    struct base_buf out;

    (void)state;
    base_buf_init(&out, NULL, 4096);
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        for (size_t chunk = 1; chunk < 8; chunk++) {
            canon_body(bodies[i].canon, base_text_of(bodies[i].in), chunk, &out);
            if (strcmp(base_buf_cstr(&out), bodies[i].want) != 0)
                fail_msg("%s, chunks of %zu: got \"%s\"", bodies[i].name, chunk,
                         base_buf_cstr(&out));
        }
    }
    base_buf_deinit(&out);
}

/* Line by line, as the RFC says it. */
static void slow_body(enum dkim_canon canon, struct base_text in, struct base_buf *out)
{
    size_t keep = 0;

    base_buf_clear(out);
    while (in.length > 0) {
        size_t line = 0;
        size_t start = out->length;

        while (line < in.length &&
               !(in.data[line] == '\r' && line + 1 < in.length && in.data[line + 1] == '\n'))
            line++;
        for (size_t i = 0; i < line; i++) {
            bool is_blank = in.data[i] == ' ' || in.data[i] == '\t';
            bool was_blank = i > 0 && (in.data[i - 1] == ' ' || in.data[i - 1] == '\t');

            if (canon == DKIM_CANON_SIMPLE || !is_blank)
                base_buf_append_char(out, in.data[i]);
            else if (!was_blank)
                base_buf_append_char(out, ' ');
        }
        if (canon == DKIM_CANON_RELAXED && out->length > start && out->data[out->length - 1] == ' ')
            out->length--;
        if (out->length > start)
            keep = out->length + 2;
        base_buf_append(out, "\r\n", 2);
        in.data += line;
        in.length -= line;
        if (in.length > 0) {
            in.data += 2;
            in.length -= 2;
        }
    }
    out->length = keep;
    if (keep == 0 && canon == DKIM_CANON_SIMPLE)
        base_buf_append(out, "\r\n", 2);
}

static void test_random_bodies(void **state)
{
    static const char alphabet[] = "  \t\r\n\r\n\r\nabcdefgh";
    char *in = malloc(20000);
    struct base_buf fast;
    struct base_buf slow;
    unsigned seed = 20260101;

    (void)state;
    base_buf_init(&fast, NULL, 1 << 20);
    base_buf_init(&slow, NULL, 1 << 20);
    for (int round = 0; round < 3000; round++) {
        size_t length = (size_t)rand_r(&seed) % (round % 100 == 0 ? 20000 : 120);
        /* From almost only blanks and line ends to almost none. */
        unsigned density = 1 + (unsigned)rand_r(&seed) % 100;

        for (size_t i = 0; i < length; i++)
            in[i] = (unsigned)rand_r(&seed) % 100 < density
                        ? alphabet[(size_t)rand_r(&seed) % (sizeof(alphabet) - 1)]
                        : 'x';
        for (int canon = 0; canon < 2; canon++) {
            size_t chunk = 1 + (size_t)rand_r(&seed) % (length + 1);

            slow_body((enum dkim_canon)canon, (struct base_text){in, length}, &slow);
            canon_body((enum dkim_canon)canon, (struct base_text){in, length}, chunk, &fast);
            if (!base_text_equals(base_buf_text(&fast), base_buf_text(&slow)))
                fail_msg("round %d, canon %d, chunks of %zu", round, canon, chunk);
        }
    }
    base_buf_deinit(&fast);
    base_buf_deinit(&slow);
    free(in);
}

static const struct {
    const char *name;
    enum dkim_canon canon;
    const char *field;
    const char *value;
    const char *want;
} fields[] = {
    {"3.4.5 relaxed", DKIM_CANON_RELAXED, "A", " X", "a:X\r\n"},
    {"3.4.5 relaxed, folded", DKIM_CANON_RELAXED, "B ", " Y\t\n\tZ  ", "b:Y Z\r\n"},
    {"3.4.5 simple, folded", DKIM_CANON_SIMPLE, "B ", " Y\t\n\tZ  ", "B : Y\t\r\n\tZ  \r\n"},
    {"CRLF folds", DKIM_CANON_SIMPLE, "B", " Y\r\n Z", "B: Y\r\n Z\r\n"},
    {"CRLF folds, relaxed", DKIM_CANON_RELAXED, "B", " Y\r\n Z", "b:Y Z\r\n"},
    {"no blank behind the colon", DKIM_CANON_SIMPLE, "X-NoSp", "v", "X-NoSp:v\r\n"},
    {"no blank behind the colon, relaxed", DKIM_CANON_RELAXED, "X-NoSp", "v", "x-nosp:v\r\n"},
    {"empty", DKIM_CANON_RELAXED, "Subject", "", "subject:\r\n"},
    {"blanks only", DKIM_CANON_RELAXED, "Subject", " \t\n ", "subject:\r\n"},
    {"blanks only, simple", DKIM_CANON_SIMPLE, "Subject", " \t\n ", "Subject: \t\r\n \r\n"},
    {"8 bit", DKIM_CANON_RELAXED, "S", " \xc3\xa4  \xff", "s:\xc3\xa4 \xff\r\n"},
    {"one space stays", DKIM_CANON_RELAXED, "S", " a b c\td", "s:a b c d\r\n"},
    {"fold before the first word", DKIM_CANON_RELAXED, "S", "\n a", "s:a\r\n"},
};

static void test_fields(void **state)
{
    struct base_buf out;

    (void)state;
    base_buf_init(&out, NULL, 4096);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        struct dkim_sink sink;

        base_buf_clear(&out);
        dkim_sink_init(&sink, sink_append, &out);
        dkim_canon_field(fields[i].canon, base_text_of(fields[i].field),
                         base_text_of(fields[i].value), &sink);
        dkim_sink_flush(&sink);
        if (strcmp(base_buf_cstr(&out), fields[i].want) != 0)
            fail_msg("%s: got \"%s\"", fields[i].name, base_buf_cstr(&out));
    }
    base_buf_deinit(&out);
}

/* What stands before a value in memory is no part of it. */
static void test_value_behind_cr(void **state)
{
    static const char memory[] = "\r\n b";
    const struct base_text value = {memory + 1, 3};
    struct base_buf out;

    (void)state;
    for (int canon = 0; canon < 2; canon++) {
        struct dkim_sink sink;

        base_buf_init(&out, NULL, 4096);
        dkim_sink_init(&sink, sink_append, &out);
        dkim_canon_field((enum dkim_canon)canon, BASE_TEXT("S"), value, &sink);
        dkim_sink_flush(&sink);
        assert_string_equal(base_buf_cstr(&out),
                            canon == DKIM_CANON_SIMPLE ? "S:\r\n b\r\n" : "s:b\r\n");
        base_buf_deinit(&out);
    }
}

static void test_last_field_has_no_crlf(void **state)
{
    struct base_buf out;
    struct dkim_sink sink;

    (void)state;
    base_buf_init(&out, NULL, 4096);
    dkim_sink_init(&sink, sink_append, &out);
    dkim_canon_last_field(DKIM_CANON_RELAXED, BASE_TEXT("DKIM-Signature"), BASE_TEXT(" v=1; b="),
                          &sink);
    dkim_sink_flush(&sink);
    assert_string_equal(base_buf_cstr(&out), "dkim-signature:v=1; b=");
    base_buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_random_bodies),
        cmocka_unit_test(test_value_behind_cr),
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_last_field_has_no_crlf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
