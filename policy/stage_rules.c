/* Rules at their stage (DESIGN, "Actions and codes"): the first that matches and is enforced
 * decides. accept ends the rules of this message (at connect and HELO: of this session; at RCPT: of
 * this recipient, and of the message if all its recipients were accepted so), not its judgement.
 * mark, hold-queue and fields are done at end of message, whichever stage said so. */
#include "policy/stage_rules.h"

#include "base/arena.h"
#include "base/clock.h"
#include "policy/address.h"
#include "policy/counters.h"
#include "policy/deferrals.h"
#include "policy/domains.h"
#include "policy/evaluation.h"
#include "policy/exceptions.h"
#include "policy/networks.h"
#include "policy/options.h"
#include "policy/rules.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_bulk.h"
#include "policy/stage_expand.h"
#include "policy/stage_fields.h"
#include "policy/stage_identity.h"

static const struct spf_outcome *ask_spf(void *context)
{
    return policy_evaluation_spf(context);
}

static const struct spf_outcome *ask_helo_spf(void *context)
{
    return policy_evaluation_helo_spf(context);
}

static bool ask_spf_domain(void *context, bool is_helo, struct dns_name *domain_r)
{
    return policy_evaluation_spf_domain(context, is_helo, domain_r);
}

static void explain_spf(void *context, bool is_helo)
{
    policy_evaluation_explain_spf(context, is_helo);
}

static const char *ask_dkim(void *context)
{
    return policy_evaluation_dkim_word(context);
}

static const struct dkim_verdicts *ask_signatures(void *context)
{
    return policy_evaluation_dkim(context);
}

static const struct dmarc_outcome *ask_dmarc(void *context)
{
    return policy_evaluation_dmarc(context);
}

static const struct policy_ownership *ask_owned(void *context, enum policy_identity_part part)
{
    return policy_evaluation_owned(context, part);
}

static const struct policy_iprev *ask_iprev(void *context)
{
    return policy_evaluation_iprev(context);
}

static const struct policy_dnslist_outcome *ask_dnslist(void *context, const char *zone,
                                                        bool is_allowing)
{
    return policy_evaluation_dnslist(context, zone, is_allowing);
}

static const struct policy_mailing_list *ask_mailing_list(void *context)
{
    return policy_evaluation_mailing_list(context);
}

static const struct policy_bulk *ask_bulk(void *context)
{
    return policy_session_bulk(context);
}

/* RFC 9990, PolicyOverrideReason: of a message whose owner asked for something. */
static void note_exception(void *context, const struct policy_exception *exception)
{
    struct policy_session *session = context;
    const struct dmarc_outcome *dmarc = policy_evaluation_dmarc(session);
    const char *comment;

    if (session->decision.exception != NULL)
        return;
    session->decision.exception = exception;
    if (dmarc == NULL || dmarc->disposition == DMARC_POLICY_NONE)
        return;
    comment = base_arena_printf(session->message, "exception \"%s\"", exception->name);
    policy_session_note_override(session, exception->override_type,
                                 comment == NULL ? "exception" : comment);
}

static void note_match(void *context, const char *rule, enum policy_stage stage,
                       enum policy_rule_mode mode, bool is_over)
{
    const struct policy_session *session = context;
    struct policy_counters *counters = session->env.counters;

    policy_counters_add(counters, rule, stage, POLICY_COUNTER_MATCHED);
    if (is_over)
        policy_counters_add(counters, rule, stage, POLICY_COUNTER_OVERDUE);
    else if (mode != POLICY_RULE_ENFORCE)
        policy_counters_add(counters, rule, stage, POLICY_COUNTER_WOULD);
}

static enum policy_author_outcome ask_author(void *context)
{
    const struct policy_session *session = context;

    return session->author.outcome;
}

/* The author's; else the reverse-path's, or HELO's where that stands for it. */
static struct base_text held_domain(const struct policy_session *session, bool is_about_author)
{
    if (is_about_author && session->author.outcome == POLICY_AUTHOR_ONE)
        return session->decision.author_domain;
    if (session->has_message && session->sender.kind == POLICY_ADDRESS_DOMAIN)
        return (struct base_text){session->sender.domain.text, session->sender.domain.length};
    return session->helo;
}

static bool may_hold(void *context, const char *rule, bool is_about_author, int64_t limit_ms)
{
    const struct policy_session *session = context;

    return session->env.deferrals == NULL ||
           policy_deferrals_may_hold(
               session->env.deferrals, rule, held_domain(session, is_about_author),
               base_clock_mono_ns(session->env.clock), limit_ms * BASE_NS_PER_MS);
}

static void end_hold(void *context, const char *rule, bool is_about_author)
{
    const struct policy_session *session = context;

    if (session->env.deferrals != NULL)
        policy_deferrals_clear(session->env.deferrals, rule, held_domain(session, is_about_author));
}

