/* The log; see log.h. A line is made on the caller's stack and handed over in one write(2) or one
 * syslog(3): nothing is shared between threads but the settings, which are atomic one by one. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "base/clock.h"

/* Octets of a line at most, its newline included. */
#define LINE_MAX_OCTETS 8192
/* Left free in a structured line: program name, level and time before it, "cut=1" behind it. */
#define LINE_RESERVE 192
/* The longest piece that append_escaped() writes at once: a surrogate pair. */
#define ESCAPE_MAX 12

/* The one file-scope state of the program besides the configuration pointer (see log.h): whoever
 * has something to say must not need a handle for it. A line that is written while the main thread
 * changes the settings may mix old and new ones, which harms nobody. */
static struct {
    _Atomic(const char *) ident;
    atomic_int target;
    atomic_int format;
    atomic_int level;
    atomic_int facility;
} settings = {NULL, BASE_LOG_STDERR, BASE_LOG_TEXT, BASE_LOG_INFO, LOG_MAIL};

void base_log_init(const struct base_log_options *options)
{
    atomic_store(&settings.ident, options->ident);
    atomic_store(&settings.format, (int)options->format);
    atomic_store(&settings.level, (int)options->level);
    atomic_store(&settings.facility, options->facility);
    if (options->target == BASE_LOG_SYSLOG)
        openlog(options->ident, LOG_PID | LOG_NDELAY, options->facility);
    atomic_store(&settings.target, (int)options->target);
}

void base_log_set_level(enum base_log_level level)
{
    atomic_store(&settings.level, (int)level);
}

enum base_log_level base_log_get_level(void)
{
    return (enum base_log_level)atomic_load(&settings.level);
}

const char *base_log_level_text(enum base_log_level level)
{
    static const char *const texts[] = {"debug", "info", "warning", "error"};

    return texts[level];
}

bool base_log_level_parse(struct base_text text, enum base_log_level *level_r)
{
    for (int level = BASE_LOG_DEBUG; level <= BASE_LOG_ERROR; level++) {
        if (base_text_equals(text, base_text_of(base_log_level_text((enum base_log_level)level)))) {
            *level_r = (enum base_log_level)level;
            return true;
        }
    }
    return false;
}

static int level_priority(enum base_log_level level)
{
    static const int priorities[] = {LOG_DEBUG, LOG_INFO, LOG_WARNING, LOG_ERR};

    return priorities[level];
}

static bool is_wanted(enum base_log_level level)
{
    return (int)level >= atomic_load_explicit(&settings.level, memory_order_relaxed) &&
           atomic_load_explicit(&settings.target, memory_order_relaxed) != BASE_LOG_NONE;
}

static bool is_json(void)
{
    return atomic_load_explicit(&settings.format, memory_order_relaxed) == BASE_LOG_JSON;
}

static void write_stderr(const char *data, size_t length)
{
    while (length != 0) {
        ssize_t put = write(STDERR_FILENO, data, length);

        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            /* There is nobody left to tell. */
            return;
        data += put;
        length -= (size_t)put;
    }
}

/* Writes a finished line, which has no newline yet. */
static void write_line(enum base_log_level level, struct base_text text)
{
    int facility = atomic_load_explicit(&settings.facility, memory_order_relaxed);

    if (atomic_load_explicit(&settings.target, memory_order_relaxed) == BASE_LOG_SYSLOG) {
        syslog(facility | level_priority(level), "%.*s", (int)text.length, text.data);
        return;
    }
    const char *ident = atomic_load_explicit(&settings.ident, memory_order_relaxed);
    char storage[LINE_MAX_OCTETS + 64];
    struct base_buf out;

    base_buf_init_fixed(&out, storage, sizeof(storage));
    if (!is_json()) {
        if (ident != NULL)
            base_buf_appendf(&out, "%.48s: ", ident);
        base_buf_appendf(&out, "%s: ", base_log_level_text(level));
    }
    if (text.length > LINE_MAX_OCTETS - 1 - out.length)
        text.length = LINE_MAX_OCTETS - 1 - out.length;
    base_buf_append_text(&out, text);
    base_buf_append_char(&out, '\n');
    write_stderr(out.data, out.length);
}

/* The code point at the start of well-formed UTF-8, and its length. */
static unsigned decode_utf8(const unsigned char *octets, size_t *length_r)
{
    unsigned lead = octets[0];

    if (lead < 0x80) {
        *length_r = 1;
        return lead;
    }
    *length_r = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    unsigned code = lead & (0x7fu >> *length_r);

    for (size_t i = 1; i < *length_r; i++)
        code = code << 6 | (octets[i] & 0x3f);
    return code;
}

