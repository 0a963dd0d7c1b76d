/* The one Authentication-Results field that we add (RFC 8601): what the evaluators of a message
 * found, as it goes on top of it. */
#ifndef POLICY_AUTHRES_RESULTS_H
#define POLICY_AUTHRES_RESULTS_H

#include <stdbool.h>

#include "base/text.h"

struct policy_session;

/* The authserv-id that we write. */
struct base_text policy_authres_own_id(struct policy_session *session);

/* Evaluates what was not yet, writes the field into the session's edits, and keeps its value in
 * decision.authres. Nothing for a message that is not evaluated. False when the arena is
 * exhausted. May wait for DNS. */
__attribute__((warn_unused_result)) bool policy_authres_insert(struct policy_session *session);

#endif
