/* Rates of one message: reserved at RCPT, or at end of message for what is not known before;
 * committed when the message is accepted, given back when it is not. All rates that apply are
 * judged before any is charged. */
#ifndef POLICY_STAGE_RATES_H
#define POLICY_STAGE_RATES_H

#include <stdbool.h>

#include "base/text.h"
#include "policy/verdict.h"

struct policy_address;
struct policy_session;

/* One recipient, that rules let through. Continue, or why it is refused: then nothing is charged
 * for it. Mail of the MTA's own pickup is judged at its end instead: a refusal would leave it in
 * the queue. */
const struct policy_verdict *policy_session_rate_recipient(struct policy_session *session,
                                                           const struct policy_address *recipient);
/* The message as a whole, that rules let through: what was not judged at RCPT. */
const struct policy_verdict *policy_session_rate_message(struct policy_session *session);
/* A rule has rejected the recipient, or with NULL the message: for `count = rejected`. */
void policy_session_rate_rejected(struct policy_session *session,
                                  const struct policy_address *recipient);
/* What that login sent has come back, from so many recipients that are not counted yet: for `count
 * = bounces`. */
void policy_session_rate_bounced(struct policy_session *session, struct base_text login,
                                 bool is_by_sender, unsigned recipients);
void policy_session_rate_commit(struct policy_session *session);
void policy_session_rate_give_back(struct policy_session *session);

#endif
