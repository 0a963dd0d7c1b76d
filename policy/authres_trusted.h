/* What other servers of ours found (RFC 8601 section 1.2's trust boundary): fields of
 * `trusted-authserv-ids` that clients in `trusted-networks` hand in. Facts, kept with the message;
 * nobody else's field is ever read. */
#ifndef POLICY_AUTHRES_TRUSTED_H
#define POLICY_AUTHRES_TRUSTED_H

#include "policy/authres_field.h"

struct policy_session;

/* Fields that are read, and octets of one. */
#define POLICY_AUTHRES_TRUSTED_MAX    10
#define POLICY_AUTHRES_TRUSTED_OCTETS 8192

struct policy_authres_trusted {
    struct authres_field field;
    const struct policy_authres_trusted *next;
};

/* At the end of the header, after forged fields were removed. Into the decision, topmost first. */
void policy_authres_read_trusted(struct policy_session *session);

#endif
