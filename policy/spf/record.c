/* RFC 7208 sections 4.5 (record selection), 4.6.1 (term evaluation), 5 (mechanisms), 6 (modifiers)
 * and 12 (collected ABNF). The whole record is read before anything of it is evaluated: a syntax
 * error anywhere is permerror (4.6). Function names are the grammar's rules. */
#include "policy/spf/record.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"
#include "policy/spf/macro.h"

static const struct base_text version = {"v=spf1", 6};

static bool is_spf_record(struct base_text text)
{
    /* version followed by SP or the end: "v=spf10" is something else. */
    return base_text_starts_with_nocase(text, version) &&
           (text.length == version.length || text.data[version.length] == ' ');
}

enum spf_selection spf_record_select(const struct dns_answer *answer, struct base_text *text_r)
{
    enum spf_selection found = SPF_SELECTION_NONE;

    for (size_t i = 0; i < answer->count; i++) {
        if (!is_spf_record(answer->records[i].value))
            continue;
        if (found != SPF_SELECTION_NONE)
            return SPF_SELECTION_SEVERAL;
        found = SPF_SELECTION_ONE;
        *text_r = answer->records[i].value;
    }
    return found;
}

static const struct {
    const char *name;
    enum spf_mechanism mechanism;
} mechanism_names[] = {
    {"all", SPF_MECHANISM_ALL}, {"include", SPF_MECHANISM_INCLUDE}, {"a", SPF_MECHANISM_A},
    {"mx", SPF_MECHANISM_MX},   {"ptr", SPF_MECHANISM_PTR},         {"ip4", SPF_MECHANISM_IP4},
    {"ip6", SPF_MECHANISM_IP6}, {"exists", SPF_MECHANISM_EXISTS},
};

const char *spf_mechanism_text(enum spf_mechanism mechanism)
{
    for (size_t i = 0; i < sizeof(mechanism_names) / sizeof(mechanism_names[0]); i++)
        if (mechanism_names[i].mechanism == mechanism)
            return mechanism_names[i].name;
    return "redirect";
}

static struct base_text text_from(struct base_text text, size_t start)
{
    return (struct base_text){text.data + start, text.length - start};
}

/* ip4-cidr-length, ip6-cidr-length without the slashes: no leading zero, at most `max`. */
static bool cidr_digits(struct base_text text, unsigned max, unsigned char *prefix_r)
{
    uint64_t value;

    if (text.length > 1 && text.data[0] == '0')
        return false;
    if (!base_text_to_uint(text, max, &value))
        return false;
    *prefix_r = (unsigned char)value;
    return true;
}

/* Takes a "/digits" off the end of *text; false if there is none. */
static bool take_slash_digits(struct base_text *text, struct base_text *digits_r)
{
    size_t start = text->length;

    while (start > 0 && base_ascii_is_digit(text->data[start - 1]))
        start--;
    if (start == 0 || text->data[start - 1] != '/')
        return false;
    *digits_r = text_from(*text, start);
    text->length = start - 1;
    return true;
}

/* dual-cidr-length = [ ip4-cidr-length ] [ "/" ip6-cidr-length ], off the end of *arguments. */
static bool dual_cidr_length(struct base_text *arguments, struct spf_term *term)
{
    struct base_text digits;

    if (!take_slash_digits(arguments, &digits))
        return true;
    if (arguments->length == 0 || arguments->data[arguments->length - 1] != '/')
        return cidr_digits(digits, 32, &term->prefix4);
    if (!cidr_digits(digits, 128, &term->prefix6))
        return false;
    arguments->length--;
    if (!take_slash_digits(arguments, &digits))
        return true;
    return cidr_digits(digits, 32, &term->prefix4);
}

/* ":" domain-spec, or nothing where that is allowed. */
static bool domain_argument(struct base_text arguments, bool is_required, struct spf_term *term)
{
    if (arguments.length == 0)
        return !is_required;
    if (arguments.data[0] != ':')
        return false;
    term->domain_spec = text_from(arguments, 1);
    return spf_macro_is_domain_spec(term->domain_spec);
}

static bool ip_argument(struct base_text arguments, struct spf_term *term)
{
    bool is_ip6 = term->mechanism == SPF_MECHANISM_IP6;
    char address[INET6_ADDRSTRLEN];
    const char *slash;
    struct base_text network;

    if (arguments.length == 0 || arguments.data[0] != ':')
        return false;
    network = text_from(arguments, 1);
    slash = network.length == 0 ? NULL : memchr(network.data, '/', network.length);
    if (slash != NULL) {
        struct base_text digits = text_from(network, (size_t)(slash - network.data) + 1);

        network.length = (size_t)(slash - network.data);
        if (!cidr_digits(digits, is_ip6 ? 128 : 32, is_ip6 ? &term->prefix6 : &term->prefix4))
            return false;
    }
    if (network.length >= sizeof(address) || memchr(network.data, '\0', network.length) != NULL)
        return false;
    memcpy(address, network.data, network.length);
    address[network.length] = '\0';
    return inet_pton(is_ip6 ? AF_INET6 : AF_INET, address, term->address) == 1;
}