static void append_code(struct base_buf *out, unsigned code, bool want_quoting)
{
    static const char *const shorts[] = {
        ['\b'] = "\\b", ['\t'] = "\\t", ['\n'] = "\\n", ['\f'] = "\\f", ['\r'] = "\\r"};

    if (code < sizeof(shorts) / sizeof(shorts[0]) && shorts[code] != NULL) {
        base_buf_append_cstr(out, shorts[code]);
    } else if (code >= 0x20 && code <= 0x7e) {
        if (want_quoting && (code == '"' || code == '\\'))
            base_buf_append_char(out, '\\');
        base_buf_append_char(out, (char)code);
    } else if (code < 0x10000) {
        base_buf_appendf(out, "\\u%04x", code);
    } else {
        code -= 0x10000;
        base_buf_appendf(out, "\\u%04x\\u%04x", 0xd800 | code >> 10, 0xdc00 | (code & 0x3ff));
    }
}

/* Appends `text` in printable ASCII with JSON's escapes; each octet of a text that is not UTF-8 is
 * U+FFFD unless it is ASCII. Without `want_quoting` '"' and '\' stay as they are. False if it was
 * cut because less than ESCAPE_MAX octets and `spare` were left. */
static bool append_escaped(struct base_buf *out, struct base_text text, bool want_quoting,
                           size_t spare)
{
    bool is_utf8 = base_text_is_utf8(text);

    for (size_t i = 0; i < text.length;) {
        const unsigned char *octets = (const unsigned char *)text.data + i;
        size_t step = 1;
        unsigned code = *octets;

        if (is_utf8)
            code = decode_utf8(octets, &step);
        else if (code >= 0x80)
            code = 0xfffd;
        if (out->max - out->length < ESCAPE_MAX + spare)
            return false;
        append_code(out, code, want_quoting);
        i += step;
    }
    return true;
}

/* `{"time":"...","level":"..."`, without the end. */
static void begin_json(struct base_buf *out, enum base_log_level level)
{
    struct base_clock clock = base_clock_system();
    char time_text[32];

    base_clock_format_rfc3339(base_clock_wall_s(&clock), time_text, sizeof(time_text));
    base_buf_appendf(out, "{\"time\":\"%s\",\"level\":\"%s\"", time_text,
                     base_log_level_text(level));
}

void base_log(enum base_log_level level, const char *format, ...)
{
    char raw[LINE_MAX_OCTETS];
    char storage[LINE_MAX_OCTETS - 64];
    struct base_buf out;
    va_list args;

    if (!is_wanted(level))
        return;
    va_start(args, format);
    int length = vsnprintf(raw, sizeof(raw), format, args);
    va_end(args);
    if (length < 0)
        return;
    bool is_cut = (size_t)length >= sizeof(raw);
    struct base_text text = {raw, is_cut ? sizeof(raw) - 1 : (size_t)length};
    bool want_json = is_json();

    base_buf_init_fixed(&out, storage, sizeof(storage));
    if (want_json) {
        begin_json(&out, level);
        base_buf_append_cstr(&out, ",\"message\":\"");
    }
    if (!append_escaped(&out, text, want_json, sizeof("...\"}")) || is_cut)
        base_buf_append_cstr(&out, "...");
    if (want_json)
        base_buf_append_cstr(&out, "\"}");
    write_line(level, base_buf_text(&out));
}

static bool is_plain(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (!base_ascii_is_alnum(value.data[i]) &&
            (value.data[i] == '\0' || strchr("@._:/+-", value.data[i]) == NULL))
            return false;
    return value.length != 0;
}

static void append_quoted(struct base_buf *out, struct base_text value)
{
    base_buf_append_char(out, '"');
    if (!append_escaped(out, value, true, 1))
        out->is_over = true;
    base_buf_append_char(out, '"');
}

void base_log_append_value(struct base_buf *out, struct base_text value)
{
    if (is_plain(value))
        base_buf_append_text(out, value);
    else
        append_quoted(out, value);
}

void base_log_line_begin(struct base_log_line *line)
{
    base_buf_init_fixed(&line->text, line->storage, sizeof(line->storage) - LINE_RESERVE);
    line->is_json = is_json();
}

/* Key and value whole, or nothing. Afterwards text.is_over means that something was left out. */
static void add_member(struct base_log_line *line, const char *key, struct base_text value,
                       bool is_number)
{
    struct base_buf *text = &line->text;
    size_t before = text->length;
    bool was_over = text->is_over;

    text->is_over = false;
    if (line->is_json) {
        base_buf_appendf(text, ",\"%s\":", key);
        if (is_number)
            base_buf_append_text(text, value);
        else
            append_quoted(text, value);
    } else {
        base_buf_appendf(text, "%s%s=", before == 0 ? "" : " ", key);
        base_log_append_value(text, value);
    }
    if (text->is_over) {
        text->length = before;
        text->data[before] = '\0';
    }
    text->is_over = text->is_over || was_over;
}

void base_log_line_add(struct base_log_line *line, const char *key, struct base_text value)
{
    add_member(line, key, value, false);
}

void base_log_line_add_cstr(struct base_log_line *line, const char *key, const char *value)
{
    add_member(line, key, base_text_of(value), false);
}

