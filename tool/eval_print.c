#include "tool/eval_print.h"

#include <inttypes.h>

#include "policy/authres_trusted.h"
#include "policy/decision.h"
#include "policy/decision_bulk.h"
#include "policy/decision_rates.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dnslist.h"
#include "policy/edits.h"
#include "policy/evaluation_identity.h"
#include "policy/iprev.h"
#include "policy/rate/limits.h"
#include "policy/rules.h"
#include "policy/spf/spf.h"
#include "policy/tls.h"

/* Octets above ASCII are somebody's UTF-8. */
static void print_text(FILE *out, struct base_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        unsigned char c = (unsigned char)text.data[i];

        (void)fputc(c < 0x20 || c == 0x7f ? '?' : c, out);
    }
}

static void print_row(FILE *out, const char *label, struct base_text text)
{
    (void)fprintf(out, "%-12s ", label);
    print_text(out, text);
    (void)fputc('\n', out);
}

/* Of a reply with several lines, '/' stands between them. */
static void print_reply(FILE *out, struct base_text text)
{
    while (text.data != NULL) {
        struct base_text line = base_text_split(&text, '\n');

        print_text(out, line);
        if (text.data != NULL)
            (void)fputs(" / ", out);
    }
}

static void print_verdict(FILE *out, const struct policy_verdict *verdict)
{
    (void)fputs(policy_action_text(verdict->action), out);
    if (verdict->code != NULL && verdict->code[0] != '\0') {
        (void)fprintf(out, " %s %s ", verdict->code, verdict->enhanced);
        print_reply(out, base_text_of(verdict->text));
    }
    if (verdict->rule != NULL && verdict->rule[0] != '\0')
        (void)fprintf(out, " (rule \"%s\")", verdict->rule);
    (void)fputc('\n', out);
}

void tool_eval_print_stage(void *context, enum policy_stage stage, struct base_text what,
                           const struct policy_verdict *verdict)
{
    FILE *out = context;

    (void)fprintf(out, "%-12s ", policy_stage_text(stage));
    if (what.length > 0) {
        print_text(out, what);
        (void)fputs(": ", out);
    }
    print_verdict(out, verdict);
}

static void print_signatures(FILE *out, const struct policy_decision *decision)
{
    const struct policy_signature *signature = decision->signatures;

    for (; signature != NULL; signature = signature->next) {
        (void)fprintf(out, "%-12s d=", signature->fault == NULL ? "signed" : "not signed");
        print_text(out, signature->domain);
        (void)fputs(" s=", out);
        print_text(out, signature->selector);
        (void)fprintf(out, " a=%s%s%s\n", signature->algorithm,
                      signature->fault == NULL ? "" : ": ",
                      signature->fault == NULL ? "" : signature->fault);
    }
}

static void print_spf(FILE *out, const char *label, const struct spf_outcome *spf)
{
    if (spf == NULL)
        return;
    (void)fprintf(out, "%-12s %s for ", label, spf_verdict_text(spf->verdict));
    print_text(out, spf->domain);
    if (spf->term.length > 0) {
        (void)fputs(" by \"", out);
        print_text(out, spf->term);
        (void)fputs("\"", out);
    }
    (void)fprintf(out, "%s%s\n", spf->reason == NULL ? "" : ": ",
                  spf->reason == NULL ? "" : spf->reason);
}

static void print_dkim(FILE *out, const struct dkim_verdicts *verdicts)
{
    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        const struct dkim_verdict *verdict = &verdicts->items[i];

        (void)fprintf(out, "%-12s %s d=", "dkim", dkim_result_text(verdict->result));
        print_text(out, verdict->domain);
        (void)fputs(" s=", out);
        print_text(out, verdict->selector);
        (void)fprintf(out, "%s%s\n", verdict->reason == NULL ? "" : ": ",
                      verdict->reason == NULL ? "" : verdict->reason);
    }
    if (verdicts != NULL && verdicts->count == 0)
        (void)fprintf(out, "%-12s none\n", "dkim");
}

