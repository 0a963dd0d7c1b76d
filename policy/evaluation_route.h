/* Which way an inbound message came to us: what DNS calls the client, and what speaks for a mailing
 * list. Evaluated when asked for, each once. */
#ifndef POLICY_EVALUATION_ROUTE_H
#define POLICY_EVALUATION_ROUTE_H

#include <stdbool.h>

#include "policy/iprev.h"
#include "policy/mailing_list.h"

struct policy_session;

/* Part of struct policy_evaluation. */
struct policy_route {
    bool has_iprev;
    struct policy_iprev iprev;
    bool has_mailing_list;
    struct policy_mailing_list mailing_list;
};

/* With `iprev = yes` the first question begins. */
void policy_evaluation_prefetch_route(struct policy_session *session);
/* NULL: not evaluated, or the client has no address. May wait for DNS. */
const struct policy_iprev *policy_evaluation_iprev(struct policy_session *session);
/* After the body. NULL: not evaluated. May wait for DNS. */
const struct policy_mailing_list *policy_evaluation_mailing_list(struct policy_session *session);

#endif
