/* What conditions ask about the session and the message so far, at one stage. Nothing is copied:
 * valid while the stage is decided. */
#ifndef POLICY_SESSION_FACTS_H
#define POLICY_SESSION_FACTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

struct policy_domains;
struct policy_header;
struct policy_session;
struct policy_tls;

struct policy_session_facts {
    /* Mail of a program on the MTA's host, which no client hands in. */
    bool is_local_pickup;
    /* Empty: not authenticated. */
    struct base_text login;
    struct base_text mechanism;
    /* NULL: none was told of. */
    const struct policy_tls *tls;
    struct base_text daemon_name;
    /* 0: not said. */
    unsigned daemon_port;
    struct base_text helo;
    const struct policy_domains *local_domains;
    /* Accepted so far. */
    unsigned recipients;
    /* Octets: what MAIL declared, or what has come, whichever is more. */
    uint64_t size;
    /* NULL before the end of the header. */
    const struct policy_header *header;
    /* For the functions below. */
    const struct policy_session *of;
};

void policy_session_facts_read(const struct policy_session *session,
                               struct policy_session_facts *facts_r);
/* The client neither authenticated nor is of our networks; before MAIL: unless it authenticates. */
bool policy_session_facts_is_stranger(const struct policy_session_facts *facts);
/* HELO is the MTA's name, one of our authserv-ids, or a local domain. */
bool policy_session_facts_is_helo_ours(const struct policy_session_facts *facts);

#endif