void base_log_line_add_int(struct base_log_line *line, const char *key, int64_t value)
{
    char digits[24];

    snprintf(digits, sizeof(digits), "%lld", (long long)value);
    add_member(line, key, base_text_of(digits), true);
}

void base_log_line_end(struct base_log_line *line, enum base_log_level level)
{
    char storage[LINE_MAX_OCTETS];
    struct base_buf out;

    if (!is_wanted(level))
        return;
    base_buf_init_fixed(&out, storage, sizeof(storage));
    if (line->is_json)
        begin_json(&out, level);
    base_buf_append_text(&out, base_buf_text(&line->text));
    if (line->text.is_over)
        base_buf_append_cstr(&out, line->is_json     ? ",\"cut\":1"
                                   : out.length == 0 ? "cut=1"
                                                     : " cut=1");
    if (line->is_json)
        base_buf_append_char(&out, '}');
    write_line(level, base_buf_text(&out));
}

/* Four hex digits. */
static bool take_hex4(struct base_text *rest, unsigned *code_r)
{
    *code_r = 0;
    if (rest->length < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        char c = rest->data[i];

        if (base_ascii_is_digit(c))
            *code_r = *code_r << 4 | (unsigned)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *code_r = *code_r << 4 | (unsigned)(c - 'a' + 10);
        else
            return false;
    }
    rest->data += 4;
    rest->length -= 4;
    return true;
}

static void append_utf8(struct base_buf *out, unsigned code)
{
    static const unsigned char leads[] = {0x00, 0xc0, 0xe0, 0xf0};
    unsigned more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;

    base_buf_append_char(out, (char)(leads[more] | code >> (6 * more)));
    while (more-- > 0)
        base_buf_append_char(out, (char)(0x80 | (code >> (6 * more) & 0x3f)));
}

/* What follows "\u": one escape, or the two of a surrogate pair. */
static bool take_unicode(struct base_text *rest, struct base_buf *out)
{
    unsigned code, low;

    if (!take_hex4(rest, &code) || (code >= 0xdc00 && code <= 0xdfff))
        return false;
    if (code >= 0xd800 && code <= 0xdbff) {
        if (!base_text_starts_with(*rest, BASE_TEXT("\\u")))
            return false;
        rest->data += 2;
        rest->length -= 2;
        if (!take_hex4(rest, &low) || low < 0xdc00 || low > 0xdfff)
            return false;
        code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
    }
    append_utf8(out, code);
    return true;
}

/* What follows a backslash. */
static bool take_escape(struct base_text *rest, struct base_buf *out)
{
    static const char names[] = "\"\\bfnrt";
    static const char values[] = "\"\\\b\f\n\r\t";

    if (rest->length == 0)
        return false;
    char c = *rest->data++;

    rest->length--;
    if (c == 'u')
        return take_unicode(rest, out);
    const char *found = c == '\0' ? NULL : strchr(names, c);

    if (found != NULL)
        base_buf_append_char(out, values[found - names]);
    return found != NULL;
}

/* What follows the opening quote, up to and with the closing one. */
static bool take_quoted(struct base_text *rest, struct base_buf *out)
{
    while (rest->length != 0) {
        char c = *rest->data++;

        rest->length--;
        if (c == '"')
            return true;
        if (c == '\\') {
            if (!take_escape(rest, out))
                return false;
        } else if (base_ascii_is_print(c)) {
            base_buf_append_char(out, c);
        } else {
            return false;
        }
    }
    return false;
}

static bool is_key(struct base_text key)
{
    for (size_t i = 0; i < key.length; i++) {
        char c = key.data[i];

        if (!base_ascii_is_digit(c) && !(c >= 'a' && c <= 'z') && c != '_' && c != '-')
            return false;
    }
    return key.length != 0;
}

/* The value behind "key=", up to the blank or the end. */
static bool take_value(struct base_text *rest, struct base_buf *out)
{
    if (rest->length != 0 && rest->data[0] == '"') {
        rest->data++;
        rest->length--;
        return take_quoted(rest, out);
    }
    struct base_text after = *rest;
    struct base_text plain = base_text_split(&after, ' ');

    base_buf_append_text(out, plain);
    rest->data += plain.length;
    rest->length -= plain.length;
    return is_plain(plain);
}

bool base_log_line_parse(struct base_text line, base_log_each *each, void *context)
{
    char storage[LINE_MAX_OCTETS + 1];
    struct base_buf value;

    if (line.length > LINE_MAX_OCTETS)
        return false;
    for (;;) {
        struct base_text rest = line;
        struct base_text key = base_text_split(&rest, '=');

        base_buf_init_fixed(&value, storage, sizeof(storage));
        if (rest.data == NULL || !is_key(key) || !take_value(&rest, &value))
            return false;
        if (!each(context, key, base_buf_text(&value)))
            return false;
        if (rest.length == 0)
            return true;
        if (rest.data[0] != ' ')
            return false;
        line = (struct base_text){rest.data + 1, rest.length - 1};
    }
}
