/* The readings are those of Postfix with strict_rfc821_envelopes = no, its default: what stands in
 * angle brackets counts and not the phrase before them; comments and blanks are dropped, but for
 * one between two words; the last "@" begins the domain; of a group ("x: ... ;") what is in it, or
 * else what follows it. */
#include "policy/path.h"

#include <string.h>

#include "base/arena.h"

struct reader {
    const char *at;
    const char *end;
    /* The local part without quotes, '@' and the domain, if has_at: before it `local_length`. */
    struct base_buf out;
    size_t local_length;
    bool has_at;
    bool is_route;
    bool is_in_brackets;
    /* Nothing but blanks and comments may follow. */
    bool is_over;
    /* A word has ended; another one behind it keeps one blank between them. */
    bool has_blank;
    bool is_bad;
};

static void restart(struct reader *reader)
{
    base_buf_clear(&reader->out);
    reader->has_at = false;
    reader->is_route = false;
    reader->local_length = 0;
}

static bool is_behind_word(const struct reader *reader)
{
    char before = reader->out.length == 0 ? '@' : reader->out.data[reader->out.length - 1];

    return before != '@' && before != '.' && before != ':';
}

/* Control characters are no part of any mailbox; what they hide behind is looked at all the same.
 */
static char printable(char c)
{
    if (c == '\t')
        return ' ';
    return (c > 0 && c < 0x20) || c == 0x7f ? '?' : c;
}

static void put(struct reader *reader, char c)
{
    if (reader->has_blank && is_behind_word(reader) && c != '@' && c != '.' && c != ':')
        base_buf_append_char(&reader->out, ' ');
    reader->has_blank = false;
    if (c == '\0' || reader->is_over)
        reader->is_bad = true;
    else
        base_buf_append_char(&reader->out, printable(c));
}

/* quoted-pair, behind its backslash. */
static void put_pair(struct reader *reader)
{
    if (reader->at < reader->end)
        put(reader, *reader->at++);
    else
        reader->is_bad = true;
}

/* quoted-string, behind its first quote. */
static void read_quoted(struct reader *reader)
{
    while (reader->at < reader->end && !reader->is_bad) {
        char c = *reader->at++;

        if (c == '"')
            return;
        if (c == '\\')
            put_pair(reader);
        else
            put(reader, c);
    }
    reader->is_bad = true;
}

/* comment, behind its first bracket; they nest. */
static void skip_comment(struct reader *reader)
{
    unsigned depth = 1;

    while (reader->at < reader->end && depth > 0) {
        char c = *reader->at++;

        if (c == '\\' && reader->at < reader->end)
            reader->at++;
        else if (c == '(')
            depth++;
        else if (c == ')')
            depth--;
    }
    if (depth > 0)
        reader->is_bad = true;
}

static void read_at(struct reader *reader)
{
    /* "@a,@b:" */
    reader->is_route |= !reader->has_at && reader->out.length == 0;
    reader->has_at = true;
    reader->local_length = reader->out.length;
    put(reader, '@');
}

static void read_special(struct reader *reader, char c)
{
    switch (c) {
    case '<':
        reader->is_bad = reader->is_in_brackets || reader->is_over;
        reader->is_in_brackets = true;
        restart(reader);
        break;
    case '>':
        reader->is_bad = !reader->is_in_brackets;
        reader->is_in_brackets = false;
        reader->is_over = true;
        break;
    case ':':
        if (reader->is_route)
            restart(reader);
        else
            put(reader, c);
        break;
    case ',':
        reader->is_bad = !reader->is_route;
        break;
    default:
        /* ')' without '(', or ';' without a group. */
        reader->is_bad = true;
    }
}

/* ";" ends a group: its members, or what follows it. */
static void end_group(struct reader *reader)
{
    const char *data = base_buf_cstr(&reader->out);
    const char *colon = reader->out.length > 0 ? memchr(data, ':', reader->out.length) : NULL;
    size_t head = colon == NULL ? 0 : (size_t)(colon - data) + 1;

    if (colon == NULL || (reader->has_at && head > reader->local_length)) {
        reader->is_bad = true;
    } else if (head == reader->out.length) {
        restart(reader);
    } else {
        memmove(reader->out.data, colon + 1, reader->out.length - head);
        reader->out.length -= head;
        reader->local_length -= reader->has_at ? head : 0;
        reader->is_over = true;
    }
}

