/* RFC 5322 sections 3.2 to 3.4 and 4.1 to 4.4, as a cursor with a sticky fault and one function a
 * rule of the grammar, named after it. The obsolete forms are read too: honest mail still has them.
 * Stricter than the grammar where readers of mail are known to disagree:
 *   - a comment or a blank inside a domain, unless it stands next to its first label;
 *   - a quoted local part that holds a special ('@', '<', ',', ...) or a control character;
 *   - an encoded word as local part (RFC 2047 section 5 forbids it);
 *   - octets that are not UTF-8, or not host-like after IDNA, in a domain; a domain of digits.
 * More lenient only where every reader sees the same address: "[" and "]" and a leading dot in a
 * display name, 8-bit text that is not UTF-8 in names and comments, "<>" (no address), an address
 * before the same one in brackets. */
#include "policy/author.h"

#include <stdbool.h>
#include <string.h>

#include "policy/address.h"
#include "policy/author_display.h"
#include "policy/header.h"
#include "policy/idn.h"

struct reader {
    const char *at;
    const char *end;
    /* The first fault; the cursor moves no more. */
    const char *fault;
    bool is_in_group;
    bool has_domain;
    bool has_literal;
    bool has_several;
    /* See skip_same_address(). */
    bool is_shown_twice;
    struct dns_name domain;
    /* NULL: nobody wants to know the mailboxes. */
    void (*each)(void *context, struct base_text mailbox);
    void *context;
    /* The local part whose domain is being read. */
    struct base_text local;
};

static void set_fault(struct reader *reader, const char *fault)
{
    if (reader->fault == NULL)
        reader->fault = fault;
    reader->at = reader->end;
}

