/* RFC 7208 section 7: macros, and the domain-spec that they end in. One reader walks a macro-string
 * piece by piece; the checker and the expander both sit on it, so that they cannot disagree. */
#include "policy/spf/macro.h"

#include <string.h>

#include "base/arena.h"
#include "policy/spf/context.h"
#include "policy/spf/ptr.h"

/* Octets of one expanded macro-string; a name of 253 is all that is ever used of a domain-spec, and
 * an explanation is cut far below. */
#define EXPANSION_MAX 4096

/* One macro-literal octet, or one macro-expand. */
struct macro_piece {
    /* 0: the literal octet `literal`. */
    char letter;
    char literal;
    bool is_escape_space;
    /* 0: all parts. */
    unsigned digits;
    bool is_reversed;
    struct base_text delimiters;
};

/* macro-expand after its "%{": macro-letter transformers *delimiter "}". */
static bool read_braces(struct base_text text, size_t *position, struct macro_piece *piece)
{
    size_t i = *position;
    bool has_digits = false;

    if (i >= text.length || !base_ascii_is_alpha(text.data[i]))
        return false;
    piece->letter = text.data[i++];
    while (i < text.length && base_ascii_is_digit(text.data[i])) {
        has_digits = true;
        if (piece->digits < 1000)
            piece->digits = piece->digits * 10 + (unsigned)(text.data[i] - '0');
        i++;
    }
    if (has_digits && piece->digits == 0)
        return false;
    if (i < text.length && base_ascii_lower(text.data[i]) == 'r') {
        piece->is_reversed = true;
        i++;
    }
    piece->delimiters = (struct base_text){text.data + i, 0};
    while (i < text.length && text.data[i] != '\0' && strchr(".-+,/_=", text.data[i]) != NULL) {
        piece->delimiters.length++;
        i++;
    }
    if (i >= text.length || text.data[i] != '}')
        return false;
    *position = i + 1;
    return true;
}

/* The piece at *position, which moves behind it. False if the text is malformed there. */
static bool read_piece(struct base_text text, size_t *position, struct macro_piece *piece)
{
    char c = text.data[*position];

    memset(piece, 0, sizeof(*piece));
    *position += 1;
    if (c != '%') {
        piece->literal = c;
        return true;
    }
    if (*position >= text.length)
        return false;
    c = text.data[*position];
    *position += 1;
    switch (c) {
    case '{':
        return read_braces(text, position, piece);
    case '%':
        piece->literal = '%';
        return true;
    case '_':
        piece->literal = ' ';
        return true;
    case '-':
        /* Three octets, "%20": told from a literal blank by its mark. */
        piece->literal = ' ';
        piece->is_escape_space = true;
        return true;
    default:
        return false;
    }
}

static bool is_letter_known(char letter, enum spf_macro_place place)
{
    char lower = base_ascii_lower(letter);

    return strchr("slodipvh", lower) != NULL ||
           (place == SPF_MACRO_EXPLANATION && strchr("crt", lower) != NULL);
}

bool spf_macro_is_valid(struct base_text text, enum spf_macro_place place)
{
    struct macro_piece piece;

    for (size_t i = 0; i < text.length;) {
        char c = text.data[i];

        if (!base_ascii_is_print(c) || (c == ' ' && place == SPF_MACRO_DOMAIN))
            return false;
        if (!read_piece(text, &i, &piece))
            return false;
        if (piece.letter != '\0' && !is_letter_known(piece.letter, place))
            return false;
    }
    return true;
}

/* toplabel = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum ) */
static bool is_toplabel(const char *label, size_t length)
{
    bool has_alpha = false;
    bool has_hyphen = false;

    for (size_t i = 0; i < length; i++) {
        if (base_ascii_is_alpha(label[i]))
            has_alpha = true;
        else if (label[i] == '-')
            has_hyphen = true;
        else if (!base_ascii_is_digit(label[i]))
            return false;
    }
    return length > 0 && label[0] != '-' && label[length - 1] != '-' && (has_alpha || has_hyphen);
}

/* domain-end = ( "." toplabel [ "." ] ) / macro-expand */
bool spf_macro_is_domain_spec(struct base_text text)
{
    struct macro_piece piece;
    size_t literals_from = 0;
    size_t end = text.length;
    size_t label;

    if (text.length == 0 || !spf_macro_is_valid(text, SPF_MACRO_DOMAIN))
        return false;
    for (size_t i = 0; i < text.length;) {
        bool is_expand = text.data[i] == '%';

        if (!read_piece(text, &i, &piece))
            return false;
        if (is_expand)
            literals_from = i;
    }
    if (literals_from == text.length)
        return true;
    if (text.data[end - 1] == '.')
        end--;
    label = end;
    while (label > literals_from && text.data[label - 1] != '.')
        label--;
    return label > literals_from && is_toplabel(text.data + label, end - label);
}

bool spf_macro_has_local_part(struct base_text text)
{
    struct macro_piece piece;

    for (size_t i = 0; i < text.length;) {
        if (!read_piece(text, &i, &piece))
            return false;
        if (piece.letter != '\0' && strchr("lsLS", piece.letter) != NULL)
            return true;
    }
    return false;
}

