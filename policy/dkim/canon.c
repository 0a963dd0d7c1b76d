/* RFC 6376 sections 3.4.1 to 3.4.4. The body's canonical form is written in two stages: relaxed
 * first reduces white space (body_write_relaxed), then both forms share the stage that withholds
 * empty lines until it is known that they are not the last ones (body_write_lines). */
#include "policy/dkim/canon.h"

#include <string.h>

/* Pieces from this size on are not copied. */
#define SINK_DIRECT 1024
/* Octets looked at in one step. */
#define SCAN_WORD  16
#define CRLF_BLOCK 32

void dkim_sink_init(struct dkim_sink *sink,
                    void (*write)(void *context, const void *data, size_t length), void *context)
{
    sink->write = write;
    sink->context = context;
    sink->used = 0;
}

void dkim_sink_flush(struct dkim_sink *sink)
{
    if (sink->used > 0)
        sink->write(sink->context, sink->gathered, sink->used);
    sink->used = 0;
}

void dkim_sink_write(struct dkim_sink *sink, const char *data, size_t length)
{
    if (length > sizeof(sink->gathered) - sink->used || length >= SINK_DIRECT) {
        dkim_sink_flush(sink);
        if (length >= SINK_DIRECT) {
            sink->write(sink->context, data, length);
            return;
        }
    }
    if (length > 0)
        memcpy(sink->gathered + sink->used, data, length);
    sink->used += length;
}

/* --- header fields --- */

static bool is_wsp(char c)
{
    return c == ' ' || c == '\t';
}

/* Section 3.4.2 speaks of WSP; a CR or LF inside a value can only be (part of) a fold. */
static bool is_blank(char c)
{
    return is_wsp(c) || c == '\r' || c == '\n';
}

/* Section 3.4.1: as it is; our folds are LF where the wire has CRLF. */
static void field_write_simple(struct base_text name, struct base_text value,
                               struct dkim_sink *sink)
{
    const char *at = value.data;
    const char *end = value.data + value.length;

    dkim_sink_write(sink, name.data, name.length);
    dkim_sink_write(sink, ":", 1);
    while (at < end) {
        const char *lf = memchr(at, '\n', (size_t)(end - at));
        size_t length = (size_t)((lf == NULL ? end : lf) - at);

        if (lf != NULL && length > 0 && lf[-1] == '\r')
            length--;
        dkim_sink_write(sink, at, length);
        if (lf == NULL)
            break;
        dkim_sink_write(sink, "\r\n", 2);
        at = lf + 1;
    }
}

/* Section 3.4.2: name in lower case, folds undone, white space reduced and trimmed. */
static void field_write_relaxed(struct base_text name, struct base_text value,
                                struct dkim_sink *sink)
{
    char lower[128];
    size_t at = 0;
    const char *p;
    const char *end;

    while (name.length > 0 && is_blank(name.data[name.length - 1]))
        name.length--;
    while (at < name.length) {
        size_t i;

        for (i = 0; i < sizeof(lower) && at < name.length; i++, at++)
            lower[i] = base_ascii_lower(name.data[at]);
        dkim_sink_write(sink, lower, i);
    }
    dkim_sink_write(sink, ":", 1);

    value = base_text_trim(value);
    p = value.data;
    end = value.data + value.length;
    while (p < end) {
        const char *word = p;

        while (p < end && !is_blank(*p))
            p++;
        /* One blank that is a space already is part of the piece. */
        while (p < end && *p == ' ' && !is_blank(p[1])) {
            p++;
            while (p < end && !is_blank(*p))
                p++;
        }
        dkim_sink_write(sink, word, (size_t)(p - word));
        if (p == end)
            break;
        while (is_blank(*p))
            p++;
        dkim_sink_write(sink, " ", 1);
    }
}

void dkim_canon_last_field(enum dkim_canon canon, struct base_text name, struct base_text value,
                           struct dkim_sink *sink)
{
    if (canon == DKIM_CANON_SIMPLE)
        field_write_simple(name, value, sink);
    else
        field_write_relaxed(name, value, sink);
}

void dkim_canon_field(enum dkim_canon canon, struct base_text name, struct base_text value,
                      struct dkim_sink *sink)
{
    dkim_canon_last_field(canon, name, value, sink);
    dkim_sink_write(sink, "\r\n", 2);
}

/* --- body --- */

void dkim_body_begin(struct dkim_body *body, enum dkim_canon canon, struct dkim_sink *sink)
{
    memset(body, 0, sizeof(*body));
    body->canon = canon;
    body->sink = sink;
}

/* The withheld empty lines were not the last ones. */
static void body_release(struct dkim_body *body)
{
    static const char crlfs[2 * CRLF_BLOCK + 1] =
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n"
        "\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n\r\n";

    while (body->crlfs > 0) {
        size_t count = body->crlfs < CRLF_BLOCK ? (size_t)body->crlfs : CRLF_BLOCK;

        dkim_sink_write(body->sink, crlfs, 2 * count);
        body->crlfs -= count;
    }
    body->has_text = true;
}

