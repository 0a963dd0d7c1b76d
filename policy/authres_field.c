/* RFC 8601 section 2.2 (grammar), RFC 5322 section 3.2 (comments, quoted strings), RFC 2045 section
 * 5.1 (token). A cursor with a sticky fault; functions bear the names of the grammar's rules. */
#include "policy/authres_field.h"

#include <string.h>

#include "base/arena.h"

#define COMMENT_DEPTH_MAX 32
/* Of what stands on one line; 998 (RFC 5322 section 2.1.1) less a fold, "=" and ";". */
#define LINE_MAX_OCTETS 990
#define VERSION_MAX     16

struct cursor {
    struct base_arena *arena;
    const char *at;
    const char *end;
    bool is_bad;
};

static bool is_done(const struct cursor *cursor)
{
    return cursor->is_bad || cursor->at == cursor->end;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void comment(struct cursor *cursor)
{
    unsigned depth = 0;

    do {
        char c = *cursor->at++;

        if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
        else if (c == '\\' && cursor->at < cursor->end)
            cursor->at++;
        if (depth > COMMENT_DEPTH_MAX)
            cursor->is_bad = true;
    } while (depth > 0 && !is_done(cursor));
    if (depth > 0)
        cursor->is_bad = true;
}

/* [CFWS]; true if there was any. */
static bool cfws(struct cursor *cursor)
{
    const char *start = cursor->at;

    while (!is_done(cursor)) {
        if (is_blank(*cursor->at))
            cursor->at++;
        else if (*cursor->at == '(')
            comment(cursor);
        else
            break;
    }
    return cursor->at > start;
}

static bool take(struct cursor *cursor, char wanted)
{
    if (is_done(cursor) || *cursor->at != wanted)
        return false;
    cursor->at++;
    return true;
}

static void expect(struct cursor *cursor, char wanted)
{
    if (!take(cursor, wanted))
        cursor->is_bad = true;
}

/* RFC 2045 token; 8-bit octets as RFC 6532 allows them. */
static bool is_token_octet(char c)
{
    return (unsigned char)c > 0x20 && c != 0x7f && strchr("()<>@,;:\\\"/[]?=", c) == NULL;
}

static struct base_text copy(struct cursor *cursor, struct base_text text, bool is_lower)
{
    char *data = base_arena_strndup(cursor->arena, text.length == 0 ? "" : text.data, text.length);

    if (data == NULL) {
        cursor->is_bad = true;
        return (struct base_text){NULL, 0};
    }
    for (size_t i = 0; i < text.length && is_lower; i++)
        data[i] = base_ascii_lower(data[i]);
    return (struct base_text){data, text.length};
}

static struct base_text quoted_string(struct cursor *cursor)
{
    struct base_buf out;

    base_buf_init(&out, cursor->arena, (size_t)(cursor->end - cursor->at));
    expect(cursor, '"');
    while (!is_done(cursor) && *cursor->at != '"') {
        char c = *cursor->at++;

        if (c == '\\' && cursor->at < cursor->end)
            c = *cursor->at++;
        if (c != '\r' && c != '\n')
            base_buf_append_char(&out, c);
    }
    expect(cursor, '"');
    cursor->is_bad |= out.is_over;
    return base_buf_text(&out);
}

/* The longest run of token octets and those in `more`. */
static struct base_text run(struct cursor *cursor, const char *more)
{
    const char *start = cursor->at;

    while (!is_done(cursor) && (is_token_octet(*cursor->at) ||
                                (*cursor->at != '\0' && strchr(more, *cursor->at) != NULL)))
        cursor->at++;
    if (cursor->at == start)
        cursor->is_bad = true;
    return (struct base_text){start, (size_t)(cursor->at - start)};
}

/* 1*DIGIT */
static struct base_text digits(struct cursor *cursor)
{
    const char *start = cursor->at;

    while (!is_done(cursor) && base_ascii_is_digit(*cursor->at))
        cursor->at++;
    return (struct base_text){start, (size_t)(cursor->at - start)};
}

/* value = token / quoted-string */
static struct base_text value(struct cursor *cursor)
{
    if (!is_done(cursor) && *cursor->at == '"') {
        struct base_text text = quoted_string(cursor);

        return text.data == NULL ? (struct base_text){"", 0} : text;
    }
    return copy(cursor, run(cursor, ""), false);
}

/* pvalue = value / [ [ local-part ] "@" ] domain-name; a local part in quotes keeps them. One
 * without may have "=" and "?" (RFC 5322 section 3.2.3, atext), which tokens may not. */
static struct base_text pvalue(struct cursor *cursor)
{
    const char *start = cursor->at;
    struct base_text text;

    if (is_done(cursor) || *cursor->at != '"') {
        text = run(cursor, "@/=?");
        for (size_t i = text.length; i > 0 && text.data[i - 1] != '@'; i--)
            if (text.data[i - 1] == '=' || text.data[i - 1] == '?')
                cursor->is_bad = true;
        return copy(cursor, text, false);
    }
    text = value(cursor);
    if (!take(cursor, '@'))
        return text;
    (void)run(cursor, "");
    return copy(cursor, (struct base_text){start, (size_t)(cursor->at - start)}, false);
}

/* Keyword = Ldh-str: letters, digits and hyphens, but for the last (RFC 5321 section 4.1.2). */
static struct base_text keyword(struct cursor *cursor)
{
    const char *start = cursor->at;

    while (!is_done(cursor) &&
           (base_ascii_is_alnum(*cursor->at) || *cursor->at == '-' || *cursor->at == '_'))
        cursor->at++;
    if (cursor->at == start || cursor->at[-1] == '-')
        cursor->is_bad = true;
    return copy(cursor, (struct base_text){start, (size_t)(cursor->at - start)}, true);
}

/* reasonspec, or a propspec, or a "word=value" that is neither. */
static void specification(struct cursor *cursor, struct authres_result *result,
                          struct authres_property ***tail)
{
    struct base_text first = keyword(cursor);
    struct base_text property = {NULL, 0};
    struct base_text content;
    struct authres_property *made;

    (void)cfws(cursor);
    if (take(cursor, '.')) {
        (void)cfws(cursor);
        property = keyword(cursor);
        (void)cfws(cursor);
    }
    expect(cursor, '=');
    (void)cfws(cursor);
    if (property.data == NULL && base_text_equals(first, BASE_TEXT("reason"))) {
        if (result->reason.data != NULL || result->properties != NULL)
            cursor->is_bad = true;
        result->reason = value(cursor);
        return;
    }
    content = pvalue(cursor);
    if (property.data == NULL || cursor->is_bad)
        return;
    made = base_arena_alloc(cursor->arena, sizeof(*made));
    if (made == NULL) {
        cursor->is_bad = true;
        return;
    }
    made->ptype = first;
    made->property = property;
    made->value = content;
    **tail = made;
    *tail = &made->next;
}

/* methodspec = [CFWS] method [CFWS] "=" [CFWS] result; method = Keyword [ "/" version ] */
static void methodspec(struct cursor *cursor, struct authres_result *result)
{
    result->method = keyword(cursor);
    (void)cfws(cursor);
    if (take(cursor, '/')) {
        (void)cfws(cursor);
        cursor->is_bad |= digits(cursor).length == 0;
        (void)cfws(cursor);
    }
    expect(cursor, '=');
    (void)cfws(cursor);
    result->result = keyword(cursor);
}

/* resinfo, after its ";". */
static void resinfo(struct cursor *cursor, struct authres_result *result)
{
    struct authres_property **tail = &result->properties;

    methodspec(cursor, result);
    while (!cursor->is_bad) {
        bool has_blank = cfws(cursor);

        if (is_done(cursor) || *cursor->at == ';')
            return;
        if (!has_blank)
            cursor->is_bad = true;
        else
            specification(cursor, result, &tail);
    }
}

static bool is_none(const struct cursor *cursor)
{
    struct cursor ahead = *cursor;
    struct base_text word = {ahead.at, 0};

    while (!is_done(&ahead) && is_token_octet(*ahead.at))
        ahead.at++;
    word.length = (size_t)(ahead.at - word.data);
    (void)cfws(&ahead);
    return base_text_equals_nocase(word, BASE_TEXT("none")) && is_done(&ahead) && !ahead.is_bad;
}

static void results(struct cursor *cursor, struct authres_field *field)
{
    struct authres_result **tail = &field->results;

    (void)cfws(cursor);
    if (is_none(cursor)) {
        cursor->at = cursor->end;
        return;
    }
    /* 1*resinfo */
    cursor->is_bad |= is_done(cursor);
    while (!is_done(cursor)) {
        struct authres_result *result = base_arena_alloc(cursor->arena, sizeof(*result));

        if (result == NULL) {
            cursor->is_bad = true;
            return;
        }
        resinfo(cursor, result);
        *tail = result;
        tail = &result->next;
        if (take(cursor, ';'))
            (void)cfws(cursor);
        else if (!is_done(cursor))
            cursor->is_bad = true;
    }
}

bool authres_field_parse(struct base_arena *arena, struct base_text text,
                         struct authres_field *field_r)
{
    struct cursor cursor = {arena, text.data, text.data + text.length, false};

    memset(field_r, 0, sizeof(*field_r));
    if (text.length == 0)
        return false;
    (void)cfws(&cursor);
    field_r->authserv_id = value(&cursor);
    if (cfws(&cursor) && !is_done(&cursor) && base_ascii_is_digit(*cursor.at)) {
        field_r->version = copy(&cursor, digits(&cursor), false);
        (void)cfws(&cursor);
    }
    expect(&cursor, ';');
    if (!cursor.is_bad)
        results(&cursor, field_r);
    return !cursor.is_bad;
}

/* --- writing --------------------------------------------------------------------------------- */

/* A token in ASCII. */
static bool is_token(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!is_token_octet(text.data[i]) || (unsigned char)text.data[i] >= 0x7f ||
            text.data[i] == '\'')
            return false;
    return text.length > 0;
}

