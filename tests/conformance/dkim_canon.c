/* shared/suites/dkim/canon.cases.jsonl: header fields, bodies and body hashes in both
 * canonicalizations, each body also in pieces of every size. */
#include <openssl/evp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/dkim/canon.h"
#include "tests/conformance/suite.h"

static const struct {
    const char *id;
    const char *want;
    const char *reason;
} otherwise[] = {
    {"go-msgauth/simpleCanonicalizerBodyTests/0", "\r\n",
     "RFC 6376 section 3.4.3: a body's empty lines at the end become one CRLF, never a CR alone"},
};

static void append(void *context, const void *data, size_t length)
{
    base_buf_append(context, data, length);
}

static void canon_body(enum dkim_canon canon, struct base_text in, size_t piece,
                       struct base_buf *out)
{
    struct dkim_sink sink;
    struct dkim_body body;

    base_buf_clear(out);
    dkim_sink_init(&sink, append, out);
    dkim_body_begin(&body, canon, &sink);
    for (size_t at = 0; at < in.length; at += piece)
        dkim_body_write(&body, (struct base_text){in.data + at,
                                                  in.length - at < piece ? in.length - at : piece});
    dkim_body_end(&body);
}

/* The suite's fields end in CRLF, and two may stand in one row. */
static void canon_fields(enum dkim_canon canon, struct base_text in, struct base_buf *out)
{
    size_t start = 0;

    base_buf_clear(out);
    for (size_t i = 0; i < in.length; i++) {
        struct dkim_sink sink;
        struct base_text value;
        struct base_text name;

        if (in.data[i] != '\n' ||
            (i + 1 < in.length && (in.data[i + 1] == ' ' || in.data[i + 1] == '\t')))
            continue;
        value = (struct base_text){in.data + start, i + 1 - start};
        name = base_text_split(&value, ':');
        value.length -= 2;
        dkim_sink_init(&sink, append, out);
        dkim_canon_field(canon, name, value, &sink);
        dkim_sink_flush(&sink);
        start = i + 1;
    }
}

static void hash(struct base_buf *out)
{
    unsigned char digest[32];

    EVP_Digest(out->data == NULL ? "" : out->data, out->length, digest, NULL, EVP_sha256(), NULL);
    base_buf_clear(out);
    base_buf_append_base64(out, digest, sizeof(digest));
}

static bool run(const char *kind, struct base_text in, const char *want, struct base_buf *out)
{
    enum dkim_canon canon =
        strstr(kind, "relaxed") != NULL ? DKIM_CANON_RELAXED : DKIM_CANON_SIMPLE;

    if (strstr(kind, "header") != NULL) {
        canon_fields(canon, in, out);
        return strcmp(base_buf_cstr(out), want) == 0;
    }
    for (size_t piece = 1; piece <= in.length + 1; piece++) {
        canon_body(canon, in, piece, out);
        if (strstr(kind, "bodyhash") != NULL)
            hash(out);
        if (strcmp(base_buf_cstr(out), want) != 0)
            return false;
    }
    return true;
}

static const char *want_of(const struct base_json *row)
{
    const char *id = suite_text(row, "id", "");

    for (size_t i = 0; i < sizeof(otherwise) / sizeof(otherwise[0]); i++) {
        if (strcmp(otherwise[i].id, id) == 0) {
            printf("otherwise %s: %s\n", id, otherwise[i].reason);
            return otherwise[i].want;
        }
    }
    return suite_text(row, "out", suite_text(row, "out_sha256_b64", ""));
}

int main(void)
{
    struct base_text file = suite_read("dkim/canon.cases.jsonl");
    struct base_text rest = file;
    struct base_json *row;
    struct base_buf out;
    unsigned count = 0;
    unsigned wrong = 0;

    if (file.data == NULL)
        return SUITE_SKIPPED;
    base_buf_init(&out, NULL, 1 << 20);
    while ((row = suite_next(&rest)) != NULL) {
        struct base_text in = suite_octets(base_json_get(row, "in"));

        count++;
        if (!run(suite_text(row, "kind", ""), in, want_of(row), &out)) {
            printf("wrong %s: \"%s\"\n", suite_text(row, "id", ""), base_buf_cstr(&out));
            wrong++;
        }
        base_mem_free((void *)in.data);
        base_json_destroy(&row);
    }
    printf("dkim canonicalization: %u of %u\n", count - wrong, count);
    base_buf_deinit(&out);
    base_mem_free((void *)file.data);
    return wrong == 0 && count > 0 ? 0 : 1;
}
