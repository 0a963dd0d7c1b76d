/* Bounces of what logins have sent, for `count = bounces`: mail with the null reverse-path whose
 * body names a Message-ID that a login's message had. Forgeries do not know one. */
#ifndef POLICY_STAGE_BOUNCES_H
#define POLICY_STAGE_BOUNCES_H

#include "base/text.h"

struct policy_session;

void policy_session_bounce_body(struct policy_session *session, struct base_text chunk);
/* The message was accepted: what a login sent is remembered, a bounce is counted. */
void policy_session_bounce_accepted(struct policy_session *session);

#endif