/* Parts between single dots: dot-atom, domain-name. */
static bool has_dots_between(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] == '.' && (i == 0 || i + 1 == text.length || text.data[i - 1] == '.'))
            return false;
    return true;
}

/* domain-name (RFC 6376 section 3.5) as far as an unquoted pvalue needs it. */
static bool is_domain_name(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_alnum(text.data[i]) && text.data[i] != '-' && text.data[i] != '.')
            return false;
    return text.length > 0 && has_dots_between(text);
}

/* A pvalue that needs no quotes: a token, or an address of a dot-atom and a domain name. */
static bool is_plain(struct base_text text)
{
    const char *at = text.length == 0 ? NULL : memchr(text.data, '@', text.length);
    struct base_text local = {text.data, 0};
    struct base_text domain;

    if (at == NULL)
        return is_token(text);
    local.length = (size_t)(at - text.data);
    domain = (struct base_text){at + 1, text.length - local.length - 1};
    return is_domain_name(domain) &&
           (local.length == 0 || (is_token(local) && has_dots_between(local)));
}

/* Length of the UTF-8 character that begins with this octet; 1 if none does. */
static size_t utf8_wanted(unsigned char lead)
{
    if (lead < 0xc2 || lead > 0xf4)
        return 1;
    return lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
}

/* Length of the UTF-8 character at the start, 0 if it is none (RFC 3629, overlong and surrogates
 * left out). */
