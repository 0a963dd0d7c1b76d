/* Inbound evaluation: what is asked for, in which order, within which budget. Envelope evaluators
 * wait from `dns-timeout-envelope`, the rest from what is left of `dns-timeout` (DESIGN: two
 * budgets of time spent waiting). */
#include "policy/evaluation.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "conf/daemon.h"
#include "policy/dkim/signature.h"
#include "policy/dkim/verify.h"
#include "policy/idn.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* smfi_progress is due about every 5 s (LIBRARIES: Postfix waits 300 s, Sendmail 10 s a command).
 */
#define PROGRESS_NS (5 * BASE_NS_PER_S)

static void prefetch_spf(const struct policy_session *session, struct dns_lookups *lookups,
                         bool is_helo)
{
    struct dns_name name;

    if (policy_evaluation_spf_domain(session, is_helo, &name) && name.label_count > 1)
        dns_lookups_prefetch(lookups, &name, DNS_TYPE_TXT);
}

void policy_evaluation_begin(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    const struct conf_daemon *daemon = conf_daemon_get(session->snapshot->conf);
    struct dns_lookups_options options = {
        .resolver = session->env.resolver,
        .clock = session->env.clock,
        .max_questions = (unsigned)daemon->dns_questions,
    };

    if (session->decision.direction != POLICY_DIRECTION_INBOUND || options.resolver == NULL)
        return;
    options.before = policy_helo_evaluation_join(session, &evaluation->envelope);
    evaluation->lookups = dns_lookups_create(session->message, &options);
    if (evaluation->lookups == NULL)
        return;
    evaluation->is_on = true;
    evaluation->content.left_ns = daemon->dns_timeout * BASE_NS_PER_MS;
    dns_lookups_set_budget(evaluation->lookups, &evaluation->envelope);
    session->wait_budget = &evaluation->envelope;
    if (options.before != NULL)
        prefetch_spf(session, options.before, true);
    prefetch_spf(session, evaluation->lookups, false);
}

void policy_evaluation_content(struct policy_session *session, void (*progress)(void *context),
                               void *context)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    const struct conf_daemon *daemon = conf_daemon_get(session->snapshot->conf);

    if (!evaluation->is_on)
        return;
    /* The whole message has `dns-timeout`: what the envelope took is gone. */
    evaluation->content.left_ns -=
        daemon->dns_timeout_envelope * BASE_NS_PER_MS - evaluation->envelope.left_ns;
    if (evaluation->content.left_ns < 0)
        evaluation->content.left_ns = 0;
    dns_lookups_set_budget(evaluation->lookups, &evaluation->content);
    session->wait_budget = &evaluation->content;
    dns_lookups_set_progress(evaluation->lookups, PROGRESS_NS, progress, context);
}

void policy_evaluation_note(struct policy_session *session)
{
    const struct policy_evaluation *evaluation = &session->evaluation;
    const struct policy_helo_evaluation *helo = &session->helo_evaluation;
    struct policy_decision *decision = &session->decision;

    policy_client_evaluation_note(session);
    if (evaluation->has_spf)
        decision->spf = &evaluation->spf;
    if (!helo->has_spf)
        return;
    decision->helo_spf = &helo->spf;
    if (session->has_message && session->sender.kind == POLICY_ADDRESS_NULL)
        decision->spf = &helo->spf;
}

void policy_evaluation_end(struct policy_session *session)
{
    dkim_verification_end(&session->evaluation.verification);
    dns_lookups_destroy(&session->evaluation.lookups);
    policy_helo_evaluation_leave(session);
}

void policy_evaluation_header(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    const struct policy_options *options = session->snapshot->options;
    bool has_author = session->author.outcome == POLICY_AUTHOR_ONE;
    struct dkim_verify_options verify = {
        .library = session->snapshot->dkim_library,
        .lookups = evaluation->lookups,
        .author_domain = has_author ? &session->author.domain : NULL,
        .now_s = session->decision.time_s,
        .max_signatures = (size_t)options->dkim_signatures,
        .max_names = (size_t)options->dkim_names,
    };

    if (!evaluation->is_on)
        return;
    evaluation->verification = dkim_verification_begin(session->message, &verify, &session->header);
    if (has_author)
        dmarc_prefetch(evaluation->lookups, &session->author.domain);
}

void policy_evaluation_body(struct policy_session *session, struct base_text chunk)
{
    if (session->evaluation.verification != NULL)
        dkim_verification_body(session->evaluation.verification, chunk);
}

const struct dkim_verdicts *policy_evaluation_dkim(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;

    if (!evaluation->has_dkim && evaluation->verification != NULL) {
        evaluation->has_dkim = true;
        evaluation->dkim = dkim_verification_finish(evaluation->verification);
    }
    return evaluation->dkim;
}

