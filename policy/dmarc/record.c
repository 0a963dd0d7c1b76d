/* RFC 9989 sections 4.7 (format) and 4.8 (formal definition). */
#include "policy/dmarc/record.h"

#include <string.h>

const char *dmarc_policy_text(enum dmarc_policy policy)
{
    static const char *const texts[] = {
        [DMARC_POLICY_NONE] = "none",
        [DMARC_POLICY_QUARANTINE] = "quarantine",
        [DMARC_POLICY_REJECT] = "reject",
    };

    return texts[policy];
}

static void read_request(struct base_text value, struct dmarc_request *request)
{
    if (request->is_present)
        return;
    request->is_present = true;
    for (enum dmarc_policy policy = DMARC_POLICY_NONE; policy <= DMARC_POLICY_REJECT; policy++) {
        if (base_text_equals_nocase(value, base_text_of(dmarc_policy_text(policy)))) {
            request->policy = policy;
            request->is_valid = true;
        }
    }
}

static bool is_uri_octet(char c)
{
    return base_ascii_is_alnum(c) || (c != '\0' && strchr("-._~:/?#[]@$&'()*+;=%", c) != NULL);
}

static bool is_scheme_octet(char c)
{
    return base_ascii_is_alnum(c) || (c != '\0' && strchr("+-.", c) != NULL);
}

/* scheme ":" and something behind it (RFC 3986 section 3), the octets those of a URI; "mailto:"
 * names a mailbox with a domain. */
static bool is_uri(struct base_text text)
{
    size_t scheme = 0;

    while (scheme < text.length && is_scheme_octet(text.data[scheme]))
        scheme++;
    if (scheme == 0 || !base_ascii_is_alpha(text.data[0]) || scheme + 1 >= text.length ||
        text.data[scheme] != ':')
        return false;
    for (size_t i = scheme + 1; i < text.length; i++)
        if (!is_uri_octet(text.data[i]))
            return false;
    if (base_text_starts_with_nocase(text, BASE_TEXT("mailto:"))) {
        const char *at = memchr(text.data, '@', text.length);

        return at != NULL && at > text.data + scheme + 1 && at + 1 < text.data + text.length;
    }
    return true;
}

/* obs-dmarc-report-size = "!" 1*DIGIT [ "k" / "m" / "g" / "t" ], which is to be ignored. */
static struct base_text without_size(struct base_text uri)
{
    const char *mark = uri.length == 0 ? NULL : memchr(uri.data, '!', uri.length);

    if (mark != NULL)
        uri.length = (size_t)(mark - uri.data);
    return uri;
}

bool dmarc_record_next_uri(struct base_text *rest, struct base_text *uri_r)
{
    while (rest->data != NULL) {
        struct base_text uri = without_size(base_text_trim(base_text_split(rest, ',')));

        if (is_uri(uri)) {
            *uri_r = uri;
            return true;
        }
    }
    return false;
}

static void read_uris(struct base_text value, struct base_text *kept, bool *is_valid_r)
{
    struct base_text rest = value;
    struct base_text uri;

    if (kept->data != NULL)
        return;
    *kept = value;
    if (is_valid_r != NULL)
        *is_valid_r = dmarc_record_next_uri(&rest, &uri);
}

/* A tag of one letter out of a few; a wrong one leaves the default. */
static bool is_value(struct base_text value, const char *wanted)
{
    return base_text_equals_nocase(value, base_text_of(wanted));
}

enum dmarc_tag {
    DMARC_TAG_ADKIM,
    DMARC_TAG_ASPF,
    DMARC_TAG_FO,
    DMARC_TAG_NP,
    DMARC_TAG_P,
    DMARC_TAG_PSD,
    DMARC_TAG_RUA,
    DMARC_TAG_RUF,
    DMARC_TAG_SP,
    DMARC_TAG_T,
    DMARC_TAG_COUNT,
};

static enum dmarc_tag find_tag(struct base_text name)
{
    static const char *const names[DMARC_TAG_COUNT] = {
        [DMARC_TAG_ADKIM] = "adkim", [DMARC_TAG_ASPF] = "aspf", [DMARC_TAG_FO] = "fo",
        [DMARC_TAG_NP] = "np",       [DMARC_TAG_P] = "p",       [DMARC_TAG_PSD] = "psd",
        [DMARC_TAG_RUA] = "rua",     [DMARC_TAG_RUF] = "ruf",   [DMARC_TAG_SP] = "sp",
        [DMARC_TAG_T] = "t",
    };
    enum dmarc_tag tag = DMARC_TAG_ADKIM;

