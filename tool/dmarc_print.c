/* RFC 9989 in the order in which it is applied: section 4.10 (walk), 4.10.1 (policy), 4.10.2
 * (organizational domain), 4.4 (alignment), 5.3 (result). */
#include "tool/dmarc_print.h"

#include "policy/dmarc/dmarc.h"
#include "tool/asking.h"

static void print_step(FILE *out, const struct dmarc_step *step)
{
    (void)fprintf(out, "%-12s _dmarc.%s: ", "walk", step->domain.text);
    if (step->has_record)
        tool_print_text(out, step->record.text);
    else if (step->status == DNS_STATUS_OK)
        (void)fputs("no DMARC record, or several", out);
    else
        (void)fprintf(out, "%s (%s)",
                      dns_status_is_temporary(step->status) ? "not known" : "no record",
                      dns_status_text(step->status));
    if (step->has_record && step->record.psd != DMARC_PSD_UNKNOWN)
        (void)fprintf(out, " (psd=%s: the walk ends)",
                      step->record.psd == DMARC_PSD_YES ? "y" : "n");
    (void)fputc('\n', out);
}

/* Without a walk the author domain's own record was all that was needed. */
static void print_walk(FILE *out, const struct dmarc_outcome *outcome)
{
    struct dmarc_step own = {.domain = outcome->author_domain, .has_record = true};

    if (outcome->walk != NULL) {
        for (size_t i = 0; i < outcome->walk->count; i++)
            print_step(out, &outcome->walk->steps[i]);
    } else if (outcome->has_record) {
        own.record = outcome->record;
        own.record.psd = DMARC_PSD_UNKNOWN;
        print_step(out, &own);
    }
}

/* 4.10.2: which of its rules gave the organizational domain. */
static const char *organizational_rule(const struct dmarc_outcome *outcome)
{
    const struct dmarc_walk *walk = outcome->walk;
    const struct dmarc_step *step;

    if (outcome->method == DMARC_METHOD_PSL)
        return "by the public suffix list";
    if (walk == NULL)
        return "stands for it: nothing had to be compared in relaxed mode";
    step = dmarc_walk_find(walk, &outcome->organizational_domain);
    if (step != NULL && step->has_record && step->record.psd == DMARC_PSD_NO)
        return "psd=n";
    for (size_t i = 1; i < walk->count; i++)
        if (walk->steps[i].has_record && walk->steps[i].record.psd == DMARC_PSD_YES)
            return "one label below psd=y";
    if (step != NULL && step->has_record)
        return "the shortest name with a record";
    return "no record was found: the author domain itself";
}

static const char *policy_rule(const struct dmarc_outcome *outcome)
{
    switch (outcome->policy_tag) {
    case DMARC_TAKEN_FROM_SP:
        return "sp, because the author domain is below it";
    case DMARC_TAKEN_FROM_NP:
        return "np, because the author domain does not exist";
    case DMARC_TAKEN_FROM_RUA:
        return outcome->result == DMARC_RESULT_PERMERROR
                   ? "p, sp or np is missing or invalid, and there is no rua"
                   : "p, sp or np is missing or invalid, but there is a rua: as if p=none";
    case DMARC_TAKEN_FROM_P:
    default:
        return dns_name_equals(&outcome->policy_domain, &outcome->author_domain)
                   ? "p of the author domain's own record"
                   : "p, because the record has no sp or np that applies";
    }
}

static void print_policy(FILE *out, const struct dmarc_outcome *outcome)
{
    if (outcome->has_organizational)
        (void)fprintf(out, "%-12s %s (%s)\n", "organization", outcome->organizational_domain.text,
                      organizational_rule(outcome));
    else if (outcome->walk != NULL)
        (void)fprintf(out, "%-12s not known: DNS failed\n", "organization");
    if (!outcome->has_record)
        return;
    (void)fprintf(out, "%-12s %s at %s: ", "policy", dmarc_policy_text(outcome->policy),
                  outcome->policy_domain.text);
    tool_print_text(out, outcome->record.text);
    (void)fprintf(out, "\n%-12s %s\n", "decides", policy_rule(outcome));
}

static void print_identifier(FILE *out, const struct dmarc_outcome *outcome, const char *method,
                             const struct dmarc_identifier *identifier)
{
    if (identifier == NULL)
        return;
    (void)fprintf(out, "%-12s %s: ", method, identifier->domain->text);
    if (!outcome->has_record || outcome->result == DMARC_RESULT_PERMERROR)
        (void)fputs("not compared", out);
    else if (!identifier->is_pass && !identifier->is_temporary)
        (void)fputs("not authenticated", out);
    else if (identifier->is_unknown)
        (void)fputs("not known for now", out);
    else
        (void)fputs(identifier->is_aligned ? "aligned" : "not aligned", out);
    if (identifier->has_organizational)
        (void)fprintf(out, " (organizational domain %s)", identifier->organizational.text);
    (void)fputc('\n', out);
}

void tool_dmarc_print(const struct dmarc_request_facts *request,
                      const struct dmarc_outcome *outcome, FILE *out)
{
    tool_asking_print(request->lookups, out);
    (void)fprintf(out, "%-12s %s\n", "author", outcome->author_domain.text);
    print_walk(out, outcome);
    print_policy(out, outcome);
    print_identifier(out, outcome, "spf", request->spf);
    for (size_t i = 0; i < request->dkim_count; i++)
        print_identifier(out, outcome, "dkim", &request->dkim[i]);
    (void)fprintf(out, "%-12s %s%s%s\n", "result", dmarc_result_text(outcome->result),
                  outcome->reason == NULL ? "" : ": ",
                  outcome->reason == NULL ? "" : outcome->reason);
    if (outcome->by_list != NULL)
        (void)fprintf(out, "%-12s %s, organizational domain %s\n", "by the list",
                      dmarc_result_text(outcome->by_list->result),
                      outcome->by_list->organizational_domain.text);
    if (outcome->result == DMARC_RESULT_FAIL)
        (void)fprintf(out, "%-12s %s%s\n", "asked for", dmarc_policy_text(outcome->disposition),
                      outcome->record.is_test ? " (t=y: one level milder)" : "");
}
