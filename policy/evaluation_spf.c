/* HELO's questions and findings live beside the messages of the session: they are asked once for
 * all of them, and a message's own look-ups stand on HELO's, so that a name that is both is asked
 * for once. */
#include "policy/evaluation_spf.h"

#include <string.h>

#include "base/arena.h"
#include "conf/daemon.h"
#include "policy/address.h"
#include "policy/direction.h"
#include "policy/idn.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

static int64_t envelope_ns(const struct policy_session *session)
{
    return conf_daemon_get(session->snapshot->conf)->dns_timeout_envelope * BASE_NS_PER_MS;
}

static void forget(struct policy_helo_evaluation *helo)
{
    dns_lookups_destroy(&helo->lookups);
    helo->has_spf = false;
    helo->is_stale = false;
    memset(&helo->spf, 0, sizeof(helo->spf));
    if (helo->arena != NULL)
        base_arena_reset(helo->arena);
}

void policy_helo_evaluation_reset(struct policy_session *session)
{
    forget(&session->helo_evaluation);
    session->helo_evaluation.budget.left_ns = envelope_ns(session);
    session->wait_budget = &session->helo_evaluation.budget;
}

void policy_helo_evaluation_deinit(struct policy_session *session)
{
    forget(&session->helo_evaluation);
    if (session->helo_evaluation.arena != NULL)
        base_arena_destroy(&session->helo_evaluation.arena);
}

/* Its look-ups, made when they are first needed; NULL: no memory. */
static struct dns_lookups *helo_lookups(struct policy_session *session)
{
    struct policy_helo_evaluation *helo = &session->helo_evaluation;
    const struct dns_lookups_options options = {
        .resolver = session->env.resolver,
        .clock = session->env.clock,
        .max_questions = (unsigned)conf_daemon_get(session->snapshot->conf)->dns_questions,
        .before = policy_client_evaluation_lookups(session),
    };

    if (helo->lookups != NULL)
        return helo->lookups;
    if (helo->arena == NULL)
        helo->arena = base_arena_create((size_t)session->snapshot->options->message_memory,
                                        session->env.budget);
    helo->lookups = dns_lookups_create(helo->arena, &options);
    if (helo->lookups != NULL)
        dns_lookups_set_budget(helo->lookups, &helo->budget);
    return helo->lookups;
}

struct dns_lookups *policy_helo_evaluation_join(struct policy_session *session,
                                                struct dns_budget *envelope)
{
    struct policy_helo_evaluation *helo = &session->helo_evaluation;

    envelope->left_ns = helo->budget.left_ns;
    /* Of this message alone: the next one in the session begins anew. */
    helo->budget.left_ns = envelope_ns(session);
    if (helo->is_stale || (helo->has_spf && helo->spf.verdict == SPF_VERDICT_TEMPERROR))
        forget(helo);
    return helo_lookups(session);
}

void policy_helo_evaluation_leave(struct policy_session *session)
{
    struct policy_helo_evaluation *helo = &session->helo_evaluation;

    session->wait_budget = &helo->budget;
    if (helo->lookups == NULL)
        return;
    dns_lookups_set_budget(helo->lookups, &helo->budget);
    dns_lookups_set_progress(helo->lookups, 0, NULL, NULL);
}

/* A quoted local part as SPF wants it: without quotes and backslashes (RFC 5321 section 4.1.2). */
static struct base_text plain_local_part(struct base_arena *arena, struct base_text local)
{
    char *out;
    size_t length = 0;

    if (local.length < 2 || local.data[0] != '"')
        return local;
    out = base_arena_alloc(arena, local.length);
    if (out == NULL)
        return (struct base_text){NULL, 0};
    for (size_t i = 1; i + 1 < local.length; i++) {
        if (local.data[i] == '\\' && i + 2 < local.length)
            i++;
        out[length++] = local.data[i];
    }
    return (struct base_text){out, length};
}

/* The name that was sent as A-labels (RFC 8616 section 4), for the evaluation and for its macros;
 * what cannot be a mail domain goes on as it is, for SPF to say what it thinks of it. */
static struct base_text domain_text(struct base_arena *arena, struct base_text domain)
{
    struct dns_name name;

    if (!policy_idn_to_name(domain, &name))
        return policy_session_copy(arena, domain, domain.length);
    return policy_session_copy(arena, (struct base_text){name.text, name.length}, DNS_NAME_MAX);
}

static bool is_ascii(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if ((text.data[i] & 0x80) != 0)
            return false;
    return true;
}

