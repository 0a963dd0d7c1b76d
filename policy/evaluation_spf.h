/* SPF of a session: of the name in HELO, which holds until the next HELO, and of the reverse-path,
 * a message (RFC 7208 sections 2.3 and 2.4). */
#ifndef POLICY_EVALUATION_SPF_H
#define POLICY_EVALUATION_SPF_H

#include <stdbool.h>

#include "dns/lookups.h"
#include "policy/spf/spf.h"

struct base_arena;
struct policy_session;

/* Part of a session; all zero: nothing was asked since HELO. */
struct policy_helo_evaluation {
    /* Made when it is first needed; emptied by the next HELO. */
    struct base_arena *arena;
    struct dns_lookups *lookups;
    /* Of the envelope's budget, what may be waited before MAIL. */
    struct dns_budget budget;
    bool has_spf;
    struct spf_outcome spf;
    /* HELO was said again while a message was under way: to be forgotten after that one. */
    bool is_stale;
};

/* Forgets what was found about HELO. Nothing of a message may point at it any more. */
void policy_helo_evaluation_reset(struct policy_session *session);
/* The same, and gives the memory back. */
void policy_helo_evaluation_deinit(struct policy_session *session);
/* At MAIL: what HELO waited is taken off the message's budget, and an evaluation that DNS kept from
 * its end is forgotten. Returns the look-ups that the message's stand on; NULL: no memory. */
struct dns_lookups *policy_helo_evaluation_join(struct policy_session *session,
                                                struct dns_budget *envelope);
/* When the message ends: waits are HELO's own again. */
void policy_helo_evaluation_leave(struct policy_session *session);

/* NULL: not evaluated (another direction, no address of the client). May wait for DNS. Between HELO
 * and MAIL only HELO's is known, and the direction is guessed: the client may yet authenticate. */
const struct spf_outcome *policy_evaluation_spf(struct policy_session *session);
const struct spf_outcome *policy_evaluation_helo_spf(struct policy_session *session);
/* The domain that would be, or was, evaluated; asks nothing. False: none, or no domain name. */
__attribute__((warn_unused_result)) bool policy_evaluation_spf_domain(
    const struct policy_session *session, bool is_helo, struct dns_name *domain_r);
/* Fetches the explanation of a fail that was found; see spf_explain_host(). */
void policy_evaluation_explain_spf(struct policy_session *session, bool is_helo);

#endif