/* The octet at the cursor, -1 at the end or after a fault. */
static int peek(const struct reader *reader)
{
    return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static bool accept(struct reader *reader, int c)
{
    if (peek(reader) != c)
        return false;
    reader->at++;
    return true;
}

/* RFC 5322 section 3.2.3, RFC 6532 section 3.2 */
static bool is_atext(int c)
{
    return c >= 0x80 ||
           (c > 0 && (base_ascii_is_alnum((char)c) || strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL));
}

/* A line end that a blank follows: taken up to the blank. */
static bool fold(struct reader *reader)
{
    const char *at = reader->at;

    if (at < reader->end && *at == '\r')
        at++;
    if (at >= reader->end || *at != '\n')
        return false;
    at++;
    if (at >= reader->end || (*at != ' ' && *at != '\t'))
        return false;
    reader->at = at;
    return true;
}

/* What may stand inside comments and quoted strings, one octet or pair at a time (ctext, qtext,
 * quoted-pair, FWS; obs-NO-WS-CTL included). */
static void quotable(struct reader *reader)
{
    int c = peek(reader);

    if ((c == '\r' || c == '\n') && !fold(reader)) {
        set_fault(reader, "bare CR or LF");
        return;
    }
    if (c == '\\') {
        reader->at++;
        c = peek(reader);
        if (c < 0 || c == '\r' || c == '\n') {
            set_fault(reader, "backslash before a line end");
            return;
        }
    }
    if (c == 0)
        set_fault(reader, "NUL");
    else if (c != '\r' && c != '\n')
        reader->at++;
}

/* comment = "(" *([FWS] ccontent) [FWS] ")"; nested, counted rather than recursed into. */
static void comment(struct reader *reader)
{
    size_t depth = 0;

    do {
        int c = peek(reader);
        if (c < 0) {
            set_fault(reader, "comment without an end");
            return;
        }
        if (c == '(' || c == ')') {
            depth = c == '(' ? depth + 1 : depth - 1;
            reader->at++;
        } else {
            quotable(reader);
        }
    } while (depth > 0 && reader->fault == NULL);
}

/* [CFWS]; returns whether there was any. */
static bool cfws(struct reader *reader)
{
    const char *start = reader->at;

    for (;;) {
        int c = peek(reader);
        if (c == ' ' || c == '\t')
            reader->at++;
        else if (c == '(')
            comment(reader);
        else if ((c != '\r' && c != '\n') || !fold(reader))
            break;
    }
    return reader->at != start;
}

static struct base_text atom(struct reader *reader)
{
    const char *start = reader->at;

    while (is_atext(peek(reader)))
        reader->at++;
    return (struct base_text){start, (size_t)(reader->at - start)};
}

static struct base_text quoted_string(struct reader *reader)
{
    const char *start = ++reader->at;

    for (;;) {
        int c = peek(reader);
        if (c < 0) {
            set_fault(reader, "quoted string without an end");
            return (struct base_text){start, 0};
        }
        if (c == '"') {
            reader->at++;
            return (struct base_text){start, (size_t)(reader->at - 1 - start)};
        }
        quotable(reader);
    }
}

/* A run of words, dots and blanks: a phrase or a local part, which only what follows tells. */
struct words {
    size_t count;
    bool has_any;
    /* word *("." word) */
    bool is_local_part;
    bool is_dot_last;
    const char *local_fault;
    /* Without blanks and comments; cut past its cap, which is reported then. */
    struct base_buf text;
    char room[POLICY_ADDRESS_MAX];
};

/* The beginning of an encoded word; its end may lie behind dots. */
static bool is_encoded_word(struct base_text word)
{
    return base_text_starts_with(word, BASE_TEXT("=?"));
}

static bool has_special(struct base_text quoted)
{
    for (size_t i = 0; i < quoted.length; i++) {
        unsigned char c = (unsigned char)quoted.data[i];
        if (c < 0x20 || c == 0x7f || strchr("()<>[]:;@\\,", c) != NULL)
            return true;
    }
    return false;
}

static void add_word(struct words *words, struct base_text word, bool is_quoted)
{
    if (words->count > 0 && !words->is_dot_last)
        words->is_local_part = false;
    if (is_quoted && has_special(word))
        words->local_fault = "special character in a quoted local part";
    else if (!is_quoted && is_encoded_word(word))
        words->local_fault = "encoded word as local part";
    else if (!base_text_is_utf8(word))
        words->local_fault = "local part is not UTF-8";
    words->count++;
    words->has_any = true;
    words->is_dot_last = false;
    if (is_quoted)
        base_buf_append_char(&words->text, '"');
    base_buf_append_text(&words->text, word);
    if (is_quoted)
        base_buf_append_char(&words->text, '"');
}

static void add_mark(struct words *words, int c)
{
    if (c != '.' || words->count == 0 || words->is_dot_last)
        words->is_local_part = false;
    words->has_any = true;
    words->is_dot_last = true;
    base_buf_append_char(&words->text, (char)c);
}

static void read_words(struct reader *reader, struct words *words_r)
{
    words_r->count = 0;
    words_r->has_any = words_r->is_dot_last = false;
    words_r->is_local_part = true;
    words_r->local_fault = NULL;
    base_buf_init_fixed(&words_r->text, words_r->room, sizeof(words_r->room));
    for (;;) {
        cfws(reader);
        int c = peek(reader);
        if (is_atext(c)) {
            add_word(words_r, atom(reader), false);
        } else if (c == '"') {
            add_word(words_r, quoted_string(reader), true);
        } else if (c == '.' || c == '[' || c == ']') {
            add_mark(words_r, c);
            reader->at++;
        } else {
            break;
        }
    }
    if (words_r->count == 0 || words_r->is_dot_last)
        words_r->is_local_part = false;
}

static void tell_mailbox(const struct reader *reader, struct base_text domain)
{
    struct base_buf text;
    char room[POLICY_ADDRESS_MAX + POLICY_IDN_MAX + 2];

    if (reader->each == NULL || reader->fault != NULL)
        return;
    base_buf_init_fixed(&text, room, sizeof(room));
    base_buf_append_text(&text, reader->local);
    base_buf_append_char(&text, '@');
    base_buf_append_text(&text, domain);
    reader->each(reader->context, base_buf_text(&text));
}

/* domain-literal = "[" *([FWS] dtext) [FWS] "]", without the obsolete quoted pairs; of
 * dtext what RFC 5321 section 4.1.3 has in one: no "<" or "@" for others to find. */
static void domain_literal(struct reader *reader, bool is_route)
{
    const char *start = reader->at;

    for (reader->at++;;) {
        int c = peek(reader);
        if (c == ']')
            break;
        if (c < 0x20 || c >= 0x7f || (!base_ascii_is_alnum((char)c) && strchr(" .:-", c) == NULL)) {
            set_fault(reader, "malformed address literal");
            return;
        }
        reader->at++;
    }
    reader->at++;
    if (is_route)
        return;
    reader->has_literal = true;
    tell_mailbox(reader, (struct base_text){start, (size_t)(reader->at - start)});
}

static bool is_numeric_top(const struct dns_name *name)
{
    const char *dot = strrchr(name->text, '.');

    for (const char *c = dot != NULL ? dot + 1 : name->text; *c != '\0'; c++)
        if (!base_ascii_is_digit(*c))
            return false;
    return true;
}

static void note_domain(struct reader *reader, struct base_text text)
{
    struct dns_name name;

    if (!policy_idn_to_name(text, &name) || is_numeric_top(&name)) {
        set_fault(reader, "malformed domain");
        return;
    }
    if (reader->has_domain && !dns_name_equals(&reader->domain, &name))
        reader->has_several = true;
    reader->domain = name;
    reader->has_domain = true;
    tell_mailbox(reader, text);
}

/* obs-domain = atom *("." atom), blanks and comments allowed next to the first label only; one dot
 * may end it. `text` has room for POLICY_IDN_MAX octets. */
static struct base_text dot_domain(struct reader *reader, char *text)
{
    size_t length = 0, labels = 0;

    for (;;) {
        struct base_text label = atom(reader);
        if (label.length == 0)
            break;
        if (label.length + 1 > POLICY_IDN_MAX - length) {
            set_fault(reader, "domain too long");
            break;
        }
        memcpy(text + length, label.data, label.length);
        length += label.length;
        labels++;
        bool has_gap = cfws(reader);
        if (!accept(reader, '.'))
            break;
        text[length++] = '.';
        bool has_gap_after = cfws(reader);
        if (!is_atext(peek(reader)))
            break;
        if (labels > 1 && (has_gap || has_gap_after))
            set_fault(reader, "blank or comment inside a domain");
    }
    return (struct base_text){text, length};
}

/* What follows the "@" of an addr-spec. */
static void domain(struct reader *reader, bool is_route)
{
    char text[POLICY_IDN_MAX];

    cfws(reader);
    if (peek(reader) == '[') {
        domain_literal(reader, is_route);
    } else {
        struct base_text name = dot_domain(reader, text);
        if (name.length == 0)
            set_fault(reader, "address without a domain");
        else if (!is_route && reader->fault == NULL)
            note_domain(reader, name);
    }
    cfws(reader);
}

static void addr_spec_rest(struct reader *reader, const struct words *words)
{
    if (!words->is_local_part)
        set_fault(reader, "malformed local part");
    else if (words->local_fault != NULL)
        set_fault(reader, words->local_fault);
    else if (words->text.is_over && reader->each != NULL)
        set_fault(reader, "local part too long");
    else {
        reader->local = base_buf_text(&words->text);
        domain(reader, false);
    }
}

/* obs-route = *(CFWS / ",") "@" domain *("," [CFWS] ["@" domain]) ":" */
static void obs_route(struct reader *reader)
{
    while (reader->fault == NULL && !accept(reader, ':')) {
        if (accept(reader, '@'))
            domain(reader, true);
        else if (!accept(reader, ',') && !cfws(reader))
            set_fault(reader, "malformed route");
    }
}

/* angle-addr = "<" [obs-route] addr-spec ">"; also "<>". */
static void angle_addr(struct reader *reader)
{
    struct words words;

    cfws(reader);
    if (accept(reader, '>')) {
        cfws(reader);
        return;
    }
    if (peek(reader) == '@' || peek(reader) == ',')
        obs_route(reader);
    read_words(reader, &words);
    if (!accept(reader, '@')) {
        set_fault(reader, "address without a domain");
        return;
    }
    addr_spec_rest(reader, &words);
    if (!accept(reader, '>'))
        set_fault(reader, "text after an address");
    cfws(reader);
}

/* "alice@a.example <alice@a.example>": not by the grammar, and much honest mail has it; whatever a
 * reader takes, it is the same. The cursor goes on to the "<". */
static void skip_same_address(struct reader *reader)
{
    const char *at = reader->at;
    struct base_text left = {at, (size_t)(reader->end - at)};
    size_t length = 0, blanks = 0;

    while (length < left.length &&
           (is_atext((unsigned char)at[length]) || at[length] == '.' || at[length] == '@'))
        length++;
    while (length + blanks < left.length &&
           (at[length + blanks] == ' ' || at[length + blanks] == '\t'))
        blanks++;
    if (left.length < 2 * length + blanks + 2 || at[length + blanks] != '<' ||
        at[2 * length + blanks + 1] != '>')
        return;
    if (base_text_equals_nocase((struct base_text){at, length},
                                (struct base_text){at + length + blanks + 1, length})) {
        reader->at = at + length + blanks;
        reader->is_shown_twice = true;
    }
}

/* One element of a list: a mailbox, the head of a group, or (obs-addr-list) nothing. */
static void element(struct reader *reader)
{
    struct words words;

    cfws(reader);
    skip_same_address(reader);
    read_words(reader, &words);
    if (accept(reader, '@')) {
        addr_spec_rest(reader, &words);
    } else if (accept(reader, '<')) {
        angle_addr(reader);
    } else if (words.has_any && !reader->is_in_group && accept(reader, ':')) {
        reader->is_in_group = true;
        return;
    } else if (words.has_any) {
        set_fault(reader, "text without an address");
    }
    if (reader->is_in_group && accept(reader, ';')) {
        reader->is_in_group = false;
        cfws(reader);
    }
    if (!accept(reader, ',') && peek(reader) >= 0)
        set_fault(reader, "text that is no address");
}

/* address-list, with groups (RFC 6854 allows them in From). */
static void address_list(struct reader *reader)
{
    do
        element(reader);
    while (reader->fault == NULL && (peek(reader) >= 0));
    if (reader->is_in_group)
        set_fault(reader, "group without an end");
}

void policy_author_parse(struct base_text value, struct policy_author *author_r)
{
    struct reader reader = {.fault = NULL};

    *author_r = (struct policy_author){.outcome = POLICY_AUTHOR_INVALID};
    if (value.length > 0) {
        reader.at = value.data;
        reader.end = value.data + value.length;
        address_list(&reader);
    }
    if (reader.fault != NULL) {
        author_r->reason = reader.fault;
    } else if (reader.has_several || (reader.has_domain && reader.has_literal)) {
        author_r->outcome = POLICY_AUTHOR_MULTIPLE;
        author_r->reason = "several author domains";
    } else if (!reader.has_domain) {
        author_r->outcome = POLICY_AUTHOR_NONE;
        author_r->reason = "no author domain";
    } else {
        author_r->outcome = POLICY_AUTHOR_ONE;
        author_r->domain = reader.domain;
        author_r->display = policy_author_display(value, &reader.domain);
        if (reader.is_shown_twice && author_r->display == POLICY_DISPLAY_NONE)
            author_r->display = POLICY_DISPLAY_SAME;
    }
}

bool policy_author_each(struct base_text value,
                        void (*each)(void *context, struct base_text mailbox), void *context)
{
    struct reader reader = {.each = each, .context = context};

    if (value.length > 0) {
        reader.at = value.data;
        reader.end = value.data + value.length;
        address_list(&reader);
    }
    return reader.fault == NULL;
}

void policy_author_read(const struct policy_header *header, struct policy_author *author_r)
{
    const struct base_text name = BASE_TEXT("From");
    size_t position = 0;
    size_t count = policy_header_count(header, name);
    const struct policy_field *field = policy_header_next(header, name, &position);

    *author_r = (struct policy_author){.outcome = POLICY_AUTHOR_MULTIPLE};
    if (count > 1) {
        author_r->reason = count == 2 ? "two From fields" : "several From fields";
    } else if (field == NULL) {
        author_r->outcome = POLICY_AUTHOR_NONE;
        author_r->reason = "no From field";
    } else if (field->is_left_out) {
        author_r->outcome = POLICY_AUTHOR_INVALID;
        author_r->reason = "From field past a cap";
    } else {
        policy_author_parse(field->value, author_r);
    }
}