static void check_host(struct policy_session *session, struct base_arena *arena,
                       struct dns_lookups *lookups, struct base_text domain,
                       struct base_text local_part, struct spf_outcome *outcome)
{
    const struct policy_options *options = session->snapshot->options;
    struct base_text helo = session->has_message ? session->decision.helo : session->helo;
    struct spf_request *request = base_arena_alloc(arena, sizeof(*request));

    memset(outcome, 0, sizeof(*outcome));
    if (request == NULL) {
        outcome->verdict = SPF_VERDICT_TEMPERROR;
        outcome->reason = "no memory left";
        return;
    }
    *request = (struct spf_request){
        .arena = arena,
        .lookups = lookups,
        .domain = domain_text(arena, domain),
        .local_part = plain_local_part(arena, local_part),
        .helo = is_ascii(helo) ? policy_session_copy(arena, helo, helo.length)
                               : domain_text(arena, helo),
        .receiver = session->mta_name,
        .now_s = base_clock_wall_s(session->env.clock),
        .max_terms = SPF_TERMS_MAX,
        .max_voids = (unsigned)options->spf_void_limit,
    };
    spf_client_set(&request->client, session->client.address,
                   session->client.family == AF_INET ? 4 : 16);
    spf_check_host(request, outcome);
}

/* The domain of what is no address is asked all the same, so that being malformed is no way past a
 * failure (RFC 7208 section 4.3 wants "@example.org" evaluated, too). Such a pass is worth nothing:
 * see collect_spf(). */
static void check_malformed(struct policy_session *session, struct base_text text,
                            struct spf_outcome *outcome)
{
    const char *at = text.length == 0 ? NULL : memrchr(text.data, '@', text.length);
    struct base_text local = {NULL, 0};
    struct base_text domain = {NULL, 0};

    if (at != NULL) {
        local = (struct base_text){text.data, (size_t)(at - text.data)};
        domain = (struct base_text){at + 1, text.length - local.length - 1};
    }
    check_host(session, session->message, session->evaluation.lookups, domain, local, outcome);
}

/* Before MAIL the direction is not fixed: as it will be if nobody authenticates. */
static bool is_inbound(const struct policy_session *session)
{
    const struct policy_direction_facts facts = {
        .client = &session->client,
        .daemon_name = session->daemon_name,
    };
    const char *by;

    if (session->has_message)
        return session->evaluation.is_on;
    return session->env.resolver != NULL &&
           policy_direction_decide(session->snapshot, &facts, &by) == POLICY_DIRECTION_INBOUND;
}

static bool is_judged(const struct policy_session *session)
{
    return (session->client.family == AF_INET || session->client.family == AF_INET6) &&
           is_inbound(session);
}

const struct spf_outcome *policy_evaluation_helo_spf(struct policy_session *session)
{
    struct policy_helo_evaluation *helo = &session->helo_evaluation;

    if (!is_judged(session) || helo_lookups(session) == NULL)
        return NULL;
    if (!helo->has_spf) {
        helo->has_spf = true;
        check_host(session, helo->arena, helo->lookups,
                   session->has_message ? session->decision.helo : session->helo,
                   (struct base_text){NULL, 0}, &helo->spf);
    }
    return &helo->spf;
}

const struct spf_outcome *policy_evaluation_spf(struct policy_session *session)
{
    struct policy_evaluation *evaluation = &session->evaluation;

    if (!session->has_message || !is_judged(session))
        return NULL;
    /* RFC 7208 section 2.4: a null reverse-path is postmaster@HELO. */
    if (session->sender.kind == POLICY_ADDRESS_NULL)
        return policy_evaluation_helo_spf(session);
    if (!evaluation->has_spf) {
        evaluation->has_spf = true;
        if (session->sender.kind == POLICY_ADDRESS_INVALID)
            check_malformed(session, session->sender.text, &evaluation->spf);
        else
            check_host(session, session->message, evaluation->lookups, session->sender.domain_text,
                       session->sender.local, &evaluation->spf);
    }
    return &evaluation->spf;
}

bool policy_evaluation_spf_domain(const struct policy_session *session, bool is_helo,
                                  struct dns_name *domain_r)
{
    struct base_text helo = session->has_message ? session->decision.helo : session->helo;

    if (!is_judged(session))
        return false;
    if (is_helo || session->sender.kind == POLICY_ADDRESS_NULL)
        return policy_idn_to_name(helo, domain_r);
    return policy_idn_to_name(session->sender.domain_text, domain_r);
}

void policy_evaluation_explain_spf(struct policy_session *session, bool is_helo)
{
    if (is_helo || session->sender.kind == POLICY_ADDRESS_NULL)
        spf_explain_host(&session->helo_evaluation.spf);
    else
        spf_explain_host(&session->evaluation.spf);
}
