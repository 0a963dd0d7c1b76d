/* RFC 5321 section 4.1.2:
 *   Path = "<" [ A-d-l ":" ] Mailbox ">"        A-d-l = At-domain *( "," At-domain )
 *   Mailbox = Local-part "@" ( Domain / address-literal )
 * with RFC 6531 section 3.3's UTF-8 in local part and domain. A cursor with a sticky fault; one
 * function a rule of the grammar. */
#include "policy/address.h"

#include <string.h>

#include "policy/idn.h"

struct cursor {
    const char *at;
    const char *end;
    bool is_bad;
};

static bool looking_at(const struct cursor *cursor, char c)
{
    return !cursor->is_bad && cursor->at < cursor->end && *cursor->at == c;
}

static bool is_atext(char c)
{
    return base_ascii_is_alnum(c) || (unsigned char)c >= 0x80 ||
           (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static struct base_text since(const struct cursor *cursor, const char *start)
{
    return (struct base_text){start, (size_t)(cursor->at - start)};
}

/* Dot-string. Everyday clients send "a..b" and "a." too, and MTAs take them: they are local parts
 * of somebody's mailbox, so dots are not counted. */
static void dot_string(struct cursor *cursor)
{
    const char *start = cursor->at;

    while (cursor->at < cursor->end && (is_atext(*cursor->at) || *cursor->at == '.'))
        cursor->at++;
    if (cursor->at == start)
        cursor->is_bad = true;
}

/* Quoted-string = DQUOTE *QcontentSMTP DQUOTE */
static void quoted_string(struct cursor *cursor)
{
    for (cursor->at++; cursor->at < cursor->end; cursor->at++) {
        unsigned char c = (unsigned char)*cursor->at;
        if (c == '"') {
            cursor->at++;
            return;
        }
        if (c == '\\' && ++cursor->at < cursor->end)
            c = (unsigned char)*cursor->at;
        if (c < 0x20 || c == 0x7f)
            break;
    }
    cursor->is_bad = true;
}

/* A-d-l ":" — accepted and dropped (RFC 5321 section 3.6.1, appendix C). */
static void source_route(struct cursor *cursor)
{
    while (cursor->at < cursor->end && *cursor->at != ':') {
        char c = *cursor->at++;
        if (!base_ascii_is_alnum(c) && (unsigned char)c < 0x80 && strchr("@,.-_[]", c) == NULL)
            break;
    }
    if (looking_at(cursor, ':'))
        cursor->at++;
    else
        cursor->is_bad = true;
}

/* address-literal = "[" ... "]" of dcontent */
static void address_literal(struct cursor *cursor)
{
    const char *start = cursor->at++;

    while (cursor->at<cursor->end && * cursor->at> 0x20 && *cursor->at < 0x7f &&
           strchr("[]\\", *cursor->at) == NULL)
        cursor->at++;
    if (!looking_at(cursor, ']') || cursor->at == start + 1)
        cursor->is_bad = true;
    else
        cursor->at++;
}

static void domain(struct cursor *cursor, struct policy_address *address)
{
    const char *start = cursor->at;

    if (looking_at(cursor, '[')) {
        address_literal(cursor);
        address->kind = POLICY_ADDRESS_LITERAL;
        address->domain_text = since(cursor, start);
        return;
    }
    cursor->at = cursor->end;
    address->kind = POLICY_ADDRESS_DOMAIN;
    address->domain_text = since(cursor, start);
    if (!policy_idn_to_name(address->domain_text, &address->domain))
        cursor->is_bad = true;
}

static void mailbox(struct cursor *cursor, struct policy_address *address)
{
    const char *start = cursor->at;

    if (looking_at(cursor, '"'))
        quoted_string(cursor);
    else
        dot_string(cursor);
    if (cursor->is_bad)
        return;
    address->local = since(cursor, start);
    if (cursor->at == cursor->end) {
        address->kind = POLICY_ADDRESS_LOCAL;
    } else if (looking_at(cursor, '@')) {
        cursor->at++;
        domain(cursor, address);
    }
    if (cursor->at != cursor->end)
        cursor->is_bad = true;
    address->text = (struct base_text){start, (size_t)(cursor->end - start)};
}

/* The outer "<" ">" of a Path; only both or neither. */
static bool strip_brackets(struct base_text *text)
{
    bool has_left = text->length > 0 && text->data[0] == '<';
    bool has_right = text->length > 0 && text->data[text->length - 1] == '>';

    if (has_left != has_right)
        return false;
    if (has_left) {
        text->data++;
        text->length -= 2;
        *text = base_text_trim(*text);
    }
    return true;
}

enum policy_address_kind policy_address_parse(struct base_text path,
                                              struct policy_address *address_r)
{
    struct base_text text = base_text_trim(path);
    bool is_balanced = strip_brackets(&text);

    *address_r = (struct policy_address){.kind = POLICY_ADDRESS_INVALID, .text = text};
    if (!is_balanced || text.length > POLICY_ADDRESS_MAX || !base_text_is_utf8(text))
        return POLICY_ADDRESS_INVALID;
    if (text.length == 0) {
        address_r->kind = POLICY_ADDRESS_NULL;
        return POLICY_ADDRESS_NULL;
    }
    struct cursor cursor = {.at = text.data, .end = text.data + text.length};
    if (looking_at(&cursor, '@'))
        source_route(&cursor);
    if (!cursor.is_bad)
        mailbox(&cursor, address_r);
    if (cursor.is_bad || address_r->kind == POLICY_ADDRESS_INVALID)
        *address_r = (struct policy_address){.kind = POLICY_ADDRESS_INVALID, .text = text};
    return address_r->kind;
}

bool policy_address_is_local_part(const struct policy_address *address, struct base_text word)
{
    struct base_text local = address->local;
    size_t matched = 0;

    if (local.length < 2 || local.data[0] != '"')
        return base_text_equals_nocase(local, word);
    for (size_t i = 1; i + 1 < local.length; i++) {
        if (local.data[i] == '\\' && i + 2 < local.length)
            i++;
        if (matched == word.length ||
            base_ascii_lower(local.data[i]) != base_ascii_lower(word.data[matched]))
            return false;
        matched++;
    }
    return matched == word.length;
}
