/* RFC 9989 sections 4.7 and 4.8, tag by tag, then what does not fit together. */
#include <string.h>

#include "policy/dmarc/lint-private.h"

#define TAGS_MAX 64

enum kind {
    KIND_REQUEST,
    KIND_LETTER,
    KIND_FO,
    KIND_URIS,
    KIND_VERSION,
    KIND_GONE,
};

struct tag {
    const char *name;
    enum kind kind;
    /* KIND_LETTER: the letters; KIND_GONE: what to do instead. */
    const char *more;
};

enum {
    TAG_P,
    TAG_SP,
    TAG_NP,
    TAG_T,
    TAG_PSD,
    TAG_ADKIM,
    TAG_ASPF,
    TAG_RUA,
    TAG_RUF,
    TAG_FO,
    TAG_V,
    TAG_PCT,
    TAG_RF,
    TAG_RI,
    TAG_COUNT,
};

static const struct tag tags[TAG_COUNT] = {
    [TAG_P] = {"p", KIND_REQUEST, NULL},
    [TAG_SP] = {"sp", KIND_REQUEST, NULL},
    [TAG_NP] = {"np", KIND_REQUEST, NULL},
    [TAG_T] = {"t", KIND_LETTER, "yn"},
    [TAG_PSD] = {"psd", KIND_LETTER, "ynu"},
    [TAG_ADKIM] = {"adkim", KIND_LETTER, "rs"},
    [TAG_ASPF] = {"aspf", KIND_LETTER, "rs"},
    [TAG_RUA] = {"rua", KIND_URIS, NULL},
    [TAG_RUF] = {"ruf", KIND_URIS, NULL},
    [TAG_FO] = {"fo", KIND_FO, NULL},
    [TAG_V] = {"v", KIND_VERSION, NULL},
    [TAG_PCT] = {"pct", KIND_GONE,
                 "take it away; to try a policy without its full effect, write t=y"},
    [TAG_RF] = {"rf", KIND_GONE, "take it away: failure reports have one format"},
    [TAG_RI] = {"ri", KIND_GONE, "take it away: aggregate reports come daily"},
};

struct reading {
    struct dmarc_lint *lint;
    /* {NULL, 0}: not there. */
    struct base_text values[TAG_COUNT];
};

static bool has(const struct reading *reading, size_t tag)
{
    return reading->values[tag].data != NULL;
}

static bool is(const struct reading *reading, size_t tag, const char *value)
{
    return has(reading, tag) && base_text_equals_nocase(reading->values[tag], base_text_of(value));
}

static void check_request(struct dmarc_lint *lint, size_t tag, struct base_text value)
{
    static const char *const words[] = {"p-invalid", "sp-invalid", "np-invalid"};

    for (enum dmarc_policy i = DMARC_POLICY_NONE; i <= DMARC_POLICY_REJECT; i++)
        if (base_text_equals_nocase(value, base_text_of(dmarc_policy_text(i))))
            return;
    dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, words[tag], "write none, quarantine or reject",
                   "%s: \"%.*s\" is no policy: %s", tags[tag].name, (int)value.length, value.data,
                   lint->record.has_valid_rua ? "the whole record is taken as p=none"
                                              : "the whole record is ignored");
}

static void check_letter(struct dmarc_lint *lint, const struct tag *tag, struct base_text value)
{
    if (value.length == 1 && strchr(tag->more, base_ascii_lower(value.data[0])) != NULL)
        return;
    dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "value", "write one of the letters, or no such tag",
                   "%s: \"%.*s\" is none of the letters \"%s\": the default is taken", tag->name,
                   (int)value.length, value.data, tag->more);
}

/* dmarc-fo: "0" or "1", "d", "s", each once at most. */
static void check_fo(struct dmarc_lint *lint, struct base_text value)
{
    static const char letters[] = "01ds";
    struct base_text rest = value;
    bool is_good = true;
    unsigned seen = 0;

    while (rest.data != NULL) {
        struct base_text word = base_text_trim(base_text_split(&rest, ':'));
        const char *letter =
            word.length == 1 ? strchr(letters, base_ascii_lower(word.data[0])) : NULL;

        is_good =
            is_good && letter != NULL && *letter != '\0' && (seen & 1U << (letter - letters)) == 0;
        if (is_good)
            seen |= 1U << (letter - letters);
    }
    if (!is_good || (seen & 3) == 3)
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "value",
                       "write 0 or 1, and d and s, joined by colons: fo=1:d:s",
                       "fo: \"%.*s\" is not what the tag takes", (int)value.length, value.data);
}

static void check_tag(struct reading *reading, size_t tag, struct base_text value)
{
    struct dmarc_lint *lint = reading->lint;

    if (has(reading, tag)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "duplicate",
                       "keep one of them: receivers differ in which they take",
                       "the tag %s is there more than once", tags[tag].name);
        return;
    }
    reading->values[tag] = value;
    switch (tags[tag].kind) {
    case KIND_REQUEST:
        check_request(lint, tag, value);
        break;
    case KIND_LETTER:
        check_letter(lint, &tags[tag], value);
        break;
    case KIND_FO:
        check_fo(lint, value);
        break;
    case KIND_URIS:
        dmarc_lint_reports(lint, tags[tag].name, value);
        break;
    case KIND_GONE:
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "gone", tags[tag].more,
                       "%s is no tag of RFC 9989 any more: receivers ignore it", tags[tag].name);
        break;
    case KIND_VERSION:
    default:
        break;
    }
}

/* 1*ALPHA */
static bool is_tag_name(struct base_text name)
{
    for (size_t i = 0; i < name.length; i++)
        if (!base_ascii_is_alpha(name.data[i]))
            return false;
    return name.length > 0;
}

