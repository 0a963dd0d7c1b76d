/* RFC 5322 section 3.2 (comments, quoted strings), RFC 2047 (encoded words): what a reader shows,
 * octet by octet, into a scanner for "local@domain". The field was read by policy_author_parse()
 * before: it is well-formed. Charsets are not looked at: "@" and host names are ASCII in all that
 * mail uses, the 16-bit ones aside, which RFC 2047 does not allow. */
#include "policy/author_display.h"

#include <stdbool.h>
#include <string.h>

#include "dns/name.h"
#include "policy/idn.h"

/* What was shown so far, as far as an address may be under way. */
struct scanner {
    const struct dns_name *author;
    enum policy_display_address found;
    char last;
    /* Behind an "@" that has a local part. */
    bool is_in_domain;
    size_t length;
    char domain[POLICY_IDN_MAX];
};

/* "@handle", "Alice @ Example" and "v@2.0" are no addresses, nor is "alice@home". */
static bool is_mail_domain(struct base_text text, struct dns_name *name_r)
{
    const char *dot;

    if (text.length == 0 || !policy_idn_to_name(text, name_r) || name_r->label_count < 2)
        return false;
    dot = strrchr(name_r->text, '.');
    return strspn(dot + 1, "0123456789") != strlen(dot + 1);
}

/* Without what is not UTF-8, and what stands behind that. */
static struct base_text utf8_part(struct base_text text)
{
    size_t end = 0;

    while (end < text.length) {
        unsigned char first = (unsigned char)text.data[end];
        size_t length = first < 0x80 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;

        if (length > text.length - end ||
            !base_text_is_utf8((struct base_text){text.data + end, length}))
            break;
        end += length;
    }
    return (struct base_text){text.data, end};
}

/* What stands there so far, as if it ended here. */
static void note_domain(struct scanner *scanner)
{
    struct base_text text = utf8_part((struct base_text){scanner->domain, scanner->length});
    size_t ascii = 0;
    struct dns_name name;

    while (text.length > 0 && strchr(".-", text.data[text.length - 1]) != NULL)
        text.length--;
    while (ascii < text.length && (unsigned char)text.data[ascii] < 0x80)
        ascii++;
    /* Else typographic quotes may stand behind it. */
    if (!is_mail_domain(text, &name) &&
        !is_mail_domain((struct base_text){text.data, ascii}, &name))
        return;
    if (!dns_name_equals(&name, scanner->author))
        scanner->found = POLICY_DISPLAY_OTHER_DOMAIN;
    else if (scanner->found == POLICY_DISPLAY_NONE)
        scanner->found = POLICY_DISPLAY_SAME;
}

static void end_domain(struct scanner *scanner)
{
    scanner->is_in_domain = false;
    note_domain(scanner);
}

static bool is_domain_octet(char c)
{
    return base_ascii_is_alnum(c) || (unsigned char)c >= 0x80 || c == '-' || c == '_' || c == '.';
}

static bool is_local_octet(char c)
{
    return c == '"' || ((unsigned char)c > ' ' && strchr("()<>[]:;@\\,\x7f", c) == NULL);
}

static void show(struct scanner *scanner, char c)
{
    if (scanner->is_in_domain) {
        if (is_domain_octet(c) && scanner->length < sizeof(scanner->domain))
            scanner->domain[scanner->length++] = c;
        else
            end_domain(scanner);
    }
    if (c == '@' && is_local_octet(scanner->last)) {
        scanner->is_in_domain = true;
        scanner->length = 0;
    }
    scanner->last = c;
}

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < 16; i++)
        if (digits[i] == base_ascii_lower(c))
            return i;
    return -1;
}

static void show_q(struct scanner *scanner, struct base_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (c == '=' && i + 2 < text.length && hex_digit(text.data[i + 1]) >= 0 &&
            hex_digit(text.data[i + 2]) >= 0) {
            c = (char)(hex_digit(text.data[i + 1]) << 4 | hex_digit(text.data[i + 2]));
            i += 2;
        }
        show(scanner, c == '_' ? ' ' : c);
    }
}

