/* One SMTP session under judgement, with at most one message at a time: the facts that the MTA (or
 * `postseal eval`) hands in, stage by stage, and the verdict on each. This is all that filter/ and
 * tool/ see of policy/; both run the same code. One thread at a time a session; calls may come from
 * different threads. Every octet of input is a stranger's and is copied.
 *
 * Order of calls: connect, helo*, then a message: mail, rcpt*, data, field*, eoh, body*, eom.
 * policy_session_reset() ends a message (abort, close, and implied by mail). Stages may be missing:
 * what was not said is unknown, never assumed. */
#ifndef POLICY_SESSION_H
#define POLICY_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/text.h"
#include "policy/decision.h"
#include "policy/edits.h"
#include "policy/tls.h"
#include "policy/verdict.h"

struct base_budget;
struct base_clock;
struct bulk_late;
struct bulk_organizations;
struct dns_lookups;
struct dns_resolver;
struct policy_counters;
struct policy_deferrals;
struct policy_session;
struct policy_snapshot;
struct rate_sent;
struct rate_store;
struct rate_watch;

/* What a process has one of; borrowed, must outlive the sessions. */
struct policy_env {
    struct dns_resolver *resolver;
    const struct base_clock *clock;
    /* `memory-max` of all sessions' arenas; may be NULL. */
    struct base_budget *budget;
    /* Since when rules tempfail whose mail; NULL: `tempfail-for` never ends. */
    struct policy_deferrals *deferrals;
    /* Where rules are counted; NULL: nowhere. */
    struct policy_counters *counters;
    /* Where rates are counted; NULL: nowhere, they let everything pass. */
    struct rate_store *rates;
    /* The names that the bulk-sender meter counts by where `dmarc-method` walks DNS, and what waits
     * for them; NULL: by the public suffix list. */
    struct bulk_organizations *bulk_organizations;
    struct bulk_late *bulk_late;
    /* What logins sent, for bounces of it; NULL: they are not counted. */
    struct rate_sent *sent;
    /* Who tells people of them; NULL: nobody. */
    const struct rate_watch *watch;
};

/* Takes a reference on the snapshot: a session keeps the configuration it began with. Never
 * NULL. */
struct policy_session *policy_session_create(const struct policy_env *env,
                                             struct policy_snapshot *snapshot);
/* Drops everything, a message under way included; sets *session to NULL; NULL inside is fine. */
void policy_session_destroy(struct policy_session **session);
struct policy_snapshot *policy_session_snapshot(const struct policy_session *session);

/* All texts may be {NULL, 0}: the MTA did not send it. */
struct policy_connect_facts {
    /* AF_INET, AF_INET6, AF_UNIX or NULL (unknown). IPv4-mapped addresses become IPv4. */
    const struct sockaddr *address;
    /* As the MTA says it; "[192.0.2.1]" and "unknown" mean that it has no name. */
    struct base_text client_name;
    /* j, {daemon_name}, v */
    struct base_text mta_name;
    struct base_text daemon_name;
    struct base_text mta_version;
    /* {daemon_port}: where the client came in. */
    struct base_text daemon_port;
};
const struct policy_verdict *policy_session_connect(struct policy_session *session,
                                                    const struct policy_connect_facts *facts);

struct policy_helo_facts {
    struct base_text helo;
    struct policy_tls_facts tls;
};
const struct policy_verdict *policy_session_helo(struct policy_session *session,
                                                 const struct policy_helo_facts *facts);

struct policy_mail_facts {
    /* As the client typed it, brackets or not: "<a@b.example>", "<>", "a@b.example". */
    struct base_text reverse_path;
    /* {mail_addr}: what the MTA makes of it. Looked at where the path is none. */
    struct base_text mail_addr;
    struct base_text auth_type;
    /* The login; authenticated means that it is there and not empty. */
    struct base_text auth_authen;
    /* {auth_ssf}, the key bits of the mechanism's own layer. */
    struct base_text auth_ssf;
    /* The client's own word (AUTH= of MAIL), whoever it is: recorded, never judged by. */
    struct base_text auth_author;
    /* As known at MAIL; without a version: as HELO said. */
    struct policy_tls_facts tls;
    /* SIZE= of MAIL (RFC 1870); {NULL, 0}: not declared. */
    struct base_text declared_size;
    struct base_text queue_id;
};
/* A command that the MTA does not know; may come at any time after connect, within a message too,
 * and ends nothing. The verdict is about the command alone. */
const struct policy_verdict *policy_session_command(struct policy_session *session,
                                                    struct base_text command);
/* Begins a message: implies policy_session_reset(). */
const struct policy_verdict *policy_session_mail(struct policy_session *session,
                                                 const struct policy_mail_facts *facts);
const struct policy_verdict *policy_session_rcpt(struct policy_session *session,
                                                 struct base_text forward_path);
/* The queue id may come with any later stage; the first that is not empty is kept. */
void policy_session_queue_id(struct policy_session *session, struct base_text queue_id);
const struct policy_verdict *policy_session_data(struct policy_session *session);
/* `value` as SMFIP_HDR_LEADSPC gives it: leading blank kept, folds LF + blank. */
void policy_session_field(struct policy_session *session, struct base_text name,
                          struct base_text value);
const struct policy_verdict *policy_session_eoh(struct policy_session *session);
/* A chunk of the body, lines ended by CRLF, broken anywhere. */
void policy_session_body(struct policy_session *session, struct base_text chunk);
/* `progress(context)` is called about every 5 s while DNS is waited for; may be NULL. Afterwards
 * the edits and the decision are complete, and stay until the next mail, reset or destroy. */
const struct policy_verdict *policy_session_eom(struct policy_session *session,
                                                void (*progress)(void *context), void *context);
/* What end of message said could be done, and the MTA is about to be told so: what rates have
 * reserved is counted now; without it the next mail, reset or destroy gives it back. */
void policy_session_accepted(struct policy_session *session);
/* Ends the message, idempotent. A message that did not reach end of message leaves a decision with
 * is_aborted if it had got as far as MAIL; read it before this. */
void policy_session_reset(struct policy_session *session);

/* A message is between mail and eom (or the end of reset). */
bool policy_session_has_message(const struct policy_session *session);
/* What the MTA is to change; empty unless eom answered continue, accept, mark or hold-queue. */
const struct policy_edits *policy_session_edits(const struct policy_session *session);
/* What was asked of DNS for the message; NULL when nothing was. Borrowed until the next mail, reset
 * or destroy. */
struct dns_lookups *policy_session_lookups(const struct policy_session *session);
/* Fetches the explanations of SPF fails into the decision, although no reply shows them: for a
 * command, after end of message. May wait for DNS. */
void policy_session_explain_spf(struct policy_session *session);
/* Borrowed; never NULL. */
const struct policy_decision *policy_session_decision(const struct policy_session *session);

#endif
