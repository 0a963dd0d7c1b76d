#include "policy/evaluation_client.h"

#include <string.h>

#include "base/arena.h"
#include "conf/daemon.h"
#include "dns/lookups.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/session_facts.h"
#include "policy/snapshot-private.h"

static void forget(struct policy_client_evaluation *client)
{
    dns_lookups_destroy(&client->lookups);
    client->is_old = false;
    client->has_iprev = false;
    client->is_begun = false;
    client->waited_ns = 0;
    client->lists = NULL;
    if (client->arena != NULL)
        base_arena_reset(client->arena);
}

void policy_client_evaluation_reset(struct policy_session *session)
{
    forget(&session->client_evaluation);
}

void policy_client_evaluation_deinit(struct policy_session *session)
{
    forget(&session->client_evaluation);
    if (session->client_evaluation.arena != NULL)
        base_arena_destroy(&session->client_evaluation.arena);
}

struct dns_lookups *policy_client_evaluation_lookups(const struct policy_session *session)
{
    return session->client_evaluation.lookups;
}

static size_t address_length(const struct policy_session *session)
{
    return session->client.family == AF_INET ? 4 : 16;
}

/* Mail of programs on the MTA's host comes from nowhere. */
static bool can_ask(const struct policy_session *session)
{
    return (session->client.family == AF_INET || session->client.family == AF_INET6) &&
           !session->client.is_local_pickup && session->env.resolver != NULL;
}

/* NULL: no memory. */
static struct dns_lookups *lookups_of(struct policy_session *session)
{
    struct policy_client_evaluation *client = &session->client_evaluation;
    const struct dns_lookups_options options = {
        .resolver = session->env.resolver,
        .clock = session->env.clock,
        .max_questions = (unsigned)conf_daemon_get(session->snapshot->conf)->dns_questions,
    };

    if (client->lookups != NULL)
        return client->lookups;
    if (client->arena == NULL)
        client->arena = base_arena_create((size_t)session->snapshot->options->message_memory,
                                          session->env.budget);
    client->lookups = dns_lookups_create(client->arena, &options);
    return client->lookups;
}

static void prefetch(struct policy_session *session, struct dns_lookups *lookups)
{
    const struct policy_dnslists *lists = session->snapshot->dnslists;

    if (session->snapshot->wants_iprev)
        policy_iprev_prefetch(lookups, session->client.address, address_length(session));
    for (size_t i = 0; i < policy_dnslists_count(lists); i++)
        if (policy_dnslist_is_used(policy_dnslists_at(lists, i)))
            policy_dnslist_prefetch(policy_dnslists_at(lists, i), lookups, session->client.address,
                                    address_length(session));
}

void policy_client_evaluation_begin(struct policy_session *session)
{
    struct policy_session_facts facts;

    if (!session->snapshot->wants_client_dns || !can_ask(session))
        return;
    policy_session_facts_read(session, &facts);
    if (policy_session_facts_is_stranger(&facts) && lookups_of(session) != NULL) {
        session->client_evaluation.is_begun = true;
        prefetch(session, session->client_evaluation.lookups);
    }
}

static bool has_temperror(const struct policy_session *session)
{
    const struct policy_client_evaluation *client = &session->client_evaluation;
    size_t count = policy_dnslists_count(session->snapshot->dnslists);

    if (client->has_iprev && client->iprev.result == POLICY_IPREV_TEMPERROR)
        return true;
    for (size_t i = 0; client->lists != NULL && i < count; i++)
        if (client->lists[i].result == POLICY_DNSLIST_TEMPERROR)
            return true;
    return false;
}

void policy_client_evaluation_refresh(struct policy_session *session)
{
    bool was_old = session->client_evaluation.is_old;

    session->client_evaluation.is_old = true;
    /* What the first message finds was waited for on its behalf. */
    if (!was_old || !has_temperror(session))
        return;
    policy_helo_evaluation_reset(session);
    forget(&session->client_evaluation);
    session->client_evaluation.is_old = true;
    policy_client_evaluation_begin(session);
}

const struct policy_iprev *policy_evaluation_iprev(struct policy_session *session)
{
    struct policy_client_evaluation *client = &session->client_evaluation;

    if (!can_ask(session) || lookups_of(session) == NULL)
        return NULL;
    if (!client->has_iprev) {
        client->has_iprev = true;
        dns_lookups_set_budget(client->lookups, session->wait_budget);
        policy_iprev_evaluate(client->arena, client->lookups, session->client.address,
                              address_length(session), &client->iprev);
    }
    return &client->iprev;
}

/* All began together, and are waited for together. */
static void evaluate_list(struct policy_session *session, struct policy_dnslist *list,
                          struct policy_dnslist_outcome *outcome)
{
    struct policy_client_evaluation *client = &session->client_evaluation;
    int64_t before_ns = session->wait_budget->left_ns;

    policy_dnslist_evaluate(list, client->arena, client->lookups, session->wait_budget,
                            client->is_begun ? client->waited_ns : 0, session->client.address,
                            address_length(session), outcome);
    client->waited_ns += before_ns - session->wait_budget->left_ns;
}

const struct policy_dnslist_outcome *policy_evaluation_dnslist(struct policy_session *session,
                                                               const char *zone, bool is_allowing)
{
    struct policy_client_evaluation *client = &session->client_evaluation;
    const struct policy_dnslists *lists = session->snapshot->dnslists;
    size_t index;

    if (!can_ask(session) || !policy_dnslists_find(lists, zone, is_allowing, &index) ||
        lookups_of(session) == NULL)
        return NULL;
    if (client->lists == NULL)
        client->lists =
            base_arena_alloc(client->arena, policy_dnslists_count(lists) * sizeof(*client->lists));
    if (client->lists == NULL)
        return NULL;
    if (client->lists[index].result == POLICY_DNSLIST_UNKNOWN)
        evaluate_list(session, policy_dnslists_at(lists, index), &client->lists[index]);
    return &client->lists[index];
}

void policy_client_evaluation_note(struct policy_session *session)
{
    const struct policy_client_evaluation *client = &session->client_evaluation;
    struct policy_decision *decision = &session->decision;

    if (client->has_iprev)
        decision->iprev = &client->iprev;
    if (client->lists == NULL)
        return;
    decision->dnslists = client->lists;
    decision->dnslist_count = policy_dnslists_count(session->snapshot->dnslists);
}