/* %{i}: dotted quad, or the 32 nibbles of an IPv6 address joined by dots (7.3). */
static void append_address(const struct spf_client *client, const char *text, struct base_buf *out)
{
    if (!client->is_ipv6) {
        base_buf_append_cstr(out, text);
        return;
    }
    for (size_t i = 0; i < 16; i++)
        base_buf_appendf(out, "%s%X.%X", i == 0 ? "" : ".", client->octets[i] >> 4,
                         client->octets[i] & 15U);
}

static void append_value(struct spf_context *context, char letter, const struct dns_name *domain,
                         struct base_buf *out)
{
    const struct spf_request *request = context->request;

    switch (base_ascii_lower(letter)) {
    case 's':
        base_buf_append_text(out, context->local_part);
        base_buf_append_char(out, '@');
        base_buf_append_cstr(out, context->domain.text);
        break;
    case 'l':
        base_buf_append_text(out, context->local_part);
        break;
    case 'o':
        base_buf_append_cstr(out, context->domain.text);
        break;
    case 'd':
        base_buf_append_cstr(out, domain->text);
        break;
    case 'i':
        append_address(&request->client, context->client_text, out);
        break;
    case 'p':
        base_buf_append_text(out, spf_ptr_validated_name(context, domain));
        break;
    case 'v':
        base_buf_append_cstr(out, request->client.is_ipv6 ? "ip6" : "in-addr");
        break;
    case 'h':
        base_buf_append_text(out, request->helo);
        break;
    case 'c':
        base_buf_append_cstr(out, context->client_text);
        break;
    case 'r':
        base_buf_append_text(out, request->receiver.length > 0 ? request->receiver
                                                               : BASE_TEXT("unknown"));
        break;
    case 't':
        base_buf_appendf(out, "%lld", (long long)request->now_s);
        break;
    default:
        break;
    }
}

/* Upper case letters escape what is not "unreserved" in a URI (RFC 3986 section 2.3). */
static void append_part(struct base_buf *out, struct base_text part, bool is_escaped)
{
    for (size_t i = 0; i < part.length; i++) {
        char c = part.data[i];

        if (is_escaped && !base_ascii_is_alnum(c) && (c == '\0' || strchr("-._~", c) == NULL))
            base_buf_appendf(out, "%%%02X", (unsigned)(unsigned char)c);
        else
            base_buf_append_char(out, c);
    }
}

static bool is_delimiter(char c, struct base_text delimiters)
{
    return c != '\0' && memchr(delimiters.data, c, delimiters.length) != NULL;
}

/* Where the part that ends before `end` begins. */
static size_t part_start(struct base_text value, size_t end, struct base_text delimiters)
{
    while (end > 0 && !is_delimiter(value.data[end - 1], delimiters))
        end--;
    return end;
}

/* Splits at the delimiters, reverses, keeps the right-hand parts, joins by dots (7.3). Walks the
 * value from its end, so that no array of parts is needed. */
static void append_transformed(const struct macro_piece *piece, struct base_text value,
                               struct base_buf *out)
{
    struct base_text delimiters = piece->delimiters.length > 0 ? piece->delimiters : BASE_TEXT(".");
    bool is_escaped = piece->letter != base_ascii_lower(piece->letter);
    size_t count = 1;
    size_t kept;
    size_t end = value.length;

    for (size_t i = 0; i < value.length; i++)
        count += is_delimiter(value.data[i], delimiters);
    kept = piece->digits > 0 && piece->digits < count ? piece->digits : count;
    if (!piece->is_reversed) {
        /* The last `kept` parts stand where they stood: find the first of them. */
        size_t start = part_start(value, end, delimiters);

        for (size_t i = 1; i < kept; i++)
            start = part_start(value, start - 1, delimiters);
        for (size_t from = start, i = start; i <= value.length; i++) {
            if (i < value.length && !is_delimiter(value.data[i], delimiters))
                continue;
            if (from > start)
                base_buf_append_char(out, '.');
            append_part(out, (struct base_text){value.data + from, i - from}, is_escaped);
            from = i + 1;
        }
        return;
    }
    /* Reversed, the right-hand parts are the first ones of the value. */
    for (size_t i = 0; i < count; i++) {
        size_t start = part_start(value, end, delimiters);

        if (i >= count - kept) {
            if (i > count - kept)
                base_buf_append_char(out, '.');
            append_part(out, (struct base_text){value.data + start, end - start}, is_escaped);
        }
        end = start > 0 ? start - 1 : 0;
    }
}

bool spf_macro_expand(struct spf_context *context, struct base_text text,
                      const struct dns_name *domain, struct base_buf *out)
{
    struct macro_piece piece;

    for (size_t i = 0; i < text.length && !out->is_over;) {
        struct base_buf value;

        if (!read_piece(text, &i, &piece))
            return false;
        if (piece.letter == '\0') {
            if (piece.is_escape_space)
                base_buf_append_cstr(out, "%20");
            else
                base_buf_append_char(out, piece.literal);
            continue;
        }
        base_buf_init(&value, context->request->arena, EXPANSION_MAX);
        append_value(context, piece.letter, domain, &value);
        if (value.is_over)
            return false;
        append_transformed(&piece, base_buf_text(&value), out);
    }
    return !out->is_over;
}
