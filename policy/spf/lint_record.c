/* RFC 7208 sections 3 (publishing: 3.1 type TXT alone, 3.2 one record, 3.3 several strings, 3.4
 * size) and 4.5, 4.6 (selection, syntax). */
#include "policy/spf/lint_record.h"

#include <string.h>

#include "base/arena.h"

/* 3.4: what fits a UDP answer of 512 octets. */
#define COMFORTABLE_OCTETS 450
/* Octets of a full character-string (RFC 1035 section 3.3). */
#define STRING_MAX 255

static const char version[] = "v=spf1";
#define VERSION_LENGTH (sizeof(version) - 1)

static bool is_term(struct spf_lint *lint, struct base_text word)
{
    struct spf_record scratch = {.has_all = false};

    return word.length > 0 && spf_record_add_term(lint->request->arena, &scratch, word) == NULL;
}

static struct base_text last_word(struct base_text text)
{
    size_t start = text.length;

    while (start > 0 && text.data[start - 1] != ' ')
        start--;
    return (struct base_text){text.data + start, text.length - start};
}

static struct base_text first_word(struct base_text text)
{
    return base_text_split(&text, ' ');
}

static void tell_joined(struct spf_lint *lint, const struct dns_name *domain, struct base_text left,
                        struct base_text right, bool is_certain)
{
    struct base_text term = {left.data, left.length + right.length};
    const struct spf_lint_place place = {domain, term};
    const char *text = base_arena_printf(
        lint->request->arena, "the strings \"...%.*s\" and \"%.*s...\" are joined without a blank",
        (int)left.length, left.data, (int)right.length, right.data);

    spf_lint_add(lint, is_certain ? POLICY_SEVERITY_ERROR : POLICY_SEVERITY_WARNING,
                 "joined-strings", &place, text,
                 "end the first string with a blank, or begin the second with one");
}

/* 3.3: strings are joined as they are. Where both sides of a seam are whole terms, a blank was
 * forgotten; a full string may have been cut anywhere on purpose. `value` is the joined text. */
static void check_seam(struct spf_lint *lint, const struct dns_name *domain, struct base_text value,
                       size_t seam, size_t left_length)
{
    struct base_text left = last_word((struct base_text){value.data, seam});
    struct base_text right = first_word((struct base_text){value.data + seam, value.length - seam});
    bool is_version =
        left.data == value.data && base_text_equals_nocase(left, base_text_of(version));
    struct base_text both = {left.data, left.length + right.length};

    if (left.length == 0 || right.length == 0 || !is_term(lint, right) ||
        !(is_version || is_term(lint, left)))
        return;
    tell_joined(lint, domain, left, right, left_length < STRING_MAX || !is_term(lint, both));
}

static void check_strings(struct spf_lint *lint, const struct dns_name *domain,
                          const struct dns_record *record)
{
    const char *rdata = record->rdata.data;
    size_t seam = 0;

    for (size_t at = 0; at < record->rdata.length;) {
        size_t length = (unsigned char)rdata[at];

        at += 1 + length;
        seam += length;
        /* An empty string makes no seam of its own. */
        if (length > 0 && at < record->rdata.length && seam < record->value.length)
            check_seam(lint, domain, record->value, seam, length);
    }
}

/* A record that begins like one and is none (4.5). */
static bool is_near_miss(struct base_text value)
{
    return value.length > VERSION_LENGTH && value.data[VERSION_LENGTH] != ' ' &&
           base_text_starts_with_nocase(value, base_text_of(version));
}

static void check_near_misses(struct spf_lint *lint, const struct dns_name *domain,
                              const struct dns_answer *answer)
{
    const struct spf_lint_place place = {domain, {NULL, 0}};

    for (size_t i = 0; i < answer->count; i++) {
        if (!is_near_miss(answer->records[i].value))
            continue;
        check_strings(lint, domain, &answer->records[i]);
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "no-version", &place,
                     "a TXT record begins with \"v=spf1\" and is no SPF record: no blank follows",
                     "write a blank behind \"v=spf1\", or remove the record");
    }
}

static void check_size(struct spf_lint *lint, const struct dns_name *domain,
                       struct base_text record, const struct dns_answer *answer)
{
    const struct spf_lint_place place = {domain, {NULL, 0}};
    struct base_arena *arena = lint->request->arena;
    size_t octets = domain->length;

