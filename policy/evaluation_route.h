/* Which way an inbound message came to us: what speaks for a mailing list. Evaluated when asked
 * for, once. */
#ifndef POLICY_EVALUATION_ROUTE_H
#define POLICY_EVALUATION_ROUTE_H

#include <stdbool.h>

#include "policy/mailing_list.h"

struct policy_session;

/* Part of struct policy_evaluation. */
struct policy_route {
    bool has_mailing_list;
    struct policy_mailing_list mailing_list;
};

/* After the body. NULL: not evaluated. May wait for DNS. */
const struct policy_mailing_list *policy_evaluation_mailing_list(struct policy_session *session);

#endif
