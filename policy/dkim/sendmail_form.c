/* RFC 5322 sections 3.4 and 3.6. An address list is written in one way: the blanks after the colon
 * as spaces, the addresses with ", " between them, and a new line of eight blanks before one that
 * would pass column 78. */
#include "policy/dkim/sendmail_form.h"

#include <stdint.h>
#include <string.h>

#include "base/arena.h"
#include "policy/dkim/sendmail_mailbox.h"

enum {
    COLUMNS = 78,
    INDENT = 8,
    /* A line as long as SMTP allows (RFC 5321 section 4.5.3.1.6), and some room; what is longer is
     * broken in two by SMTP mailers. */
    LINE = 980,
};

static const char *const address_fields[] = {
    "from",
    "sender",
    "reply-to",
    "to",
    "cc",
    "errors-to",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-reply-to",
    "resent-cc",
    "disposition-notification-to",
    "apparently-to",
};

/* Removed at delivery, always or by options. */
static const char *const removed_fields[] = {
    "bcc",       "resent-bcc",        "return-path",         "content-length",
    "full-name", "return-receipt-to", "delivery-receipt-to",
};

/* Added after the filters where they are not there. */
static const char *const added_fields[] = {
    "date", "message-id", "resent-date", "resent-from", "resent-message-id", NULL,
};

static bool is_among(const char *const *list, size_t count, struct base_text name)
{
    for (size_t i = 0; i < count; i++)
        if (base_text_equals_nocase(base_text_of(list[i]), name))
            return true;
    return false;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool has_long_line(struct base_text name, struct base_text value)
{
    size_t column = name.length + 1;

    for (size_t i = 0; i < value.length; i++) {
        column = value.data[i] == '\n' ? 0 : column + 1;
        if (column > LINE)
            return true;
    }
    return false;
}

struct writing {
    struct base_buf out;
    /* One address at a time. */
    struct base_buf one;
    size_t column;
    bool has_one;
};

static bool write_one(struct writing *writing, struct base_text text)
{
    size_t length;

    base_buf_clear(&writing->one);
    if (!dkim_sendmail_mailbox(text, &writing->one))
        return false;
    length = dkim_sendmail_length(base_buf_text(&writing->one));
    writing->column += (writing->has_one ? 2 : 0) + length;
    if (writing->has_one && writing->column > COLUMNS) {
        base_buf_append_cstr(&writing->out, ",\n        ");
        writing->column = INDENT + length;
    } else if (writing->has_one) {
        base_buf_append_cstr(&writing->out, ", ");
    }
    base_buf_append_text(&writing->out, base_buf_text(&writing->one));
    writing->has_one = true;
    return true;
}

/* Up to the comma that is neither quoted nor in a comment; SIZE_MAX: not balanced. */
static size_t find_comma(struct base_text text, size_t at)
{
    while (at < text.length && text.data[at] != ',') {
        at = dkim_sendmail_skip(text, at);
        if (at == SIZE_MAX)
            break;
    }
    return at;
}

/* Without one of these anywhere a blank, too, ends an address: "a@x b@y" are two. */
static bool has_list_sign(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (strchr(",(<;", value.data[i]) != NULL)
            return true;
    return false;
}

/* No blank or colon outside quotes. */
static bool is_one_word(struct base_text text)
{
    for (size_t at = 0; at < text.length; at = dkim_sendmail_skip(text, at))
        if (is_blank(text.data[at]) || text.data[at] == ':')
            return false;
    return true;
}

static bool write_list(struct writing *writing, struct base_text value, size_t at)
{
    bool is_old_style = !has_list_sign(value);

    while (at < value.length) {
        size_t end = find_comma(value, at);
        struct base_text text;
        if (end == SIZE_MAX)
            return false;
        text = base_text_trim((struct base_text){value.data + at, end - at});
        if (is_old_style && !is_one_word(text))
            return false;
        if (text.length > 0 && !write_one(writing, text))
            return false;
        at = end + 1;
    }
    return !writing->out.is_over;
}

static bool write_field(struct writing *writing, struct base_text name, struct base_text value)
{
    size_t at = 0;

    while (at < value.length && is_blank(value.data[at])) {
        base_buf_append_char(&writing->out, ' ');
        at++;
    }
    writing->column = name.length + 1 + at;
    return write_list(writing, value, at);
}

enum dkim_sendmail_form dkim_sendmail_form(struct base_arena *arena, struct base_text name,
                                           struct base_text value, struct base_text *written_r)
{
    struct writing writing = {.column = 0};

    *written_r = value;
    name = base_text_trim(name);
    if (is_among(removed_fields, sizeof(removed_fields) / sizeof(*removed_fields), name))
        return DKIM_SENDMAIL_UNCERTAIN;
    if (!is_among(address_fields, sizeof(address_fields) / sizeof(*address_fields), name))
        return has_long_line(name, value) ? DKIM_SENDMAIL_UNCERTAIN : DKIM_SENDMAIL_SAME;
    /* Each address grows by two quotes and two blanks at most, each quote by a backslash; a new
     * line takes ten octets. */
    base_buf_init(&writing.out, arena, 6 * value.length + 64);
    base_buf_init(&writing.one, arena, 6 * value.length + 64);
    if (!write_field(&writing, name, value) || has_long_line(name, base_buf_text(&writing.out)))
        return DKIM_SENDMAIL_UNCERTAIN;
    if (base_text_equals(base_buf_text(&writing.out), value))
        return DKIM_SENDMAIL_SAME;
    *written_r = base_buf_text(&writing.out);
    return DKIM_SENDMAIL_REWRITTEN;
}

static bool is_left_out(const struct dkim_select_changes *changes, struct base_text name)
{
    for (size_t i = 0; i < changes->left_out_count; i++)
        if (base_text_equals_nocase(changes->left_out[i], name))
            return true;
    return false;
}

bool dkim_sendmail_header(struct base_arena *arena, const struct policy_header *header,
                          struct policy_header *written_r, struct dkim_select_changes *changes_r)
{
    struct base_text *left_out = base_arena_alloc(arena, (header->count + 1) * sizeof(*left_out));

    *changes_r = (struct dkim_select_changes){.left_out = left_out, .added = added_fields};
    *written_r = *header;
    written_r->fields = base_arena_alloc(arena, (header->count + 1) * sizeof(*written_r->fields));
    if (left_out == NULL || written_r->fields == NULL)
        return false;
    written_r->capacity = header->count + 1;
    for (size_t i = 0; i < header->count; i++) {
        struct policy_field *field = &written_r->fields[i];
        *field = header->fields[i];
        if (field->is_removed || field->is_left_out)
            continue;
        if (dkim_sendmail_form(arena, field->name, header->fields[i].value, &field->value) !=
            DKIM_SENDMAIL_UNCERTAIN)
            continue;
        if (!is_left_out(changes_r, field->name))
            left_out[changes_r->left_out_count++] = field->name;
    }
    return !base_arena_is_exhausted(arena);
}