/* RFC 5321 section 4.5.1, RFC 2142 section 2: postmaster of everywhere, abuse of our domains. */
static bool is_reserved(const struct policy_session *session, const struct policy_address *address)
{
    bool is_postmaster = policy_address_is_local_part(address, BASE_TEXT("postmaster"));

    if (address->kind == POLICY_ADDRESS_LOCAL)
        return is_postmaster;
    return (is_postmaster || policy_address_is_local_part(address, BASE_TEXT("abuse"))) &&
           address->kind == POLICY_ADDRESS_DOMAIN &&
           policy_domains_contain(session->snapshot->local_domains, &address->domain);
}

/* The one recipient, or, later, all of them. Before RCPT nobody knows. */
bool policy_session_is_for_reserved(const struct policy_session *session,
                                    const struct policy_address *recipient)
{
    const struct policy_recipient *it = session->decision.kept_recipients;

    if (!session->snapshot->options->reserved_mailboxes)
        return false;
    if (recipient != NULL)
        return is_reserved(session, recipient);
    /* Of those past the cap nobody knows either. */
    if (session->recipients_kept < session->decision.recipients)
        return false;
    if (it == NULL)
        return false;
    for (; it != NULL; it = it->next) {
        struct policy_address address;

        (void)policy_address_parse(it->address, &address);
        if (!is_reserved(session, &address))
            return false;
    }
    return true;
}

static bool is_refusal(enum policy_action action)
{
    return action == POLICY_ACTION_REJECT || action == POLICY_ACTION_TEMPFAIL ||
           action == POLICY_ACTION_DISCARD;
}

/* Before MAIL there is no message: what a rule says then holds for the session. */
static bool is_before_mail(enum policy_stage stage)
{
    return stage == POLICY_STAGE_CONNECT || stage == POLICY_STAGE_HELO;
}

/* An explanation is fetched for a reply that will be given, and for no other. */
static bool wants_explanation(const struct policy_session *session,
                              const struct policy_address *recipient)
{
    const struct policy_options *options = session->snapshot->options;

    return options->spf_explanation && options->mode == POLICY_MODE_ENFORCE &&
           !policy_session_is_for_reserved(session, recipient);
}

/* What was held stays held: a mark of a later stage is the milder of the two. */
static void set_mark(const struct policy_verdict **mark, const struct policy_verdict *verdict)
{
    if (*mark == NULL || (*mark)->action != POLICY_ACTION_HOLD_QUEUE)
        *mark = verdict;
}

static void note_accepted_recipient(struct policy_session *session,
                                    const struct policy_verdict *verdict)
{
    session->recipients_accepted++;
    session->recipient_accepted = verdict;
}

static const struct policy_verdict *latch(struct policy_session *session,
                                          const struct policy_verdict *verdict)
{
    enum policy_stage stage = verdict->stage;

    if (verdict->action != POLICY_ACTION_ACCEPT)
        set_mark(is_before_mail(stage) ? &session->session_mark : &session->mark, verdict);
    else if (stage == POLICY_STAGE_RCPT)
        note_accepted_recipient(session, verdict);
    else
        *(is_before_mail(stage) ? &session->session_accepted : &session->accepted) = verdict;
    return policy_session_continue(stage);
}

/* One recipient that was accepted does not free the others. */
const struct policy_verdict *policy_session_accepted_by(const struct policy_session *session,
                                                        enum policy_stage stage)
{
    if (session->session_accepted != NULL)
        return session->session_accepted;
    if (session->accepted != NULL)
        return session->accepted;
    return stage > POLICY_STAGE_RCPT && session->recipients_accepted > 0 &&
                   session->recipients_accepted >= session->decision.recipients
               ? session->recipient_accepted
               : NULL;
}

/* The first counts. */
static void keep_would(struct policy_session *session, const struct policy_verdict *verdict,
                       bool is_early)
{
    const struct policy_verdict **would =
        is_early ? &session->session_would : &session->decision.would;

    if (*would == NULL)
        *would = verdict;
}

/* What becomes of a rule that decides: see the end of policy_session_run_rules(), and for marks the
 * end of message (stage_content.c). */
static void count(struct policy_session *session, const struct policy_verdict *verdict,
                  bool is_spared)
{
    bool is_observed = session->snapshot->options->mode == POLICY_MODE_OBSERVE &&
                       verdict->action != POLICY_ACTION_ACCEPT;
    enum policy_counter counter = is_observed ? POLICY_COUNTER_WOULD : POLICY_COUNTER_DECIDED;

    policy_counters_add(session->env.counters, verdict->rule, verdict->stage,
                        is_spared ? POLICY_COUNTER_SPARED : counter);
}

static void keep_field(void *context, const char *rule, struct base_text name,
                       struct base_text value, bool is_replacement)
{
    struct policy_new_field field = {rule, name, value, is_replacement, NULL};

    policy_session_keep_field(context, POLICY_STAGE_EOM, &field);
}

static void keep_session_field(void *context, const char *rule, struct base_text name,
                               struct base_text value, bool is_replacement)
{
    struct policy_new_field field = {rule, name, value, is_replacement, NULL};

