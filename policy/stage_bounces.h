/* Bounces of what logins have sent, for `count = bounces`: mail with the null reverse-path whose
 * body names a Message-ID that a login's message had. Forgeries do not know one. With `bounces-by =
 * sender` also a report of a failure that names none, if it comes back to the envelope sender of
 * one login within a day, or to a VERP address made of it. */
#ifndef POLICY_STAGE_BOUNCES_H
#define POLICY_STAGE_BOUNCES_H

#include "base/text.h"

struct policy_session;

void policy_session_bounce_body(struct policy_session *session, struct base_text chunk);
/* The message was accepted: what a login sent is remembered, a bounce is counted. */
void policy_session_bounce_accepted(struct policy_session *session);

#endif
