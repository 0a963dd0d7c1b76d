/* Who may send as whom, of one message: each identity is judged once, when a rule, the signing or
 * the end of message first asks. */
#ifndef POLICY_EVALUATION_IDENTITY_H
#define POLICY_EVALUATION_IDENTITY_H

#include "policy/identity.h"

struct policy_session;

/* Part of a session, cleared with its message. */
struct policy_identity_evaluation {
    bool has[POLICY_IDENTITY_PARTS];
    struct policy_ownership parts[POLICY_IDENTITY_PARTS];
};

/* NULL: nothing is configured that could tell, or mail that came by network or daemon without a
 * login. After the end of the header, but for the sender. A map that cannot be read makes end of
 * message tempfail if an enforced rule needs to know. */
const struct policy_ownership *policy_evaluation_owned(struct policy_session *session,
                                                       enum policy_identity_part part);
/* All parts of a login's message go into the decision. */
void policy_evaluation_note_identity(struct policy_session *session);
/* An enforced rule is about the author, and the login does not own it: nothing is signed then. */
bool policy_evaluation_is_foreign_author(struct policy_session *session);

#endif
