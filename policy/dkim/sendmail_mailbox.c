/* RFC 5322 section 3.4, one address or a part of a group:
 *
 *   [ phrase ":" ] ( [ phrase ] "<" addr-spec ">" / addr-spec ) [ ";" ]      CFWS between
 *
 * Sendmail keeps what stands around an address (the phrase, comments), and puts the address into
 * its place after its rules have seen it. Rules change what is not plain: names without a domain or
 * with one label, routes, "%" and "!", literals. All that is uncertain. */
#include "policy/dkim/sendmail_mailbox.h"

#include <stdint.h>
#include <string.h>

/* What Sendmail takes for one address with its phrase and comments, and for one word of it; below
 * SURE it fits, above DROPPED it does not. */
enum {
    SURE = 250,
    DROPPED = 260,
    WORD_SURE = 240,
    PHRASE_SURE = 900,
};

struct parts {
    /* Before the colon, and the blanks behind it. */
    struct base_text group;
    struct base_text gap;
    bool has_group;
    /* Before the "<", within the brackets, behind the ">"; or all of it in `rest`. */
    struct base_text phrase;
    struct base_text inner;
    struct base_text tail;
    bool has_angle;
    struct base_text rest;
    bool has_semicolon;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static struct base_text part(struct base_text text, size_t begin, size_t end)
{
    return (struct base_text){text.data + begin, end - begin};
}

size_t dkim_sendmail_length(struct base_text text)
{
    size_t length = text.length;

    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if ((c & 0xe0) == 0x80 || c == 0xff)
            length++;
    }
    return length;
}

static bool is_control(char c)
{
    return ((unsigned char)c < 0x20 && !is_blank(c)) || c == 0x7f;
}

/* Behind the quoted string or the comment that begins at `at`. */
static size_t skip_nested(struct base_text text, size_t at, bool is_comment)
{
    size_t depth = 1;

    for (at++; at < text.length; at++) {
        char c = text.data[at];
        if (is_control(c))
            break;
        if (c == '\\' && ++at == text.length)
            break;
        if (c == '\\' && !base_ascii_is_print(text.data[at]))
            break;
        if (is_comment && c == '(')
            depth++;
        if (c == (is_comment ? ')' : '"') && --depth == 0)
            return at + 1;
    }
    return SIZE_MAX;
}

size_t dkim_sendmail_skip(struct base_text text, size_t at)
{
    char c = text.data[at];

    if (c == '"' || c == '(')
        return skip_nested(text, at, c == '(');
    return is_control(c) || c == ')' || c == '\\' ? SIZE_MAX : at + 1;
}

/* Where the specials of the whole stand; SIZE_MAX: nowhere. */
struct marks {
    size_t colon;
    size_t open;
    size_t close;
    size_t bracket;
    size_t semicolon;
};

static bool set_once(size_t *mark, size_t at)
{
    if (*mark != SIZE_MAX)
        return false;
    *mark = at;
    return true;
}

static bool note_mark(struct marks *marks, struct base_text text, size_t at)
{
    switch (text.data[at]) {
    case ':':
        return marks->open == SIZE_MAX && marks->bracket == SIZE_MAX && set_once(&marks->colon, at);
    case '<':
        return set_once(&marks->open, at);
    case '>':
        return marks->open != SIZE_MAX && set_once(&marks->close, at);
    case '[':
        marks->bracket = at;
        return true;
    case ';':
        return at + 1 == text.length && set_once(&marks->semicolon, at);
    default:
        return true;
    }
}

static bool find_marks(struct base_text text, struct marks *marks)
{
    *marks = (struct marks){SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX, SIZE_MAX};
    for (size_t at = 0; at < text.length;) {
        size_t next = dkim_sendmail_skip(text, at);
        if (next == SIZE_MAX || !note_mark(marks, text, at))
            return false;
        at = next;
    }
    return (marks->open == SIZE_MAX) == (marks->close == SIZE_MAX);
}