/* 1*dmarc-value */
static bool is_tag_value(struct base_text value)
{
    for (size_t i = 0; i < value.length; i++)
        if (!base_ascii_is_print(value.data[i]))
            return false;
    return value.length > 0;
}

static size_t find_tag(struct base_text name)
{
    size_t tag = 0;

    while (tag < TAG_COUNT && !base_text_equals_nocase(name, base_text_of(tags[tag].name)))
        tag++;
    return tag;
}

static void read_tag(struct reading *reading, struct base_text text, bool is_last)
{
    struct base_text rest = text;
    struct base_text name = base_text_trim(base_text_split(&rest, '='));
    struct base_text value = base_text_trim(rest);
    size_t tag = find_tag(name);
    /* Of a policy that is no value at all something else follows: see check_request(). */
    bool is_request = tag < TAG_COUNT && tags[tag].kind == KIND_REQUEST && rest.data != NULL;

    if (text.length == 0) {
        if (!is_last)
            dmarc_lint_add(reading->lint, POLICY_SEVERITY_WARNING, "empty-tag",
                           "take one of the semicolons away",
                           "there is nothing between two semicolons");
    } else if (!is_tag_name(name) || (!is_tag_value(value) && !is_request)) {
        dmarc_lint_add(reading->lint, POLICY_SEVERITY_ERROR, "malformed",
                       "write tag=value, with a semicolon before the next tag",
                       "\"%.*s\" is not tag=value: receivers ignore it", (int)text.length,
                       text.data);
    } else if (tag < TAG_COUNT) {
        check_tag(reading, tag, value);
    } else {
        dmarc_lint_add(
            reading->lint, POLICY_SEVERITY_WARNING, "unknown", "correct its name, or take it away",
            "%.*s is no tag of RFC 9989: receivers ignore it", (int)name.length, name.data);
    }
}

static int strength(const struct dmarc_request *request, int fallback)
{
    return request->is_valid ? (int)request->policy : fallback;
}

/* The policies: is there one, and does it protect what it seems to. */
static void check_policy(const struct reading *reading)
{
    struct dmarc_lint *lint = reading->lint;
    const struct dmarc_record *record = &lint->record;
    int p = strength(&record->p, 0);
    int sp = strength(&record->sp, p);

    if (!has(reading, TAG_P))
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "p-missing", "add p=none, or a stronger policy",
                       "there is no p: the record is %s",
                       record->has_valid_rua ? "taken as p=none" : "ignored");
    else if (record->p.is_valid && p == DMARC_POLICY_NONE && has(reading, TAG_RUA))
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "p-none",
                       "when the reports show that all your mail passes: p=quarantine, then "
                       "p=reject",
                       "p=none: forged mail is reported, but not stopped");
    else if (record->p.is_valid && p == DMARC_POLICY_NONE)
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "p-none",
                       "add rua=mailto:..., to see who sends",
                       "p=none without rua: forged mail is neither stopped nor reported");
    if (sp < p)
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "sp-weaker", "take sp away, or make it as p",
                       "sp is weaker than p: subdomains can be forged");
    if (strength(&record->np, sp) < sp)
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "np-weaker",
                       "take np away, or write np=reject",
                       "np is weaker than what holds for subdomains that exist: names that you do "
                       "not have can be forged");
    if (record->is_test && (p > DMARC_POLICY_NONE || sp > DMARC_POLICY_NONE))
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "test",
                       "take t=y away when the trial is over",
                       "t=y: policies are applied one level milder");
    else if (record->is_test)
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "test", "take t=y away",
                       "t=y has no effect on p=none");
}

/* Tags that mean nothing at this domain or without another tag. */
static void check_sense(const struct reading *reading)
{
    struct dmarc_lint *lint = reading->lint;
    bool is_below = !dns_name_equals(&lint->domain, &lint->organizational);

    for (size_t tag = TAG_SP; tag <= TAG_NP; tag++)
        if (has(reading, tag) && is_below)
            dmarc_lint_add(lint, POLICY_SEVERITY_WARNING,
                           tag == TAG_SP ? "sp-pointless" : "np-pointless",
                           "publish it at the organizational domain",
                           "%s has no effect here: domains below %s follow the record of %s",
                           tags[tag].name, lint->domain.text, lint->organizational.text);
    if (!has(reading, TAG_RUA))
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "rua-missing", "add rua=mailto:...",
                       "there is no rua: nobody reports to you");
    if (has(reading, TAG_FO) && !has(reading, TAG_RUF))
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "fo-pointless", "take fo away, or add ruf",
                       "fo has no effect without ruf");
    if (is(reading, TAG_PSD, "y"))
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "psd",
                       "take psd=y away unless others register domains below this one",
                       "psd=y: each domain right below %s is an organization of its own",
                       lint->domain.text);
    else if (is(reading, TAG_PSD, "n"))
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "psd",
                       "take psd=n away if a domain above is to count as the organization",
                       "psd=n: %s is the organizational domain of all below it", lint->domain.text);
}

void dmarc_lint_record(struct dmarc_lint *lint, struct base_text text)
{
    struct reading reading = {.lint = lint};
    struct base_text rest = text;

    for (size_t count = 0; rest.data != NULL; count++) {
        struct base_text tag = base_text_trim(base_text_split(&rest, ';'));

        if (count == TAGS_MAX) {
            dmarc_lint_add(
                lint, POLICY_SEVERITY_ERROR, "too-many-tags", "take away what is unknown",
                "the record has more than %d tags: the rest was not looked at", TAGS_MAX);
            break;
        }
        read_tag(&reading, tag, rest.data == NULL);
    }
    check_policy(&reading);
    check_sense(&reading);
}