static size_t utf8_length(const unsigned char *data, size_t length)
{
    size_t want = utf8_wanted(data[0]);

    if (want == 1 || length < want)
        return 0;
    for (size_t i = 1; i < want; i++)
        if ((data[i] & 0xc0) != 0x80)
            return 0;
    if ((data[0] == 0xe0 && data[1] < 0xa0) || (data[0] == 0xed && data[1] > 0x9f) ||
        (data[0] == 0xf0 && data[1] < 0x90) || (data[0] == 0xf4 && data[1] > 0x8f))
        return 0;
    return want;
}

/* AUTHRES_VALUE_MAX octets at most, and no character in halves. */
static struct base_text cut(struct base_text text)
{
    if (text.length <= AUTHRES_VALUE_MAX)
        return text;
    text.length = AUTHRES_VALUE_MAX;
    for (size_t back = 1; back < 4; back++) {
        size_t want = utf8_wanted((unsigned char)text.data[text.length - back]);

        if (want > back)
            text.length -= back;
        if (want > 1)
            break;
    }
    return text;
}

struct base_text authres_whole_value(struct base_text value)
{
    const char *at;

    if (value.length <= AUTHRES_VALUE_MAX)
        return value;
    at = memrchr(value.data, '@', value.length);
    value.length -= at == NULL ? 0 : (size_t)(at - value.data);
    if (at == NULL || value.length > AUTHRES_VALUE_MAX)
        return (struct base_text){NULL, 0};
    return (struct base_text){at, value.length};
}

