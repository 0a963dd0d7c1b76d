#include "conf/value.h"

#include <inttypes.h>
#include <string.h>

#include "base/panic.h"
#include "conf/words.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Smallest first. */
static const struct unit size_units[] = {
    {"", 1},
    {"KiB", INT64_C(1) << 10},
    {"MiB", INT64_C(1) << 20},
    {"GiB", INT64_C(1) << 30},
    {"TiB", INT64_C(1) << 40},
};

static const struct unit duration_units[] = {
    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
};

static const size_t size_unit_count = sizeof(size_units) / sizeof(size_units[0]);
static const size_t duration_unit_count = sizeof(duration_units) / sizeof(duration_units[0]);

static const char *const bool_words[] = {"yes", "no", "true", "false", "on", "off", NULL};

/* Decimal digits, then what follows them without blanks. */
static bool split_number(const char *text, uint64_t *number_r, struct base_text *unit_r)
{
    size_t digits = strspn(text, "0123456789");
    if (!base_text_to_uint((struct base_text){text, digits}, INT64_MAX, number_r))
        return false;
    *unit_r = base_text_trim(base_text_of(text + digits));
    return true;
}

/* False: no such unit, or past int64_t. */
static bool parse_units(const char *text, const struct unit *units, size_t count, int64_t *value_r)
{
    uint64_t number;
    struct base_text unit;
    if (!split_number(text, &number, &unit))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (base_text_equals_nocase(unit, base_text_of(units[i].name)))
            return !__builtin_mul_overflow((int64_t)number, units[i].factor, value_r);
    }
    return false;
}

static void append_units(struct base_buf *out, int64_t value, const struct unit *units,
                         size_t count)
{
    size_t best = 0;
    for (size_t i = 1; i < count && value != 0; i++) {
        if (value % units[i].factor == 0)
            best = i;
    }
    base_buf_appendf(out, "%" PRId64 "%s", value / units[best].factor, units[best].name);
}

bool conf_value_size(const char *text, int64_t *octets_r, struct base_error *error_r)
{
    if (parse_units(text, size_units, size_unit_count, octets_r))
        return true;
    base_error_set(error_r,
                   "\"%.100s\" is no size: write a whole number of octets, or one with "
                   "KiB, MiB or GiB, such as \"64KiB\"",
                   text);
    return false;
}

bool conf_value_duration(const char *text, int64_t *ms_r, struct base_error *error_r)
{
    if (parse_units(text, duration_units, duration_unit_count, ms_r))
        return true;
    base_error_set(error_r,
                   "\"%.100s\" is no duration: write a whole number with its unit, ms, s, "
                   "m, h or d, such as \"30s\"",
                   text);
    return false;
}

void conf_value_append_size(struct base_buf *out, int64_t octets)
{
    append_units(out, octets, size_units, size_unit_count);
}

void conf_value_append_duration(struct base_buf *out, int64_t ms)
{
    append_units(out, ms, duration_units, duration_unit_count);
}

static bool parse_int(const char *text, int64_t *value_r, struct base_error *error_r)
{
    bool is_negative = text[0] == '-';
    uint64_t number;
    if (!base_text_to_uint(base_text_of(text + (is_negative ? 1 : 0)), INT64_MAX, &number)) {
        base_error_set(error_r, "\"%.100s\" is no whole number", text);
        return false;
    }
    *value_r = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

static void append_bound(struct base_buf *out, enum conf_type type, int64_t value)
{
    if (type == CONF_SIZE)
        conf_value_append_size(out, value);
    else if (type == CONF_DURATION)
        conf_value_append_duration(out, value);
    else
        base_buf_appendf(out, "%" PRId64, value);
}

static bool store_number(const struct conf_option *option, const char *text, int64_t *field,
                         struct base_error *error_r)
{
    int64_t value;
    bool is_number;
    if (option->type == CONF_SIZE)
        is_number = conf_value_size(text, &value, error_r);
    else if (option->type == CONF_DURATION)
        is_number = conf_value_duration(text, &value, error_r);
    else
        is_number = parse_int(text, &value, error_r);
    if (!is_number)
        return false;
    if (value < option->min || value > option->max) {
        char storage[128];
        struct base_buf bounds;
        base_buf_init_fixed(&bounds, storage, sizeof(storage));
        append_bound(&bounds, option->type, option->min);
        base_buf_append_cstr(&bounds, " to ");
        append_bound(&bounds, option->type, option->max);
        base_error_set(error_r, "\"%.100s\" is out of bounds: write a value from %s", text,
                       base_buf_cstr(&bounds));
        return false;
    }
    *field = value;
    return true;
}

/* The index of the word, or -1 and *error_r. */
static int find_word(const char *const *words, const char *text, struct base_error *error_r)
{
    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0)
            return i;
    }
    char storage[1024];
    struct base_buf out;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    conf_words_append(&out, words);
    conf_words_append_hint(&out, text, words);
    base_error_set(error_r, "\"%.100s\" is not one of %s", text, base_buf_cstr(&out));
    return -1;
}

static bool store_bool(const char *text, bool *field, struct base_error *error_r)
{
    for (int i = 0; bool_words[i] != NULL; i++) {
        if (base_text_equals_nocase(base_text_of(text), base_text_of(bool_words[i]))) {
            *field = i % 2 == 0;
            return true;
        }
    }
    return find_word(bool_words, text, error_r) >= 0;
}

static bool store_mode(const char *text, int *field, struct base_error *error_r)
{
    size_t length = strlen(text);
    if (length < 3 || length > 4 || strspn(text, "01234567") != length ||
        (length == 4 && text[0] != '0')) {
        base_error_set(error_r,
                       "\"%.100s\" is no file mode: write octal digits from \"0000\" to "
                       "\"0777\", such as \"0660\"",
                       text);
        return false;
    }
    int mode = 0;
    for (size_t i = 0; i < length; i++)
        mode = mode * 8 + (text[i] - '0');
    *field = mode;
    return true;
}

bool conf_value_store(const struct conf_option *option, const char *text, void *field,
                      struct base_error *error_r)
{
    int index;
    switch (option->type) {
    case CONF_BOOL:
        return store_bool(text, field, error_r);
    case CONF_INT:
    case CONF_SIZE:
    case CONF_DURATION:
        return store_number(option, text, field, error_r);
    case CONF_STRING:
        *(const char **)field = text;
        return true;
    case CONF_WORD:
        index = find_word(option->words, text, error_r);
        if (index >= 0)
            *(int *)field = index;
        return index >= 0;
    case CONF_WORDS:
        index = find_word(option->words, text, error_r);
        if (index >= 0)
            *(uint64_t *)field |= UINT64_C(1) << index;
        return index >= 0;
    case CONF_MODE:
        return store_mode(text, field, error_r);
    case CONF_LIST:
    case CONF_MAPS:
        break;
    }
    base_panic("conf: option %s: type %d holds no single value", option->name, (int)option->type);
}