    for (size_t i = 0; i < answer->count; i++)
        octets += answer->records[i].value.length;
    if (record.length > COMFORTABLE_OCTETS)
        spf_lint_add(lint, POLICY_SEVERITY_WARNING, "long-record", &place,
                     base_arena_printf(arena,
                                       "the record has %zu octets: above 450 its answer may not "
                                       "fit a UDP packet",
                                       record.length),
                     "move networks into records of their own and include these");
    else if (octets > COMFORTABLE_OCTETS)
        spf_lint_add(lint, POLICY_SEVERITY_NOTE, "long-answer", &place,
                     base_arena_printf(arena,
                                       "all TXT records of the name have %zu octets: above 450 "
                                       "their answer may not fit a UDP packet",
                                       octets),
                     "remove TXT records that are no longer needed, or move them to other names");
}

static void check_octets(struct spf_lint *lint, const struct dns_name *domain,
                         struct base_text record)
{
    const struct spf_lint_place place = {domain, {NULL, 0}};

    for (size_t i = 0; i < record.length; i++) {
        if (base_ascii_is_print(record.data[i]))
            continue;
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "syntax", &place,
                     base_arena_printf(lint->request->arena,
                                       "octet %zu of the record is not printable ASCII", i + 1),
                     "write it with ASCII letters alone; U-labels as A-labels (xn--...)");
        return;
    }
}

static struct spf_record *read_terms(struct spf_lint *lint, const struct dns_name *domain,
                                     struct base_text text)
{
    struct base_arena *arena = lint->request->arena;
    struct spf_record *record = base_arena_alloc(arena, sizeof(*record));
    struct base_text rest = {text.data + VERSION_LENGTH, text.length - VERSION_LENGTH};

    if (record == NULL) {
        lint->is_over = true;
        return NULL;
    }
    record->domain = *domain;
    record->text = text;
    while (rest.data != NULL && !lint->is_over) {
        const struct spf_lint_place place = {&record->domain, base_text_split(&rest, ' ')};
        const char *fault =
            place.term.length == 0 ? NULL : spf_record_add_term(arena, record, place.term);

        if (fault != NULL)
            spf_lint_add(lint, POLICY_SEVERITY_ERROR, "syntax", &place, fault,
                         "correct the term: the whole record is invalid with it");
    }
    return record;
}

static const struct dns_record *selected(const struct dns_answer *answer, struct base_text text)
{
    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i].value.data == text.data)
            return &answer->records[i];
    return NULL;
}

static void tell_missing(struct spf_lint *lint, const struct dns_name *domain,
                         const struct spf_lint_place *from, enum dns_status status)
{
    bool is_start = from->term.data == NULL;
    const char *what = status == DNS_STATUS_NXDOMAIN ? "does not exist" : "has no SPF record";

    spf_lint_add(lint, POLICY_SEVERITY_ERROR, is_start ? "no-record" : "missing-include", from,
                 base_arena_printf(lint->request->arena, is_start ? "%s %s" : "%s %s: permerror",
                                   domain->text, what),
                 is_start ? "publish one TXT record, \"v=spf1 -all\" if the domain sends no mail"
                          : "publish a record there, or remove the term");
}

struct spf_record *spf_lint_read(struct spf_lint *lint, const struct dns_name *domain,
                                 const struct spf_lint_place *from)
{
    const struct spf_lint_place place = {domain, {NULL, 0}};
    const struct dns_answer *answer = dns_lookups_get(lint->request->lookups, domain, DNS_TYPE_TXT);
    struct base_text text = {NULL, 0};
    enum spf_selection selection = spf_record_select(answer, &text);

    if (dns_status_is_temporary(answer->status)) {
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "dns", from,
                     base_arena_printf(lint->request->arena, "%s cannot be asked for: %s",
                                       domain->text, dns_status_text(answer->status)),
                     "mend its DNS: receivers answer temperror");
        return NULL;
    }
    check_near_misses(lint, domain, answer);
    if (selection == SPF_SELECTION_NONE) {
        tell_missing(lint, domain, from, answer->status);
        return NULL;
    }
    if (selection == SPF_SELECTION_SEVERAL) {
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "several-records", &place,
                     "there is more than one SPF record: permerror",
                     "make one record of them: their terms behind one \"v=spf1\"");
        return NULL;
    }
    lint->report->records++;
    if (text.length > SPF_RECORD_MAX) {
        spf_lint_add(lint, POLICY_SEVERITY_ERROR, "too-long", &place,
                     "the record is longer than 64 KiB", "make it shorter");
        return NULL;
    }
    check_octets(lint, domain, text);
    check_strings(lint, domain, selected(answer, text));
    check_size(lint, domain, text, answer);
    return read_terms(lint, domain, text);
}