static void print_dmarc(FILE *out, const struct dmarc_outcome *dmarc)
{
    if (dmarc == NULL)
        return;
    (void)fprintf(out, "%-12s %s", "dmarc", dmarc_result_text(dmarc->result));
    if (dmarc->has_record)
        (void)fprintf(out, ", policy %s of %s, SPF %s, DKIM %s", dmarc_policy_text(dmarc->policy),
                      dmarc->policy_domain.text, dmarc->is_spf_aligned ? "aligned" : "not aligned",
                      dmarc->is_dkim_aligned ? "aligned" : "not aligned");
    (void)fprintf(out, "%s%s\n", dmarc->reason == NULL ? "" : ": ",
                  dmarc->reason == NULL ? "" : dmarc->reason);
}

static void print_tls(FILE *out, const struct policy_tls *tls)
{
    if (tls == NULL)
        return;
    (void)fprintf(out, "%-12s ", "tls");
    print_text(out, base_text_of(tls->version));
    if (tls->cipher[0] != '\0') {
        (void)fputs(", ", out);
        print_text(out, base_text_of(tls->cipher));
    }
    if (tls->cipher_bits >= 0)
        (void)fprintf(out, ", %d bits", tls->cipher_bits);
    if (tls->certificate != POLICY_CERTIFICATE_NONE) {
        (void)fprintf(out, ", %s certificate of ", policy_certificate_text(tls->certificate));
        print_text(out, base_text_of(tls->subject));
        (void)fputs(" by ", out);
        print_text(out, base_text_of(tls->issuer));
    }
    (void)fputc('\n', out);
}

static void print_iprev(FILE *out, const struct policy_iprev *iprev)
{
    char name[DNS_NAME_ESCAPED_SIZE];

    if (iprev == NULL)
        return;
    (void)fprintf(out, "%-12s %s%s%s", "iprev", policy_iprev_result_text(iprev->result),
                  iprev->reason == NULL ? "" : ": ", iprev->reason == NULL ? "" : iprev->reason);
    for (size_t i = 0; i < iprev->count; i++)
        (void)fprintf(out, " %s", dns_name_escape(&iprev->names[i], name));
    (void)fputc('\n', out);
}

static void print_dnslists(FILE *out, const struct policy_decision *decision)
{
    for (size_t i = 0; i < decision->dnslist_count; i++) {
        const struct policy_dnslist_outcome *outcome = &decision->dnslists[i];

        if (outcome->result == POLICY_DNSLIST_UNKNOWN)
            continue;
        (void)fprintf(out, "%-12s %s: %s", outcome->is_allowing ? "dnswl" : "dnsbl", outcome->zone,
                      policy_dnslist_result_text(outcome->result));
        if (outcome->code[0] != '\0')
            (void)fprintf(out, " %s", outcome->code);
        if (outcome->text.length > 0) {
            (void)fputs(", ", out);
            print_text(out, outcome->text);
        }
        (void)fputc('\n', out);
    }
}

static void print_trusted(FILE *out, const struct policy_authres_trusted *trusted)
{
    for (; trusted != NULL; trusted = trusted->next) {
        struct base_text id = trusted->field.authserv_id;
        const struct authres_result *result = trusted->field.results;

        for (; result != NULL; result = result->next) {
            (void)fprintf(out, "%-12s ", "trusted");
            print_text(out, result->method);
            (void)fputc('=', out);
            print_text(out, result->result);
            for (const struct authres_property *it = result->properties; it != NULL;
                 it = it->next) {
                (void)fputc(' ', out);
                print_text(out, it->ptype);
                (void)fputc('.', out);
                print_text(out, it->property);
                (void)fputc('=', out);
                print_text(out, it->value);
            }
            (void)fputs(", says ", out);
            print_text(out, id);
            (void)fputc('\n', out);
        }
    }
}

static void print_identity(FILE *out, const struct policy_identity_evaluation *identity)
{
    for (enum policy_identity_part part = 0; part < POLICY_IDENTITY_PARTS; part++) {
        const struct policy_ownership *ownership;

        if (identity == NULL || !identity->has[part])
            continue;
        ownership = &identity->parts[part];
        if (ownership->owned == POLICY_OWNED_UNKNOWN)
            continue;
        (void)fprintf(out, "%-12s %s ", "identity", policy_identity_part_text(part));
        print_text(out, ownership->address);
        if (ownership->owned == POLICY_OWNED_YES)
            (void)fprintf(out, " is the login's own (%s)\n", ownership->by);
        else if (ownership->owned == POLICY_OWNED_NO)
            (void)fputs(" is not the login's own\n", out);
        else
            (void)fprintf(out, " cannot be looked up: %s\n", ownership->fault);
    }
}

