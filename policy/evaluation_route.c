/* The session's side of iprev.h and mailing_list.h. */
#include "policy/evaluation_route.h"

#include "policy/evaluation.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

static bool has_address(const struct policy_session *session)
{
    return session->evaluation.is_on &&
           (session->client.family == AF_INET || session->client.family == AF_INET6);
}

static size_t address_length(const struct policy_session *session)
{
    return session->client.family == AF_INET ? 4 : 16;
}

void policy_evaluation_prefetch_route(struct policy_session *session)
{
    if (session->snapshot->options->iprev && has_address(session))
        policy_iprev_prefetch(session->evaluation.lookups, session->client.address,
                              address_length(session));
}

const struct policy_iprev *policy_evaluation_iprev(struct policy_session *session)
{
    struct policy_route *route = &session->evaluation.route;

    if (!has_address(session))
        return NULL;
    if (!route->has_iprev) {
        route->has_iprev = true;
        policy_iprev_evaluate(session->message, session->evaluation.lookups,
                              session->client.address, address_length(session), &route->iprev);
    }
    return &route->iprev;
}

const struct policy_mailing_list *policy_evaluation_mailing_list(struct policy_session *session)
{
    struct policy_route *route = &session->evaluation.route;

    if (!session->evaluation.is_on)
        return NULL;
    if (!route->has_mailing_list) {
        route->has_mailing_list = true;
        policy_mailing_list_read(
            &session->header, policy_evaluation_dkim(session),
            session->author.outcome == POLICY_AUTHOR_ONE ? &session->author.domain : NULL,
            &route->mailing_list);
    }
    return &route->mailing_list;
}
