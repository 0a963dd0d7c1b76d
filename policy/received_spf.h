/* The Received-SPF field (RFC 7208 section 9.1), for those who read it instead of
 * Authentication-Results. */
#ifndef POLICY_RECEIVED_SPF_H
#define POLICY_RECEIVED_SPF_H

#include <stdbool.h>

struct policy_session;

/* With the option `received-spf`, a field for each identity that was evaluated, the reverse-path's
 * on top; else nothing. False when the arena is exhausted. May wait for DNS. */
__attribute__((warn_unused_result)) bool policy_received_spf_insert(struct policy_session *session);

#endif
