/* What rules do about a message whose addresses are not the login's own, short of refusing it: say
 * who sent it (RFC 5322 section 3.6.2), or do not vouch for it. Done at end of message. */
#ifndef POLICY_STAGE_IDENTITY_H
#define POLICY_STAGE_IDENTITY_H

#include <stdbool.h>

#include "policy/verdict.h"

struct policy_session;

/* The action of a rule that holds: ADD_SENDER, REPLACE_SENDER or NO_SIGN. */
void policy_session_keep_identity(struct policy_session *session, enum policy_action action,
                                  const char *rule);
/* Makes the Sender field what rules want it to be, before anything is signed. False: no memory. */
__attribute__((warn_unused_result)) bool policy_session_apply_sender(
    struct policy_session *session);
/* Drops the signing that is under way if a rule wants none. */
void policy_session_apply_no_sign(struct policy_session *session);

#endif
