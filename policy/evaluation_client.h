/* What DNS says of the client: its names (iprev.h) and the lists that it is on (dnslist.h). Asked
 * for once a connection, beside the messages of the session and for mail of every direction. The
 * questions of what rules ask for begin at connect, unless the client is one of ours; what is
 * waited for is taken from the budget of whoever asks. */
#ifndef POLICY_EVALUATION_CLIENT_H
#define POLICY_EVALUATION_CLIENT_H

#include <stdbool.h>

#include "policy/dnslist.h"
#include "policy/iprev.h"

struct base_arena;
struct dns_lookups;
struct policy_session;

/* Part of a session; all zero: nothing was asked since connect. */
struct policy_client_evaluation {
    /* Made when it is first needed; emptied by the next connect. */
    struct base_arena *arena;
    struct dns_lookups *lookups;
    /* A message of this session began since. */
    bool is_old;
    bool has_iprev;
    struct policy_iprev iprev;
    /* The questions of lists began at connect: since then so long was waited for them. */
    bool is_begun;
    int64_t waited_ns;
    /* One each of the configured lists; NULL: none was asked. */
    struct policy_dnslist_outcome *lists;
};

/* Forgets what was found. The look-ups of HELO and of a message stand on these: they must be gone.
 */
void policy_client_evaluation_reset(struct policy_session *session);
/* The same, and gives the memory back. */
void policy_client_evaluation_deinit(struct policy_session *session);
/* At connect: the first questions begin. */
void policy_client_evaluation_begin(struct policy_session *session);
/* At MAIL, before HELO's look-ups are joined: what DNS kept from its end for an earlier message is
 * forgotten, HELO's evaluation with it, and asked anew. */
void policy_client_evaluation_refresh(struct policy_session *session);
/* NULL: nothing was asked. */
struct dns_lookups *policy_client_evaluation_lookups(const struct policy_session *session);
/* What is known by now goes into the decision; waits for nothing. */
void policy_client_evaluation_note(struct policy_session *session);

/* NULL: the client has no address, or no DNS. May wait for DNS. */
const struct policy_iprev *policy_evaluation_iprev(struct policy_session *session);
/* NULL: the like, or there is no such list. May wait for DNS. */
const struct policy_dnslist_outcome *policy_evaluation_dnslist(struct policy_session *session,
                                                               const char *zone, bool is_allowing);

#endif