    while (tag < DMARC_TAG_COUNT && !base_text_equals_nocase(name, base_text_of(names[tag])))
        tag++;
    return tag;
}

static void read_tag(struct dmarc_record *record, enum dmarc_tag tag, struct base_text value)
{
    switch (tag) {
    case DMARC_TAG_ADKIM:
        record->is_dkim_strict = is_value(value, "s");
        break;
    case DMARC_TAG_ASPF:
        record->is_spf_strict = is_value(value, "s");
        break;
    case DMARC_TAG_FO:
        record->fo = value;
        break;
    case DMARC_TAG_NP:
        read_request(value, &record->np);
        break;
    case DMARC_TAG_P:
        read_request(value, &record->p);
        break;
    case DMARC_TAG_PSD:
        if (is_value(value, "y"))
            record->psd = DMARC_PSD_YES;
        else if (is_value(value, "n"))
            record->psd = DMARC_PSD_NO;
        break;
    case DMARC_TAG_RUA:
        read_uris(value, &record->rua, &record->has_valid_rua);
        break;
    case DMARC_TAG_RUF:
        read_uris(value, &record->ruf, NULL);
        break;
    case DMARC_TAG_SP:
        read_request(value, &record->sp);
        break;
    case DMARC_TAG_T:
        record->is_test = is_value(value, "y");
        break;
    case DMARC_TAG_COUNT:
    default:
        break;
    }
}

/* dmarc-tag = 1*ALPHA equals 1*dmarc-value. A value that is none is {NULL, 0}. */
static bool split_tag(struct base_text text, struct base_text *name_r, struct base_text *value_r)
{
    struct base_text rest = base_text_trim(text);
    struct base_text name = base_text_trim(base_text_split(&rest, '='));

    if (rest.data == NULL || name.length == 0)
        return false;
    *name_r = name;
    *value_r = base_text_trim(rest);
    for (size_t i = 0; i < name.length; i++)
        if (!base_ascii_is_alpha(name.data[i]))
            return false;
    for (size_t i = 0; i < value_r->length; i++)
        if (!base_ascii_is_print(value_r->data[i]))
            value_r->length = 0;
    if (value_r->length == 0)
        value_r->data = NULL;
    return true;
}

/* Section 4.10.1 asks whether a policy that is there is valid; of other tags a value that is none
 * counts as no tag (4.8). */
static bool is_kept(enum dmarc_tag tag, struct base_text value)
{
    return value.data != NULL || tag == DMARC_TAG_P || tag == DMARC_TAG_SP || tag == DMARC_TAG_NP;
}

bool dmarc_record_parse(struct base_text text, struct dmarc_record *record_r)
{
    struct base_text rest = text;
    struct base_text tag_text;
    struct base_text name;
    struct base_text value;
    unsigned seen = 0;

    memset(record_r, 0, sizeof(*record_r));
    record_r->text = text;
    /* dmarc-version stands at the very start: no blank before it. */
    if (text.length == 0 || !base_ascii_is_alpha(text.data[0]))
        return false;
    tag_text = base_text_split(&rest, ';');
    if (!split_tag(tag_text, &name, &value) || !is_value(name, "v") || value.data == NULL ||
        !base_text_equals(value, BASE_TEXT("DMARC1")))
        return false;
    while (rest.data != NULL) {
        enum dmarc_tag tag;

        tag_text = base_text_split(&rest, ';');
        if (!split_tag(tag_text, &name, &value))
            continue;
        tag = find_tag(name);
        if ((seen & 1U << tag) != 0 || !is_kept(tag, value))
            continue;
        seen |= 1U << tag;
        read_tag(record_r, tag, value);
    }
    return true;
}

bool dmarc_record_select(const struct dns_answer *answer, struct dmarc_record *record_r)
{
    struct dmarc_record candidate;
    bool is_found = false;

    for (size_t i = 0; i < answer->count; i++) {
        if (!dmarc_record_parse(answer->records[i].value, &candidate))
            continue;
        if (is_found)
            return false;
        is_found = true;
        *record_r = candidate;
    }
    return is_found;
}