static void show_b(struct scanner *scanner, struct base_text text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    unsigned count = 0;

    for (size_t i = 0; i < text.length; i++) {
        const char *digit = memchr(digits, text.data[i], sizeof(digits) - 1);

        if (digit == NULL)
            continue;
        bits = (bits << 6 | (unsigned)(digit - digits)) & 0xffff;
        count += 6;
        if (count >= 8) {
            count -= 8;
            show(scanner, (char)(bits >> count & 0xff));
        }
    }
}

/* token: RFC 2047 section 2, with RFC 2231's language. */
static bool is_token(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_alnum(text.data[i]) && strchr("-_*+'", text.data[i]) == NULL)
            return false;
    return text.length > 0;
}

/* What neither encoding has is shown as it is, by those that give up on such a word. */
static bool is_encoded_text(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (strchr("<>\"@(),;:\\", text.data[i]) != NULL)
            return false;
    return true;
}

/* encoded-word = "=?" charset "?" encoding "?" encoded-text "?=" at the start of `text`: shows it
 * and returns its length; 0: there is none. */
static size_t encoded_word(struct scanner *scanner, struct base_text text)
{
    size_t marks[3];
    size_t count = 0;
    size_t i;

    if (!base_text_starts_with(text, BASE_TEXT("=?")))
        return 0;
    for (i = 2; i < text.length && count < 3; i++) {
        if ((unsigned char)text.data[i] <= ' ')
            return 0;
        if (text.data[i] == '?')
            marks[count++] = i;
    }
    if (count < 3 || i >= text.length || text.data[i] != '=' || marks[1] != marks[0] + 2 ||
        !is_token((struct base_text){text.data + 2, marks[0] - 2}))
        return 0;
    struct base_text inside = {text.data + marks[1] + 1, marks[2] - marks[1] - 1};

    switch (is_encoded_text(inside) ? base_ascii_lower(text.data[marks[0] + 1]) : '\0') {
    case 'q':
        show_q(scanner, inside);
        return i + 1;
    case 'b':
        show_b(scanner, inside);
        return i + 1;
    default:
        return 0;
    }
}

struct place {
    size_t depth;
    bool is_quoted;
};

/* One octet or pair that is no encoded word; returns how many octets. */
static size_t plain(struct scanner *scanner, struct place *place, const char *at, size_t left)
{
    bool is_text = place->is_quoted || place->depth > 0;

    if (*at == '\\' && is_text && left > 1) {
        /* Some show the backslash. */
        if (scanner->is_in_domain)
            note_domain(scanner);
        show(scanner, at[1]);
        return 2;
    }
    if (*at == '"' && place->depth == 0)
        place->is_quoted = !place->is_quoted;
    else if (*at == '(' && !place->is_quoted)
        place->depth++;
    else if (*at == ')' && !place->is_quoted && place->depth > 0)
        place->depth--;
    else if (is_text && *at != '\r' && *at != '\n') {
        show(scanner, *at);
        return 1;
    }
    /* The addresses themselves are not display. */
    if (*at != '\r' && *at != '\n')
        show(scanner, ' ');
    return 1;
}

enum policy_display_address policy_author_display(struct base_text value,
                                                  const struct dns_name *author)
{
    struct scanner scanner = {.author = author, .last = ' '};
    struct place place = {.depth = 0};

    for (size_t i = 0; i < value.length;) {
        struct base_text rest = {value.data + i, value.length - i};
        size_t used = encoded_word(&scanner, rest);
        size_t blanks = 0;

        if (used == 0) {
            i += plain(&scanner, &place, rest.data, rest.length);
            continue;
        }
        i += used;
        /* Blanks between two encoded words are not shown (RFC 2047 section 6.2). */
        while (i + blanks < value.length && strchr(" \t\r\n", value.data[i + blanks]) != NULL)
            blanks++;
        if (base_text_starts_with(
                (struct base_text){value.data + i + blanks, value.length - i - blanks},
                BASE_TEXT("=?")))
            i += blanks;
    }
    show(&scanner, ' ');
    return scanner.found;
}