/* Hands on `data`, but withholds CRLFs (and a CR) at its end. */
static void body_write_lines(struct dkim_body *body, const char *data, size_t length)
{
    const char *end = data + length;

    if (length == 0)
        return;
    if (body->has_text && body->crlfs == 0 && !body->has_cr && *data != '\r' && end[-1] != '\r' &&
        end[-1] != '\n') {
        dkim_sink_write(body->sink, data, length);
        return;
    }
    if (body->has_cr) {
        body->has_cr = false;
        if (*data == '\n') {
            body->crlfs++;
            data++;
        } else {
            body_release(body);
            dkim_sink_write(body->sink, "\r", 1);
        }
    }
    while (end - data >= 2 && data[0] == '\r' && data[1] == '\n') {
        body->crlfs++;
        data += 2;
    }
    if (data == end)
        return;
    if (end - data == 1 && *data == '\r') {
        body->has_cr = true;
        return;
    }
    body_release(body);
    if (end[-1] == '\r') {
        body->has_cr = true;
        end--;
    }
    while (end - data >= 2 && end[-2] == '\r' && end[-1] == '\n') {
        body->crlfs++;
        end -= 2;
    }
    dkim_sink_write(body->sink, data, (size_t)(end - data));
}

/* Sixteen octets at once: the compiler's vectors, which it makes of whatever the machine has. */
struct scan_word {
    unsigned char octets __attribute__((vector_size(SCAN_WORD)));
};

static struct scan_word scan_load(const char *at)
{
    struct scan_word word;

    memcpy(&word, at, sizeof(word));
    return word;
}

/* Where in the word the first octet stands that, taken with the one behind it, asks for a change;
 * SCAN_WORD if none does. Reads one octet more than the word. */
static size_t scan_word(const char *at)
{
    struct scan_word here = scan_load(at);
    struct scan_word next = scan_load(at + 1);
    struct scan_word changes;
    uint64_t halves[2];

    changes.octets = (here.octets == '\t') |
                     ((here.octets == ' ') &
                      ((next.octets == ' ') | (next.octets == '\t') | (next.octets == '\r')));
    memcpy(halves, &changes, sizeof(halves));
    if ((halves[0] | halves[1]) == 0)
        return SCAN_WORD;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    return (size_t)(halves[0] != 0 ? __builtin_ctzll(halves[0]) : 64 + __builtin_ctzll(halves[1])) /
           8;
#else
    return (size_t)(halves[0] != 0 ? __builtin_clzll(halves[0]) : 64 + __builtin_clzll(halves[1])) /
           8;
#endif
}

/* The first white space that is not a single space within a line, or `end`. */
static const char *find_change(const char *at, const char *end)
{
    while (end - at > SCAN_WORD) {
        size_t clean = scan_word(at);

        at += clean;
        if (clean < SCAN_WORD)
            return at;
    }
    while (at < end && *at != '\t' &&
           (*at != ' ' || (at + 1 < end && !is_wsp(at[1]) && at[1] != '\r')))
        at++;
    return at;
}

/* Takes what decides about withheld white space; returns where the chunk goes on. */
static const char *body_settle_blank(struct dkim_body *body, const char *at, const char *end)
{
    while (at < end && !body->has_blank_cr && is_wsp(*at))
        at++;
    if (at == end)
        return at;
    if (!body->has_blank_cr && *at == '\r') {
        body->has_blank_cr = true;
        at++;
        if (at == end)
            return at;
    }
    if (!body->has_blank_cr)
        body_write_lines(body, " ", 1);
    else if (*at == '\n')
        body_write_lines(body, "\r", 1);
    else
        body_write_lines(body, " \r", 2);
    body->has_blank = false;
    body->has_blank_cr = false;
    return at;
}

/* Section 3.4.4: no white space at the end of a line, one space for any other run of it. */
static void body_write_relaxed(struct dkim_body *body, const char *data, size_t length)
{
    const char *end = data + length;
    const char *at = body->has_blank ? body_settle_blank(body, data, end) : data;
    const char *piece = at;

    while ((at = find_change(at, end)) < end) {
        body_write_lines(body, piece, (size_t)(at - piece));
        while (at < end && is_wsp(*at))
            at++;
        if (at < end && *at != '\r' && at[-1] == ' ') {
            /* The last space of the run is the one that stays: it begins the next piece. */
            piece = at - 1;
        } else {
            body->has_blank = true;
            at = body_settle_blank(body, at, end);
            piece = at;
        }
    }
    body_write_lines(body, piece, (size_t)(end - piece));
}

void dkim_body_write(struct dkim_body *body, struct base_text chunk)
{
    if (chunk.length == 0)
        return;
    if (body->canon == DKIM_CANON_SIMPLE)
        body_write_lines(body, chunk.data, chunk.length);
    else
        body_write_relaxed(body, chunk.data, chunk.length);
}

void dkim_body_end(struct dkim_body *body)
{
    if (body->has_blank_cr)
        body_write_lines(body, " \r", 2);
    if (body->has_cr) {
        body_release(body);
        dkim_sink_write(body->sink, "\r", 1);
    }
    /* An empty body is one CRLF to simple (3.4.3) and nothing to relaxed (3.4.4). */
    if (body->has_text || body->canon == DKIM_CANON_SIMPLE)
        dkim_sink_write(body->sink, "\r\n", 2);
    dkim_sink_flush(body->sink);
}
