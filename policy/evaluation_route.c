/* The session's side of mailing_list.h. */
#include "policy/evaluation_route.h"

#include "policy/evaluation.h"
#include "policy/session-private.h"

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