static const char *mechanism_arguments(struct base_text arguments, struct spf_term *term)
{
    bool is_good;

    switch (term->mechanism) {
    case SPF_MECHANISM_ALL:
        return arguments.length == 0 ? NULL : "\"all\" takes no argument";
    case SPF_MECHANISM_A:
    case SPF_MECHANISM_MX:
        if (!dual_cidr_length(&arguments, term))
            return "a prefix length is not a number of its range";
        is_good = domain_argument(arguments, false, term);
        break;
    case SPF_MECHANISM_PTR:
        is_good = domain_argument(arguments, false, term);
        break;
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
        return ip_argument(arguments, term) ? NULL : "an address or its prefix length is wrong";
    case SPF_MECHANISM_INCLUDE:
    case SPF_MECHANISM_EXISTS:
    case SPF_MECHANISM_REDIRECT:
    default:
        is_good = domain_argument(arguments, true, term);
        break;
    }
    return is_good ? NULL : "a domain-spec is missing or malformed";
}

static bool find_mechanism(struct base_text name, enum spf_mechanism *mechanism_r)
{
    for (size_t i = 0; i < sizeof(mechanism_names) / sizeof(mechanism_names[0]); i++) {
        if (base_text_equals_nocase(name, base_text_of(mechanism_names[i].name))) {
            *mechanism_r = mechanism_names[i].mechanism;
            return true;
        }
    }
    return false;
}

/* directive = [ qualifier ] mechanism */
static const char *directive(struct base_text text, struct spf_term *term)
{
    struct base_text rest = text;
    struct base_text name;

    term->text = text;
    term->qualifier = '+';
    term->prefix4 = 32;
    term->prefix6 = 128;
    if (strchr("+-?~", rest.data[0]) != NULL) {
        term->qualifier = rest.data[0];
        rest = text_from(rest, 1);
    }
    name = rest;
    name.length = 0;
    while (name.length < rest.length && base_ascii_is_alnum(rest.data[name.length]))
        name.length++;
    if (!find_mechanism(name, &term->mechanism))
        return "a mechanism is not known";
    return mechanism_arguments(text_from(rest, name.length), term);
}

static bool is_name_octet(char c)
{
    return base_ascii_is_alnum(c) || c == '-' || c == '_' || c == '.';
}

/* name = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ), then "=": the length of the name, or 0. */
static size_t modifier_name(struct base_text text)
{
    size_t length = 0;

    if (!base_ascii_is_alpha(text.data[0]))
        return 0;
    while (length < text.length && is_name_octet(text.data[length]))
        length++;
    return length < text.length && text.data[length] == '=' ? length : 0;
}

/* redirect / explanation / unknown-modifier */
static const char *modifier(struct base_arena *arena, struct spf_record *record,
                            struct base_text text, size_t name_length)
{
    struct base_text name = {text.data, name_length};
    struct base_text value = text_from(text, name_length + 1);

    if (base_text_equals_nocase(name, BASE_TEXT("redirect"))) {
        struct spf_term *term;

        if (record->redirect != NULL)
            return "\"redirect\" is given twice";
        if (!spf_macro_is_domain_spec(value))
            return "\"redirect\" has no proper domain-spec";
        term = base_arena_alloc(arena, sizeof(*term));
        if (term == NULL)
            return "";
        term->mechanism = SPF_MECHANISM_REDIRECT;
        term->qualifier = '+';
        term->text = text;
        term->domain_spec = value;
        record->redirect = term;
        return NULL;
    }
    if (base_text_equals_nocase(name, BASE_TEXT("exp"))) {
        if (record->exp.data != NULL)
            return "\"exp\" is given twice";
        record->exp = value;
        return spf_macro_is_domain_spec(value) ? NULL : "\"exp\" has no proper domain-spec";
    }
    return spf_macro_is_valid(value, SPF_MACRO_DOMAIN) ? NULL
                                                       : "an unknown modifier has a bad macro";
}

const char *spf_record_add_term(struct base_arena *arena, struct spf_record *record,
                                struct base_text text)
{
    size_t name_length = modifier_name(text);
    struct spf_term *term;
    const char *fault;

    if (name_length > 0)
        return modifier(arena, record, text, name_length);
    term = base_arena_alloc(arena, sizeof(*term));
    if (term == NULL)
        return "";
    fault = directive(text, term);
    if (fault != NULL)
        return fault;
    record->has_all |= term->mechanism == SPF_MECHANISM_ALL;
    *(record->last == NULL ? &record->first : &record->last->next) = term;
    record->last = term;
    return NULL;
}

/* terms = *( 1*SP ( directive / modifier ) ). NULL, or the fault; "" when memory ran out. */
static const char *terms(struct base_arena *arena, struct spf_record *record)
{
    struct base_text rest = text_from(record->text, version.length);
    const char *fault = NULL;

    while (rest.data != NULL && fault == NULL) {
        struct base_text text = base_text_split(&rest, ' ');

        if (text.length > 0)
            fault = spf_record_add_term(arena, record, text);
    }
    return fault;
}

bool spf_record_parse(struct base_arena *arena, const struct dns_name *domain,
                      struct base_text text, struct spf_record **record_r, const char **fault_r)
{
    struct spf_record *record = base_arena_alloc(arena, sizeof(*record));
    const char *fault = "";

    if (text.length > SPF_RECORD_MAX) {
        *fault_r = "the record is longer than 64 KiB";
        return false;
    }
    if (record != NULL) {
        record->domain = *domain;
        record->text = text;
        fault = NULL;
        for (size_t i = 0; i < text.length && fault == NULL; i++)
            if (!base_ascii_is_print(text.data[i]))
                fault = "the record has an octet that is not printable ASCII";
        if (fault == NULL)
            fault = terms(arena, record);
    }
    *record_r = fault == NULL ? record : NULL;
    *fault_r = fault != NULL && fault[0] == '\0' ? NULL : fault;
    return fault == NULL;
}
