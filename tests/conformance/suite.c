#include "tests/conformance/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"

struct base_text suite_read(const char *name)
{
    const char *srcdir = getenv("srcdir");
    char path[1024];
    struct base_error error;
    char *data;
    size_t length;

    (void)snprintf(path, sizeof(path), "%s/../shared/suites/%s", srcdir == NULL ? "." : srcdir,
                   name);
    if (!base_file_read(path, (size_t)64 << 20, &data, &length, &error)) {
        printf("skipped: the suite is not there: %s\n", error.text);
        return (struct base_text){NULL, 0};
    }
    return (struct base_text){data, length};
}

struct base_json *suite_next(struct base_text *rest)
{
    while (rest->data != NULL) {
        struct base_text line = base_text_trim(base_text_split(rest, '\n'));
        struct base_error error;
        struct base_json *json;

        if (line.length == 0)
            continue;
        json = base_json_parse(line, &error);
        if (json == NULL) {
            printf("suite: %s\n", error.text);
            exit(1);
        }
        return json;
    }
    return NULL;
}

struct base_text suite_octets(const struct base_json *text)
{
    struct base_text utf8 = base_json_text(text);
    char *octets = base_mem_alloc(utf8.length + 1);
    size_t length = 0;

    for (size_t i = 0; i < utf8.length; i++) {
        unsigned char c = (unsigned char)utf8.data[i];

        if (c >= 0xc0 && i + 1 < utf8.length) {
            i++;
            c = (unsigned char)((c & 3U) << 6 | ((unsigned char)utf8.data[i] & 0x3fU));
        }
        octets[length++] = (char)c;
    }
    octets[length] = '\0';
    return (struct base_text){octets, length};
}

const char *suite_text(const struct base_json *object, const char *key, const char *fallback)
{
    struct base_text text = base_json_text(base_json_get(object, key));

    return text.data == NULL ? fallback : text.data;
}

static void append_escaped(struct base_buf *out, struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        base_buf_appendf(out, "\\%03u", (unsigned)(unsigned char)text.data[i]);
}

/* A name of the suite: dots separate labels. */
static void append_name(struct base_buf *out, struct base_text name)
{
    for (size_t i = 0; i < name.length; i++) {
        if (name.data[i] == '.')
            base_buf_append_char(out, '.');
        else
            append_escaped(out, (struct base_text){name.data + i, 1});
    }
    if (name.length == 0 || name.data[name.length - 1] != '.')
        base_buf_append_char(out, '.');
}

static void append_string(struct base_buf *out, struct base_text text)
{
    do {
        size_t length = text.length > 255 ? 255 : text.length;

        base_buf_append_cstr(out, " \"");
        append_escaped(out, (struct base_text){text.data, length});
        base_buf_append_char(out, '"');
        text.data += length;
        text.length -= length;
    } while (text.length > 0);
}

static void append_txt(struct base_buf *out, const struct base_json *data)
{
    size_t count = base_json_count(data);

    if (count == 0) {
        struct base_text text = suite_octets(data);

        append_string(out, text);
        base_mem_free((char *)(uintptr_t)text.data);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        struct base_text text = suite_octets(base_json_at(data, i));

        append_string(out, text);
        base_mem_free((char *)(uintptr_t)text.data);
    }
}

static bool is_fault(const char *word)
{
    static const char *const words[] = {"TIMEOUT", "SERVFAIL", "NXDOMAIN", "NODATA", "BOGUS"};

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (word != NULL && strcmp(word, words[i]) == 0)
            return true;
    return false;
}

static void append_fault(struct base_buf *out, struct base_text owner, const char *type,
                         const char *fault)
{
    base_buf_append_cstr(out, "$FAULT ");
    append_name(out, owner);
    base_buf_appendf(out, " %s %s\n", type, fault);
}

static void append_record(struct base_buf *out, struct base_text owner,
                          const struct base_json *record)
{
    const char *type = base_json_text(base_json_at(record, 0)).data;
    struct base_json *data = base_json_at(record, 1);
    const char *word = base_json_text(data).data;
    int64_t preference;

    if (is_fault(type)) {
        append_fault(out, owner, word == NULL ? "ANY" : word, type);
        return;
    }
    if (is_fault(word)) {
        append_fault(out, owner, type, word);
        return;
    }
    append_name(out, owner);
    base_buf_appendf(out, " 300 IN %s ", type);
    if (strcmp(type, "TXT") == 0 || strcmp(type, "SPF") == 0) {
        append_txt(out, data);
    } else if (base_json_int(data, &preference)) {
        base_buf_appendf(out, "%lld ", (long long)preference);
        append_name(out, base_json_text(base_json_at(record, 2)));
    } else if (strcmp(type, "A") == 0 || strcmp(type, "AAAA") == 0) {
        base_buf_append_cstr(out, word);
    } else {
        append_name(out, base_json_text(data));
    }
    base_buf_append_char(out, '\n');
}

struct dns_resolver *suite_zone(const struct base_json *zone)
{
    struct dns_resolver *resolver;
    struct base_error error;
    struct base_json *records;
    struct base_buf text;
    const char *owner;

    base_buf_init(&text, NULL, (size_t)64 << 20);
    for (size_t i = 0; (owner = base_json_member(zone, i, &records)) != NULL; i++)
        for (size_t k = 0; k < base_json_count(records); k++)
            append_record(&text, base_text_of(owner), base_json_at(records, k));
    resolver = dns_zone_create(base_buf_text(&text), "suite", &error);
    if (resolver == NULL) {
        printf("suite: %s\n%s", error.text, base_buf_cstr(&text));
        exit(1);
    }
    base_buf_deinit(&text);
    return resolver;
}
