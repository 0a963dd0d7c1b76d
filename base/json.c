/* JSON through jansson; see json.h. jansson keeps members in the order in which they were set and
 * fails only for want of memory, or where a key or number cannot be JSON: bugs, so we panic. */
#include "base/json.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"

#define PARSE_MAX_OCTETS ((size_t)64 << 20)
#define PARSE_MAX_DEPTH  64
/* Text of strangers reaches terminals through here: ASCII only. */
#define DUMP_FLAGS JSON_ENSURE_ASCII

static json_t *unwrap(const struct base_json *json)
{
    return (json_t *)(uintptr_t)json;
}

static struct base_json *wrap(json_t *value)
{
    return (struct base_json *)value;
}

static json_t *must(json_t *value)
{
    if (value == NULL)
        base_panic("json: out of memory");
    return value;
}

struct base_json *base_json_object(void)
{
    return wrap(must(json_object()));
}

struct base_json *base_json_array(void)
{
    return wrap(must(json_array()));
}

void base_json_destroy(struct base_json **json)
{
    json_decref(unwrap(*json));
    *json = NULL;
}

/* See the top of json.h for text that is not UTF-8. */
static json_t *string_of(struct base_text value)
{
    static const char replacement[] = "\xef\xbf\xbd";

    if (base_text_is_utf8(value))
        return must(json_stringn(value.data == NULL ? "" : value.data, value.length));
    struct base_buf clean;

    base_buf_init(&clean, NULL, SIZE_MAX);
    for (size_t i = 0; i < value.length; i++) {
        if ((unsigned char)value.data[i] < 0x80)
            base_buf_append_char(&clean, value.data[i]);
        else
            base_buf_append_cstr(&clean, replacement);
    }
    json_t *string = must(json_stringn(clean.data, clean.length));

    base_buf_deinit(&clean);
    return string;
}

static void set_new(struct base_json *object, const char *key, json_t *value)
{
    if (json_object_set_new(unwrap(object), key, must(value)) != 0)
        base_panic("json: cannot set member %s", key);
}

static void append_new(struct base_json *array, json_t *value)
{
    if (json_array_append_new(unwrap(array), must(value)) != 0)
        base_panic("json: cannot append to what is not an array");
}

void base_json_set_text(struct base_json *object, const char *key, struct base_text value)
{
    set_new(object, key, string_of(value));
}

void base_json_set_text_or_null(struct base_json *object, const char *key, struct base_text value)
{
    if (value.data == NULL)
        base_json_set_null(object, key);
    else
        base_json_set_text(object, key, value);
}

void base_json_set_cstr(struct base_json *object, const char *key, const char *value)
{
    if (value == NULL)
        base_json_set_null(object, key);
    else
        base_json_set_text(object, key, base_text_of(value));
}

void base_json_set_int(struct base_json *object, const char *key, int64_t value)
{
    set_new(object, key, json_integer(value));
}

void base_json_set_real(struct base_json *object, const char *key, double value)
{
    if (isfinite(value))
        set_new(object, key, json_real(value));
    else
        base_json_set_null(object, key);
}

void base_json_set_bool(struct base_json *object, const char *key, bool value)
{
    set_new(object, key, json_boolean(value));
}

void base_json_set_null(struct base_json *object, const char *key)
{
    set_new(object, key, json_null());
}

void base_json_set(struct base_json *object, const char *key, struct base_json *value)
{
    set_new(object, key, unwrap(value));
}

void base_json_append_text(struct base_json *array, struct base_text value)
{
    append_new(array, string_of(value));
}

void base_json_append_int(struct base_json *array, int64_t value)
{
    append_new(array, json_integer(value));
}

void base_json_append(struct base_json *array, struct base_json *value)
{
    append_new(array, unwrap(value));
}

void base_json_print(const struct base_json *json, FILE *out)
{
    /* A closed pipe is seen by whoever flushes `out`. */
    (void)json_dumpf(unwrap(json), out, DUMP_FLAGS | JSON_INDENT(2));
    fputc('\n', out);
}

static int append_dumped(const char *data, size_t length, void *out)
{
    base_buf_append(out, data, length);
    return 0;
}

void base_json_append_to(const struct base_json *json, struct base_buf *out)
{
    (void)json_dump_callback(unwrap(json), append_dumped, out, DUMP_FLAGS | JSON_COMPACT);
}

/* jansson itself would go 2,048 levels down. */
static bool is_too_deep(struct base_text text)
{
    unsigned depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (in_string && c == '\\')
            i++;
        else if (c == '"')
            in_string = !in_string;
        else if (!in_string && (c == '[' || c == '{') && ++depth > PARSE_MAX_DEPTH)
            return true;
        else if (!in_string && (c == ']' || c == '}') && depth > 0)
            depth--;
    }
    return false;
}

struct base_json *base_json_parse(struct base_text text, struct base_error *error_r)
{
    json_error_t fault;

    if (text.length > PARSE_MAX_OCTETS) {
        base_error_set(error_r, "JSON larger than %zu octets", PARSE_MAX_OCTETS);
        return NULL;
    }
    if (is_too_deep(text)) {
        base_error_set(error_r, "JSON nested deeper than %d levels", PARSE_MAX_DEPTH);
        return NULL;
    }
    json_t *value = json_loadb(text.data == NULL ? "" : text.data, text.length,
                               JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &fault);

    if (value == NULL)
        base_error_set(error_r, "JSON, line %d, column %d: %s", fault.line, fault.column,
                       fault.text);
    return wrap(value);
}

struct base_json *base_json_get(const struct base_json *object, const char *key)
{
    return wrap(json_object_get(unwrap(object), key));
}

size_t base_json_count(const struct base_json *json)
{
    return json_is_array(unwrap(json)) ? json_array_size(unwrap(json))
                                       : json_object_size(unwrap(json));
}

struct base_json *base_json_at(const struct base_json *array, size_t index)
{
    return wrap(json_array_get(unwrap(array), index));
}

const char *base_json_member(const struct base_json *object, size_t index,
                             struct base_json **value_r)
{
    void *member = json_object_iter(unwrap(object));

    for (; member != NULL && index != 0; index--)
        member = json_object_iter_next(unwrap(object), member);
    *value_r = member == NULL ? NULL : wrap(json_object_iter_value(member));
    return member == NULL ? NULL : json_object_iter_key(member);
}

bool base_json_is_null(const struct base_json *json)
{
    return json_is_null(unwrap(json));
}

struct base_text base_json_text(const struct base_json *json)
{
    return (struct base_text){json_string_value(unwrap(json)), json_string_length(unwrap(json))};
}

bool base_json_int(const struct base_json *json, int64_t *value_r)
{
    if (!json_is_integer(unwrap(json)))
        return false;
    *value_r = json_integer_value(unwrap(json));
    return true;
}

bool base_json_bool(const struct base_json *json, bool *value_r)
{
    if (!json_is_boolean(unwrap(json)))
        return false;
    *value_r = json_is_true(unwrap(json));
    return true;
}