static void print_hits(FILE *out, const struct policy_rule_hit *hits)
{
    for (; hits != NULL; hits = hits->next)
        (void)fprintf(out, "%-12s \"%s\" %s at %s, mode %s\n", "rule", hits->name,
                      hits->is_over ? "is overdue" : "matched", policy_stage_text(hits->stage),
                      policy_rule_mode_text(hits->mode));
}

static void print_rates(FILE *out, const struct policy_rate_hit *hit)
{
    char limit[RATE_TEXT_SIZE];

    for (; hit != NULL; hit = hit->next) {
        (void)fprintf(out, "%-12s \"%s\" %s, ", "rate", hit->name,
                      policy_rate_answer_text(hit->answer));
        print_text(out, hit->key);
        (void)fprintf(out, " has %" PRId64 " of ", hit->used);
        if (hit->limit.percent > 0)
            (void)fprintf(out, "%" PRId64 " sent, of ", hit->whole);
        (void)fprintf(out, "%s, mode %s\n", rate_limit_text(&hit->limit, limit),
                      policy_rule_mode_text(hit->mode));
    }
}

static void print_bulk(FILE *out, const struct policy_bulk *bulk)
{
    if (bulk == NULL || bulk->counts == NULL)
        return;
    (void)fprintf(out, "%-12s one-click-unsubscribe %s, author-aligned %s\n", "bulk",
                  policy_one_click_words[bulk->one_click],
                  policy_author_aligned_words[bulk->aligned]);
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next)
        (void)fprintf(out,
                      "%-12s %s: %" PRId64 " recipients, with those of before %" PRId64
                      " of %" PRId64 "\n",
                      "", it->provider, it->recipients, it->used + it->recipients, it->limit);
}

/* A field as it will stand in the message: folds stay folds. */
static void print_edit(FILE *out, const struct policy_edit *edit)
{
    struct base_text rest = edit->value;
    struct base_text line;

    if (edit->op == POLICY_EDIT_DELETE) {
        (void)fprintf(out, "%-12s ", "delete");
        print_text(out, edit->name);
        (void)fprintf(out, " (field %u of that name)\n", edit->index);
        return;
    }
    (void)fprintf(out, "%-12s ", "insert");
    print_text(out, edit->name);
    (void)fputc(':', out);
    while (rest.data != NULL) {
        line = base_text_split(&rest, '\n');
        if (line.length > 0 && line.data[0] == '\t') {
            (void)fputs("\t", out);
            line.data++;
            line.length--;
        }
        print_text(out, line);
        (void)fputc('\n', out);
    }
}

void tool_eval_print_decision(FILE *out, const struct policy_decision *decision,
                              const struct policy_edits *edits)
{
    (void)fprintf(out, "%-12s %s (%s)\n", "direction", policy_direction_text(decision->direction),
                  decision->direction_by == NULL ? "" : decision->direction_by);
    if (decision->author_domain.length > 0)
        print_row(out, "author", decision->author_domain);
    print_signatures(out, decision);
    if (decision->unsigned_reason != NULL)
        print_row(out, "unsigned", base_text_of(decision->unsigned_reason));
    if (decision->authres_removed > 0)
        (void)fprintf(out, "%-12s %u forged Authentication-Results\n", "removed",
                      decision->authres_removed);
    if (decision->left_out != NULL)
        print_row(out, "left out", base_text_of(decision->left_out));
    print_tls(out, decision->tls);
    print_iprev(out, decision->iprev);
    print_dnslists(out, decision);
    print_spf(out, "spf", decision->spf);
    print_spf(out, "helo-spf", decision->helo_spf);
    print_dkim(out, decision->dkim);
    print_dmarc(out, decision->dmarc);
    print_trusted(out, decision->trusted_results);
    print_identity(out, decision->identity);
    print_hits(out, decision->session_hits);
    print_hits(out, decision->hits);
    print_rates(out, decision->rates);
    print_bulk(out, decision->bulk);
    (void)fprintf(out, "%-12s ", "verdict");
    print_verdict(out, &decision->verdict);
    if (decision->would != NULL) {
        (void)fprintf(out, "%-12s ", "would");
        print_verdict(out, decision->would);
    }
    for (const struct policy_edit *edit = edits->first; edit != NULL; edit = edit->next)
        print_edit(out, edit);
}
