/* RFC 9989 section 4.10: is there one record, and where; what stands in it is lint_record.c's. */
#include "policy/dmarc/lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "dns/lookups.h"
#include "policy/dmarc/lint-private.h"
#include "policy/dmarc/walk.h"

/* RFC 1035 section 4.2.1: an answer by UDP has 512 octets, header and names taken off. */
#define SAFE_OCTETS 450

void dmarc_lint_add(struct dmarc_lint *lint, enum policy_severity severity, const char *word,
                    const char *mend, const char *format, ...)
{
    struct policy_finding *finding = base_arena_alloc(lint->arena, sizeof(*finding));
    char text[1024];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    if (finding != NULL) {
        finding->word = word;
        finding->text = base_arena_strdup(lint->arena, text);
        finding->mend = mend;
    }
    policy_findings_add(&lint->found, severity,
                        finding != NULL && finding->text != NULL ? finding : NULL);
}

/* A TXT record at the name of a policy record that is none: a slip, or somebody else's. */
static void add_foreign(struct dmarc_lint *lint, struct base_text text)
{
    struct base_text trimmed = base_text_trim(text);
    bool is_meant = false;

    for (size_t i = 0; i + 5 <= trimmed.length; i++)
        is_meant |=
            base_text_equals_nocase((struct base_text){trimmed.data + i, 5}, BASE_TEXT("DMARC"));
    if (is_meant)
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "version",
                       "let the record begin with \"v=DMARC1;\", exactly so",
                       "a record does not begin with v=DMARC1 and is ignored: \"%.*s\"",
                       (int)text.length, text.data);
    else
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "foreign",
                       "take it away, or move it to where it belongs",
                       "a TXT record here is no DMARC record: \"%.*s\"", (int)text.length,
                       text.data);
}

/* Character-strings are joined as they are: a blank that was meant between them is not there. */
static void check_size(struct dmarc_lint *lint, const struct dns_record *record)
{
    size_t first = record->rdata.length > 0 ? (unsigned char)record->rdata.data[0] : 0;

    if (first + 1 < record->rdata.length)
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "several-strings",
                       "keep the record in one string where it fits into 255 octets",
                       "the record is in several strings; they are joined without a blank");
    if (record->value.length > SAFE_OCTETS)
        dmarc_lint_add(lint, POLICY_SEVERITY_WARNING, "too-long",
                       "name fewer report addresses, or shorter ones",
                       "the record has %zu octets: the answer does not fit into every UDP datagram",
                       record->value.length);
}

static void no_record(struct dmarc_lint *lint, const struct dmarc_walk *walk)
{
    const struct dmarc_step *step = dmarc_walk_find(walk, &lint->organizational);

    if (step == NULL || !step->has_record)
        step = &walk->steps[walk->count - 1];
    if (step->has_record)
        dmarc_lint_add(lint, POLICY_SEVERITY_NOTE, "inherited",
                       "publish a record of its own only if another policy is wanted here",
                       "no record at _dmarc.%s; the record of %s holds for it", lint->domain.text,
                       step->domain.text);
    else if (lint->found.errors == 0)
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "no-record",
                       "publish a TXT record there: \"v=DMARC1; p=none; rua=mailto:...\" to begin "
                       "with",
                       "no record at _dmarc.%s: anybody can send in this domain's name",
                       lint->domain.text);
}

/* The one record of the answer; NULL where there is none or several. */
static const struct dns_record *pick(struct dmarc_lint *lint, const struct dns_answer *answer)
{
    const struct dns_record *found = NULL;
    struct dmarc_record record;
    size_t count = 0;

    for (size_t i = 0; i < answer->count; i++) {
        if (!dmarc_record_parse(answer->records[i].value, &record)) {
            add_foreign(lint, answer->records[i].value);
            continue;
        }
        count++;
        found = &answer->records[i];
    }
    if (count < 2)
        return found;
    dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "several-records", "keep one of them",
                   "%zu DMARC records at _dmarc.%s: receivers ignore all of them", count,
                   lint->domain.text);
    return NULL;
}

void dmarc_lint_domain(struct dmarc_lint *lint)
{
    const struct dns_answer *answer;
    const struct dns_record *record;
    struct dmarc_walk walk;
    struct dns_name storage;
    struct dns_name name;

    if (!dns_name_prepend(&name, "_dmarc", &lint->domain)) {
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "name-too-long", "use a shorter domain",
                       "the domain is so long that \"_dmarc.\" does not fit before it");
        return;
    }
    dmarc_walk_prefetch(lint->lookups, &lint->domain);
    answer = dns_lookups_get(lint->lookups, &name, DNS_TYPE_TXT);
    dmarc_walk_run(&walk, lint->lookups, &lint->domain);
    lint->organizational = *dmarc_walk_organizational(&walk, &storage);
    if (walk.is_temporary)
        dmarc_lint_add(lint, POLICY_SEVERITY_ERROR, "dns", "try again, or mend the name servers",
                       "DNS failed while the records of %s and above were asked for (%s at "
                       "_dmarc.%s)",
                       lint->domain.text, dns_status_text(answer->status), lint->domain.text);
    if (dns_status_is_temporary(answer->status))
        return;
    record = pick(lint, answer);
    if (record == NULL) {
        no_record(lint, &walk);
        return;
    }
    lint->has_record = dmarc_record_parse(record->value, &lint->record);
    check_size(lint, record);
    dmarc_lint_record(lint, record->value);
    if (base_arena_is_exhausted(lint->arena))
        lint->found.errors++;
}