void authres_append_quoted(struct base_buf *out, struct base_text text)
{
    text = cut(text);
    base_buf_append_char(out, '"');
    for (size_t i = 0; i < text.length;) {
        unsigned char c = (unsigned char)text.data[i];
        size_t length = 1;

        if (c >= 0x80) {
            length = utf8_length((const unsigned char *)text.data + i, text.length - i);
            if (length > 0)
                base_buf_append(out, text.data + i, length);
        } else if (c == '"' || c == '\\') {
            base_buf_append_char(out, '\\');
            base_buf_append_char(out, (char)c);
        } else if (c >= 0x20 && c != 0x7f) {
            base_buf_append_char(out, (char)c);
        } else {
            length = 0;
        }
        if (length == 0) {
            base_buf_append_char(out, '?');
            length = 1;
        }
        i += length;
    }
    base_buf_append_char(out, '"');
}

/* reason, authserv-id: value = token / quoted-string, where an address has to be quoted. */
static void append_token(struct base_buf *out, struct base_text text)
{
    text = cut(text);
    if (is_token(text))
        base_buf_append_text(out, text);
    else
        authres_append_quoted(out, text);
}

void authres_append_value(struct base_buf *out, struct base_text text)
{
    text = cut(text);
    if (is_plain(text))
        base_buf_append_text(out, text);
    else
        authres_append_quoted(out, text);
}

/* The piece goes on this line if it fits 78 columns (RFC 5322 section 2.1.1), else on the next. */
static void append_folded(struct base_buf *out, size_t *column, const struct base_buf *made)
{
    struct base_text piece = base_buf_text(made);

    /* Names that nobody registered can be of any length. */
    if (made->is_over)
        return;
    if (*column + 1 + piece.length > 78) {
        base_buf_append_cstr(out, "\n\t");
        *column = 8;
    } else {
        base_buf_append_char(out, ' ');
        *column += 1;
    }
    base_buf_append_text(out, piece);
    *column += piece.length;
}

static void write_result(const struct authres_result *result, struct base_buf *out)
{
    size_t column = 8;
    char storage[LINE_MAX_OCTETS];
    struct base_buf piece;

    base_buf_init_fixed(&piece, storage, sizeof(storage));
    if (result->method.length + result->result.length > LINE_MAX_OCTETS)
        return;
    base_buf_append_cstr(out, ";\n\t");
    base_buf_append_text(out, result->method);
    base_buf_append_char(out, '=');
    base_buf_append_text(out, result->result);
    column += result->method.length + 1 + result->result.length;
    if (result->reason.data != NULL) {
        base_buf_append_cstr(&piece, "reason=");
        append_token(&piece, result->reason);
        append_folded(out, &column, &piece);
    }
    for (const struct authres_property *property = result->properties; property != NULL;
         property = property->next) {
        base_buf_clear(&piece);
        base_buf_append_text(&piece, property->ptype);
        base_buf_append_char(&piece, '.');
        base_buf_append_text(&piece, property->property);
        base_buf_append_char(&piece, '=');
        authres_append_value(&piece, property->value);
        append_folded(out, &column, &piece);
    }
}

void authres_field_write(const struct authres_field *field, struct base_buf *out)
{
    size_t head;

    base_buf_append_char(out, ' ');
    append_token(out, field->authserv_id);
    if (field->version.data != NULL && field->version.length <= VERSION_MAX) {
        base_buf_append_char(out, ' ');
        base_buf_append_text(out, field->version);
    }
    if (field->comment.data != NULL) {
        base_buf_append_cstr(out, " (");
        base_buf_append_text(out, field->comment);
        base_buf_append_char(out, ')');
    }
    head = out->length;
    for (const struct authres_result *result = field->results; result != NULL;
         result = result->next)
        write_result(result, out);
    if (out->length == head)
        base_buf_append_cstr(out, "; none");
}