const char *policy_evaluation_dkim_word(struct policy_session *session)
{
    static const enum dkim_result best[] = {
        DKIM_RESULT_PASS,   DKIM_RESULT_TEMPERROR, DKIM_RESULT_FAIL,
        DKIM_RESULT_POLICY, DKIM_RESULT_PERMERROR, DKIM_RESULT_NEUTRAL,
    };
    const struct dkim_verdicts *verdicts = policy_evaluation_dkim(session);

    if (verdicts == NULL)
        return NULL;
    for (size_t i = 0; i < sizeof(best) / sizeof(best[0]); i++)
        for (size_t k = 0; k < verdicts->count; k++)
            if (verdicts->items[k].result == best[i])
                return dkim_result_text(best[i]);
    return dkim_result_text(DKIM_RESULT_NONE);
}

/* DKIM's identifiers: each verdict that may count, or that DNS kept from being known. */
static bool collect_dkim(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    const struct dkim_verdicts *verdicts = policy_evaluation_dkim(session);
    struct dns_name *names;

    if (verdicts == NULL)
        return false;
    names = base_arena_alloc(session->message, (verdicts->count + 1) * sizeof(*names));
    evaluation->dkim_identifiers = base_arena_alloc(
        session->message, (verdicts->count + 1) * sizeof(*evaluation->dkim_identifiers));
    if (names == NULL || evaluation->dkim_identifiers == NULL)
        return false;
    for (size_t i = 0; i < verdicts->count; i++) {
        struct dmarc_identifier *identifier = &evaluation->dkim_identifiers[i];

        identifier->domain = &names[i];
        if (!policy_idn_to_name(verdicts->items[i].domain, &names[i]))
            continue;
        identifier->is_pass = dkim_verdict_is_creditable(&verdicts->items[i]);
        identifier->is_temporary = verdicts->items[i].result == DKIM_RESULT_TEMPERROR;
    }
    evaluation->dkim_identifier_count = verdicts->count;
    return true;
}

/* SPF's: the MAIL FROM identity, or HELO's where that stands for it. The MTA and we need not agree
 * on which domain a malformed path has: it identifies nobody. */
static struct dmarc_identifier *collect_spf(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    const struct spf_outcome *spf = policy_evaluation_spf(session);

    if (spf == NULL || session->is_sender_malformed ||
        dns_name_make(&evaluation->spf_domain, spf->domain) != DNS_NAME_OK)
        return NULL;
    evaluation->spf_identifier.domain = &evaluation->spf_domain;
    evaluation->spf_identifier.is_pass = spf->verdict == SPF_VERDICT_PASS;
    evaluation->spf_identifier.is_temporary = spf->verdict == SPF_VERDICT_TEMPERROR;
    return &evaluation->spf_identifier;
}

static struct dmarc_request_facts dmarc_facts(const struct policy_session *session)
{
    return (struct dmarc_request_facts){
        .arena = session->message,
        .lookups = session->evaluation.lookups,
        .author_domain = &session->author.domain,
        .method = (enum dmarc_method)session->snapshot->options->dmarc_method,
        .psl = session->snapshot->psl,
    };
}

/* Whether any domain that may come to be authenticated needs the author domain's walk. */
static bool wants_walk(const struct policy_session *session)
{
    const struct dns_name *author = &session->author.domain;
    const struct policy_field *field;
    struct dns_name domain;
    size_t position = 0;

    if (policy_evaluation_spf_domain(session, false, &domain) && dmarc_wants_walk(author, &domain))
        return true;
    while ((field = policy_header_next(&session->header, BASE_TEXT("DKIM-Signature"), &position)) !=
           NULL)
        if (dkim_signature_peek_domain(field->value, &domain) && dmarc_wants_walk(author, &domain))
            return true;
    return false;
}

void policy_evaluation_author(struct policy_session *session)
{
    struct dmarc_request_facts facts = dmarc_facts(session);

    if (session->evaluation.is_on && session->author.outcome == POLICY_AUTHOR_ONE)
        dmarc_ask_author(&facts, wants_walk(session));
}

const struct dmarc_outcome *policy_evaluation_dmarc(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;
    struct dmarc_request_facts facts = dmarc_facts(session);

    if (!evaluation->is_on || session->author.outcome != POLICY_AUTHOR_ONE)
        return NULL;
    if (evaluation->has_dmarc)
        return &evaluation->dmarc;
    evaluation->has_dmarc = true;
    facts.spf = collect_spf(session);
    if (!collect_dkim(session)) {
        memset(&evaluation->dmarc, 0, sizeof(evaluation->dmarc));
        evaluation->dmarc.author_domain = session->author.domain;
        evaluation->dmarc.result = DMARC_RESULT_TEMPERROR;
        evaluation->dmarc.reason = "no memory left";
        return &evaluation->dmarc;
    }
    facts.dkim = evaluation->dkim_identifiers;
    facts.dkim_count = evaluation->dkim_identifier_count;
    dmarc_evaluate(&facts, &evaluation->dmarc);
    return &evaluation->dmarc;
}