static bool split(struct base_text text, struct parts *parts)
{
    struct marks marks;
    size_t begin = 0;

    *parts = (struct parts){.has_group = false};
    if (!find_marks(text, &marks))
        return false;
    if (marks.colon != SIZE_MAX) {
        size_t gap = marks.colon + 1;
        for (begin = gap; begin < text.length && is_blank(text.data[begin]); begin++)
            ;
        /* Two that DECnet knows. */
        if (gap < text.length && strchr(":.", text.data[gap]) != NULL)
            return false;
        parts->group = part(text, 0, marks.colon);
        parts->gap = part(text, gap, begin);
        parts->has_group = true;
    }
    parts->has_semicolon = marks.semicolon != SIZE_MAX;
    parts->rest = part(text, begin, text.length);
    if (marks.open != SIZE_MAX) {
        parts->has_angle = true;
        parts->phrase = part(text, begin, marks.open);
        parts->inner = part(text, marks.open + 1, marks.close);
        parts->tail = part(text, marks.close + 1, text.length);
    }
    return true;
}

/* --- the address itself --------------------------------------------------------------------------
 */

/* Without "%" and "!", which lead elsewhere. */
static bool is_plain_local(struct base_text local)
{
    for (size_t i = 0; i < local.length; i++)
        if (!base_ascii_is_alnum(local.data[i]) &&
            strchr(".#$&'*+-/=?^_`{|}~", local.data[i]) == NULL)
            return false;
    return local.length > 0;
}

/* One quoted string without escapes. */
static bool is_quoted_local(struct base_text local)
{
    if (local.length < 2 || local.data[0] != '"' || memchr(local.data, '\\', local.length) != NULL)
        return false;
    for (size_t i = 0; i < local.length; i++)
        if (!base_ascii_is_print(local.data[i]) || strchr("%!", local.data[i]) != NULL)
            return false;
    return skip_nested(local, 0, false) == local.length;
}

/* Two labels or more: Sendmail completes what has one. */
static bool is_plain_domain(struct base_text domain)
{
    bool has_dot = false;

    for (size_t i = 0; i < domain.length; i++) {
        char c = domain.data[i];
        if (c == '.' && (i == 0 || i + 1 == domain.length || domain.data[i - 1] == '.'))
            return false;
        has_dot = has_dot || c == '.';
        if (c != '.' && c != '-' && c != '_' && !base_ascii_is_alnum(c))
            return false;
    }
    return has_dot;
}

/* Blanks about the "@" go away. */
static bool append_address(struct base_text text, struct base_buf *out)
{
    struct base_text local;
    struct base_text domain;
    size_t at = text.length;

    while (at > 0 && text.data[at - 1] != '@')
        at--;
    if (at == 0)
        return false;
    local = base_text_trim(part(text, 0, at - 1));
    domain = base_text_trim(part(text, at, text.length));
    if ((!is_plain_local(local) && !is_quoted_local(local)) || !is_plain_domain(domain))
        return false;
    base_buf_append_text(out, local);
    base_buf_append_char(out, '@');
    base_buf_append_text(out, domain);
    return true;
}

/* --- what stands around it -----------------------------------------------------------------------
 */

static bool want_quotes(struct base_text phrase)
{
    for (size_t at = 0; at < phrase.length; at = dkim_sendmail_skip(phrase, at))
        if (strchr("@[].'", phrase.data[at]) != NULL)
            return true;
    return false;
}

/* A phrase with such a character is put in quotes as a whole, its comments and quotes too; what is
 * behind a backslash already gets no other treatment, so that the outcome may be no phrase. */
static bool append_phrase(struct base_text phrase, struct base_buf *out)
{
    size_t end = phrase.length;

    if (!want_quotes(phrase)) {
        base_buf_append_text(out, phrase);
        return true;
    }
    while (is_blank(phrase.data[end - 1]))
        end--;
    base_buf_append_char(out, '"');
    for (size_t i = 0; i < end; i++) {
        if (phrase.data[i] == '"')
            base_buf_append_char(out, '\\');
        base_buf_append_char(out, phrase.data[i]);
    }
    base_buf_append_char(out, '"');
    base_buf_append_text(out, part(phrase, end, phrase.length));
    return true;
}

/* Behind the bracket: blanks and comments, and the end of a group. */
static bool is_plain_tail(struct base_text tail)
{
    for (size_t at = 0; at < tail.length; at = dkim_sendmail_skip(tail, at))
        if (!is_blank(tail.data[at]) && tail.data[at] != '(' && tail.data[at] != ';')
            return false;
    return true;
}