static void read_next(struct reader *reader)
{
    char c = *reader->at++;

    if (c == ' ' || c == '\t') {
        reader->has_blank = true;
    } else if (c == '(') {
        reader->has_blank = true;
        skip_comment(reader);
    } else if (c == '"') {
        read_quoted(reader);
    } else if (c == '\\') {
        put_pair(reader);
    } else if (c == ';') {
        end_group(reader);
    } else if (strchr("<>:,)", c) != NULL && c != '\0') {
        read_special(reader, c);
    } else if (c == '@') {
        read_at(reader);
    } else {
        put(reader, c);
    }
}

/* In quotes: whatever it is made of, that is one local part. */
static struct base_text write_path(const struct reader *reader, struct base_arena *arena)
{
    struct base_text whole = base_buf_text(&reader->out);
    size_t length = reader->has_at ? reader->local_length : whole.length;
    struct base_buf path;

    base_buf_init(&path, arena, 2 * POLICY_ADDRESS_MAX + 2);
    base_buf_append_char(&path, '"');
    for (size_t i = 0; i < length; i++) {
        if (whole.data[i] == '"' || whole.data[i] == '\\')
            base_buf_append_char(&path, '\\');
        base_buf_append_char(&path, whole.data[i]);
    }
    base_buf_append_char(&path, '"');
    base_buf_append(&path, whole.data + length, whole.length - length);
    return path.is_over ? (struct base_text){NULL, 0} : base_buf_text(&path);
}

/* Without the quotes, if it needs none. */
static void unquote(struct base_arena *arena, struct policy_address *address)
{
    struct policy_address plain;
    struct base_text local = {address->local.data + 1, address->local.length - 2};
    struct base_text domain = address->domain_text;
    const char *path;

    if (local.length == 0)
        return;
    path = address->kind == POLICY_ADDRESS_LOCAL
               ? base_arena_printf(arena, "%.*s", (int)local.length, local.data)
               : base_arena_printf(arena, "%.*s@%.*s", (int)local.length, local.data,
                                   (int)domain.length, domain.data);
    if (path != NULL && policy_address_parse(base_text_of(path), &plain) == address->kind &&
        base_text_equals(plain.local, local))
        *address = plain;
}

enum policy_address_kind policy_path_read(struct base_arena *arena, struct base_text path,
                                          struct policy_address *address_r)
{
    char room[POLICY_ADDRESS_MAX + 1];
    struct reader reader = {.is_bad = false};
    struct policy_address loose;
    struct base_text text;

    if (policy_address_parse(path, address_r) != POLICY_ADDRESS_INVALID ||
        address_r->text.length > POLICY_ADDRESS_MAX)
        return address_r->kind;
    reader.at = address_r->text.data;
    reader.end = reader.at + address_r->text.length;
    base_buf_init_fixed(&reader.out, room, sizeof(room));
    while (reader.at < reader.end && !reader.is_bad)
        read_next(&reader);
    if (reader.is_bad || reader.is_in_brackets || reader.out.is_over)
        return address_r->kind;
    text = write_path(&reader, arena);
    if (text.data == NULL || policy_address_parse(text, &loose) == POLICY_ADDRESS_INVALID)
        return address_r->kind;
    unquote(arena, &loose);
    *address_r = loose;
    return loose.kind;
}

/* Sendmail leaves out the domain where it is one of its own. */
bool policy_path_settle(struct base_arena *arena, struct base_text path, struct base_text told,
                        struct policy_address *address_r)
{
    struct policy_address by_mta;

    if (policy_address_parse(path, address_r) != POLICY_ADDRESS_INVALID)
        return true;
    (void)policy_path_read(arena, path, address_r);
    if (policy_address_parse(told, &by_mta) == POLICY_ADDRESS_INVALID ||
        by_mta.kind == POLICY_ADDRESS_NULL)
        return false;
    if (by_mta.kind != POLICY_ADDRESS_LOCAL || address_r->kind != POLICY_ADDRESS_DOMAIN ||
        !policy_address_is_local_part(address_r, by_mta.local))
        *address_r = by_mta;
    return true;
}