    policy_session_keep_field(context, POLICY_STAGE_CONNECT, &field);
}

static void change_identity(void *context, enum policy_action action, const char *rule)
{
    policy_session_keep_identity(context, action, rule);
}

struct policy_rule_facts policy_session_facts(struct policy_session *session,
                                              const struct policy_address *recipient)
{
    return (struct policy_rule_facts){
        .direction = session->decision.direction,
        .client = &session->client,
        .sender = session->has_message ? &session->sender : NULL,
        .recipient = recipient,
        .recipients = session->decision.kept_recipients,
        .context = session,
        .spf = ask_spf,
        .helo_spf = ask_helo_spf,
        .spf_domain = ask_spf_domain,
        .explain_spf = wants_explanation(session, recipient) ? explain_spf : NULL,
        .is_trusted_forwarder =
            policy_networks_contain(session->snapshot->trusted_forwarders, &session->client),
        .dkim = ask_dkim,
        .signatures = ask_signatures,
        .dmarc = ask_dmarc,
        .author = ask_author,
        .author_domain =
            session->author.outcome == POLICY_AUTHOR_ONE ? &session->author.domain : NULL,
        .login = session->decision.login,
        .owned = ask_owned,
        .iprev = ask_iprev,
        .dnslist = ask_dnslist,
        .mailing_list = ask_mailing_list,
        .bulk = ask_bulk,
        .trusted_results = session->decision.trusted_results,
        .exceptions = session->snapshot->exceptions,
        .note_exception = note_exception,
        .note_match = note_match,
        .may_hold = may_hold,
        .end_hold = end_hold,
        .display_address = session->author.display,
        .expand = policy_session_expand,
    };
}

/* Into the connection's memory, each rule once. */
static void keep_hits(struct policy_session *session, const struct policy_rule_hit *hits)
{
    for (; hits != NULL; hits = hits->next) {
        struct policy_rule_hit *hit = session->session_hits;

        while (hit != NULL && hit->name != hits->name)
            hit = hit->next;
        if (hit == NULL)
            hit = base_arena_alloc(session->connection, sizeof(*hit));
        else
            continue;
        if (hit == NULL)
            return;
        *hit = *hits;
        hit->next = session->session_hits;
        session->session_hits = hit;
    }
    if (session->has_message)
        session->decision.session_hits = session->session_hits;
}

const struct policy_verdict *policy_session_run_command_rules(struct policy_session *session,
                                                              struct base_text command)
{
    struct policy_rule_facts facts = policy_session_facts(session, NULL);
    struct policy_rule_hit *hits = NULL;
    const struct policy_verdict *verdict;

    if (session->session_accepted != NULL)
        return policy_session_continue(POLICY_STAGE_UNKNOWN);
    base_arena_reset(session->command);
    policy_session_facts_read(session, &facts.session);
    facts.command = command;
    verdict = policy_rules_decide(session->snapshot->rules, POLICY_STAGE_UNKNOWN, &facts,
                                  session->command, &hits);
    keep_hits(session, hits);
    if (verdict != NULL)
        count(session, verdict, false);
    if (verdict == NULL || session->snapshot->options->mode == POLICY_MODE_OBSERVE)
        return policy_session_continue(POLICY_STAGE_UNKNOWN);
    return verdict;
}

const struct policy_verdict *policy_session_run_rules(struct policy_session *session,
                                                      enum policy_stage stage,
                                                      const struct policy_address *recipient)
{
    struct policy_rule_facts facts = policy_session_facts(session, recipient);
    const struct policy_verdict *verdict;
    bool is_early = is_before_mail(stage);
    bool is_spared;

    policy_session_facts_read(session, &facts.session);
    facts.change_identity = change_identity;
    facts.add_field = is_early ? keep_session_field : keep_field;
    if (policy_session_accepted_by(session, stage) != NULL)
        return policy_session_continue(stage);
    verdict = policy_rules_decide(session->snapshot->rules, stage, &facts,
                                  is_early ? session->connection : session->message,
                                  is_early ? &session->session_hits : &session->decision.hits);
    if (verdict == NULL)
        return policy_session_continue(stage);
    is_spared = is_refusal(verdict->action) && policy_session_is_for_reserved(session, recipient);
    count(session, verdict, is_spared);
    if (!is_refusal(verdict->action)) {
        const struct policy_verdict *answer = latch(session, verdict);

        return verdict->is_bypass && session->snapshot->options->mode == POLICY_MODE_ENFORCE
                   ? verdict
                   : answer;
    }
    if (is_spared) {
        policy_session_note_override(session, "local_policy", "reserved mailbox");
        return policy_session_continue(stage);
    }
    if (session->snapshot->options->mode == POLICY_MODE_OBSERVE) {
        keep_would(session, verdict, is_early);
        return policy_session_continue(stage);
    }
    if (session->has_message)
        policy_evaluation_note(session);
    return verdict;
}