/* Sendmail drops phrase and comments that are longer than its buffer, when it can read them. */
static bool is_readable(struct base_text phrase)
{
    size_t begin = 0;

    for (size_t at = 0; at < phrase.length;) {
        size_t next = dkim_sendmail_skip(phrase, at);
        if (is_blank(phrase.data[at]))
            begin = next;
        if (next - begin > WORD_SURE)
            return false;
        at = next;
    }
    return dkim_sendmail_length(phrase) <= PHRASE_SURE;
}

static bool write_angle(const struct parts *parts, struct base_buf *out)
{
    size_t begin = out->length;
    size_t address_begin;
    size_t address_length;

    if (!append_phrase(parts->phrase, out) || !is_plain_tail(parts->tail))
        return false;
    base_buf_append_char(out, '<');
    address_begin = out->length;
    if (!append_address(parts->inner, out))
        return false;
    address_length = out->length - address_begin;
    base_buf_append_char(out, '>');
    base_buf_append_text(out, parts->tail);
    if (out->is_over || dkim_sendmail_length(part(base_buf_text(out), begin, out->length)) <= SURE)
        return !out->is_over;
    if (dkim_sendmail_length(part(base_buf_text(out), begin, address_begin)) <= DROPPED ||
        address_length > SURE - 2 || parts->has_group || parts->has_semicolon ||
        !is_readable(parts->phrase))
        return false;
    memmove(out->data + begin, out->data + address_begin - 1, address_length + 2);
    out->length = begin + address_length + 2;
    out->data[out->length] = '\0';
    return true;
}

/* The one run of octets that is neither comment nor blank; false when there are more or none. */
static bool find_address(struct base_text text, struct base_text *address_r)
{
    size_t begin = 0;

    *address_r = (struct base_text){NULL, 0};
    for (size_t at = 0; at <= text.length;) {
        if (at == text.length || text.data[at] == '(') {
            struct base_text run = base_text_trim(part(text, begin, at));
            if (run.length > 0 && address_r->length > 0)
                return false;
            if (run.length > 0)
                *address_r = run;
            if (at == text.length)
                break;
            begin = dkim_sendmail_skip(text, at);
            at = begin;
        } else {
            at = dkim_sendmail_skip(text, at);
        }
    }
    return address_r->length > 0;
}

/* No brackets: the address is written where the first octet stands that is not in a comment, be it
 * a blank; each comment after one blank. */
static bool write_bare(struct base_text text, struct base_buf *out)
{
    size_t begin = out->length;
    struct base_text address;
    bool is_written = false;

    if (!find_address(text, &address))
        return false;
    for (size_t at = 0; at < text.length;) {
        size_t next = dkim_sendmail_skip(text, at);
        if (text.data[at] == '(') {
            if (out->length > begin)
                base_buf_append_char(out, ' ');
            base_buf_append_text(out, part(text, at, next));
        } else if (!is_written) {
            if (out->length > begin)
                base_buf_append_char(out, ' ');
            if (!append_address(address, out))
                return false;
            is_written = true;
        }
        at = next;
    }
    return true;
}

static bool write_group(const struct parts *parts, struct base_buf *out)
{
    struct base_text group = parts->group;

    if (base_text_trim(group).length == 0 || !append_phrase(group, out))
        return false;
    base_buf_append_char(out, ':');
    base_buf_append_text(out, parts->gap);
    return true;
}

static bool write_rest(struct parts *parts, struct base_buf *out)
{
    /* An empty group. */
    if (parts->has_group && parts->has_semicolon && parts->rest.length == 1) {
        base_buf_append_char(out, ';');
        return true;
    }
    if (parts->has_angle)
        return write_angle(parts, out);
    if (parts->has_semicolon)
        parts->rest.length--;
    if (!write_bare(parts->rest, out))
        return false;
    if (parts->has_semicolon)
        base_buf_append_char(out, ';');
    return true;
}

bool dkim_sendmail_mailbox(struct base_text text, struct base_buf *out)
{
    size_t begin = out->length;
    struct parts parts;

    return split(text, &parts) && (!parts.has_group || write_group(&parts, out)) &&
           write_rest(&parts, out) && !out->is_over &&
           dkim_sendmail_length(part(base_buf_text(out), begin, out->length)) <= SURE;
}
