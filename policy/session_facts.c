#include "policy/session_facts.h"

#include "policy/authres.h"
#include "policy/direction.h"
#include "policy/domains.h"
#include "policy/idn.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* Before MAIL the direction is not fixed: as it will be if nobody authenticates. */
bool policy_session_facts_is_stranger(const struct policy_session_facts *facts)
{
    const struct policy_session *session = facts->of;
    const struct policy_direction_facts direction = {
        .client = &session->client,
        .daemon_name = session->daemon_name,
    };
    const char *by;

    if (session->has_message)
        return session->decision.direction == POLICY_DIRECTION_INBOUND;
    return policy_direction_decide(session->snapshot, &direction, &by) == POLICY_DIRECTION_INBOUND;
}

bool policy_session_facts_is_helo_ours(const struct policy_session_facts *facts)
{
    const struct policy_snapshot *snapshot = facts->of->snapshot;
    struct base_text helo = facts->helo;
    struct dns_name name;
    struct dns_name own;

    if (!policy_idn_to_name(helo, &name))
        return false;
    return (policy_idn_to_name(facts->of->mta_name, &own) && dns_name_equals(&own, &name)) ||
           policy_authserv_ids_contain(snapshot->authserv_ids, helo) ||
           policy_domains_contain(snapshot->local_domains, &name);
}

static uint64_t octets_so_far(const struct policy_session *session)
{
    const struct policy_decision *decision = &session->decision;
    uint64_t seen = session->field_octets + decision->body_octets;

    return decision->has_declared_size && decision->declared_size > seen ? decision->declared_size
                                                                         : seen;
}

void policy_session_facts_read(const struct policy_session *session,
                               struct policy_session_facts *facts_r)
{
    bool has_message = session->has_message;
    struct base_text helo = has_message ? session->decision.helo : session->helo;

    *facts_r = (struct policy_session_facts){
        .is_local_pickup = session->client.is_local_pickup,
        .login = session->decision.login,
        .mechanism = session->decision.auth_mechanism,
        .tls = has_message        ? session->decision.tls
               : session->has_tls ? session->tls_room
                                  : NULL,
        .daemon_name = session->daemon_name,
        .daemon_port = session->daemon_port,
        .helo = helo,
        .of = session,
        .local_domains = session->snapshot->local_domains,
        .recipients = session->decision.recipients,
        .size = octets_so_far(session),
        .header = session->is_header_done ? &session->header : NULL,
    };
}
