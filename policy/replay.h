/* A saved message and its envelope, led through the session that the daemon uses, in the order in
 * which an MTA would. */
#ifndef POLICY_REPLAY_H
#define POLICY_REPLAY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/error.h"
#include "policy/session.h"
#include "policy/verdict.h"

struct policy_saved_message;

/* Everything is borrowed for the time of the call. */
struct policy_replay {
    /* What the answer at connect is said to be about. */
    struct base_text client;
    struct policy_connect_facts connect;
    /* Without a name: HELO was not said. */
    struct policy_helo_facts helo;
    struct policy_mail_facts mail;
    /* None: the message has an unknown recipient. */
    const struct base_text *recipients;
    size_t recipient_count;
    const struct policy_saved_message *message;
    /* Each stage's answer, as it is given: `what` is the argument of the stage. */
    void (*each)(void *context, enum policy_stage stage, struct base_text what,
                 const struct policy_verdict *verdict);
    void *context;
};

/* "192.0.2.1", "2001:db8::1", or "local" for mail of a program on this host, which has no address
 * (AF_UNIX). False and *error_r if it is none of them. */
__attribute__((warn_unused_result)) bool policy_replay_address(const char *text,
                                                               struct sockaddr_storage *address_r,
                                                               struct base_error *error_r);

/* TLS with a certificate (no names: without one) that the MTA trusts, its names whole ("/O=...") or
 * common. */
struct policy_tls_facts policy_replay_tls(struct base_text version, struct base_text cipher,
                                          struct base_text cipher_bits,
                                          struct base_text cert_subject,
                                          struct base_text cert_issuer);

/* Goes on until a stage ends the message, or the end of it. True when that was reached. */
bool policy_replay_run(struct policy_session *session, const struct policy_replay *replay);

#endif
