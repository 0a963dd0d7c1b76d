/* One milter connection: the session that policy/ judges, with what was negotiated for it. One
 * thread at a time, but not always the same one. */
#ifndef FILTER_SESSION_H
#define FILTER_SESSION_H

#include <stdbool.h>
#include <stddef.h>

#include "filter/mta.h"
#include "filter/negotiate.h"
#include "policy/verdict.h"

struct filter_daemon;
struct policy_session;

/* Where the message of a session stands. */
enum filter_message_state {
    FILTER_MESSAGE_NONE,
    /* Handed to policy/. */
    FILTER_MESSAGE_UNDER_WAY,
    /* Refused by the filter itself (shutting down, no memory): policy/ never hears of it. */
    FILTER_MESSAGE_REFUSED,
};

struct filter_session {
    struct filter_daemon *daemon;
    struct policy_session *policy;
    struct filter_protocol protocol;
    /* Rules ask for the port. */
    bool needs_port;

    /* Verdicts given at a stage without a reply, kept for the next stage that replies; the first
     * counts. Those of connect and HELO hold for every message; NULL: none. */
    const struct policy_verdict *connect_verdict;
    const struct policy_verdict *helo_verdict;
    const struct policy_verdict *message_verdict;

    enum filter_message_state message;
    /* policy/ has heard of DATA. */
    bool is_data_said;
    /* Counted among the messages that the filter refused while shutting down. */
    bool is_counted_refused;
    /* Queue id of the message before: libmilter may still show it at MAIL and RCPT. */
    char previous_queue_id[64];
};

/* Begins a session at option negotiation: pins the current configuration and what was negotiated
 * under it. NULL: the MTA's offer is not enough (said in the log). `offer` as the MTA made it. */
struct filter_session *filter_session_create(struct filter_daemon *daemon,
                                             const struct filter_offer *offer);
/* Ends a message under way first. Sets *session to NULL; NULL inside is fine. */
void filter_session_destroy(struct filter_session **session);

/* The latched verdict that is to be given now; NULL: none. */
const struct policy_verdict *filter_session_latched(const struct filter_session *session);
/* Keeps a verdict of a stage that cannot reply. */
void filter_session_latch(struct filter_session *session, enum policy_stage stage,
                          const struct policy_verdict *verdict);

#endif
