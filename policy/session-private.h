/* A session's inside, for the files of its stages. */
#ifndef POLICY_SESSION_PRIVATE_H
#define POLICY_SESSION_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/address.h"
#include "policy/author.h"
#include "policy/decision.h"
#include "policy/edits.h"
#include "policy/evaluation.h"
#include "policy/evaluation_client.h"
#include "policy/evaluation_identity.h"
#include "policy/header.h"
#include "policy/networks.h"
#include "policy/rate/store.h"
#include "policy/session.h"

struct base_arena;
struct dkim_signing;
struct policy_new_field;
struct policy_rate_once;
struct rate_bounce;
struct policy_recipient;

struct policy_session {
    struct policy_env env;
    struct policy_snapshot *snapshot;
    /* What lives until the next connect or destroy. */
    struct base_arena *connection;
    /* What lives until the next reset. */
    struct base_arena *message;

    struct policy_client client;
    char client_address[64];
    struct base_text client_name;
    struct base_text mta_name;
    struct base_text daemon_name;
    struct base_text mta_version;
    /* 0: not said. */
    unsigned daemon_port;
    /* Room taken once, when TLS was first told of; in use while has_tls. */
    struct policy_tls *tls_room;
    bool has_tls;
    /* Room for the longest HELO, taken once: clients may say HELO as often as they like. */
    char *helo_room;
    struct base_text helo;
    struct policy_helo_evaluation helo_evaluation;
    struct policy_client_evaluation client_evaluation;
    /* From which whoever waits for DNS now takes the time: HELO's or the message's. */
    struct dns_budget *wait_budget;
    /* Of the budget before MAIL, what connect left. */
    int64_t connect_left_ns;
    /* What rules at connect and HELO said, for all that follows in this session; another HELO
     * begins again with what connect said. */
    const struct policy_verdict *session_accepted;
    const struct policy_verdict *connect_accepted;
    const struct policy_verdict *session_mark;
    const struct policy_verdict *connect_mark;
    const struct policy_verdict *session_would;
    const struct policy_verdict *connect_would;
    struct policy_rule_hit *session_hits;
    const struct policy_new_field *session_fields;
    const struct policy_new_field *connect_fields;
    /* What lives until the next command that the MTA does not know. */
    struct base_arena *command;

    /* From here on: one message, cleared by reset. */
    bool has_message;
    bool is_header_done;
    struct policy_header header;
    /* Of all fields with colon and line end, those past the caps too. */
    uint64_t field_octets;
    struct policy_edits edits;
    struct policy_author author;
    /* Its texts point at decision.mail_from. */
    struct policy_address sender;
    /* As it was sent it is no path (RFC 5321 section 4.1.2): `sender` is a guess at what the MTA
     * makes of it, enough for a rule against it, and not for a credit. */
    bool is_sender_malformed;
    /* Nor does the MTA say what it makes of it. */
    bool is_sender_guessed;
    struct policy_evaluation evaluation;
    struct policy_identity_evaluation identity;
    /* A rule accepted it: no later rule decides. NULL: none. */
    const struct policy_verdict *accepted;
    /* Recipients that rules accepted at RCPT: if all are, no later rule decides. */
    unsigned recipients_accepted;
    const struct policy_verdict *recipient_accepted;
    /* Fields of rules, the last one first, those of connect and HELO behind them. */
    const struct policy_new_field *fields;
    /* mark or hold-queue of a rule, to be done at end of message; NULL: none. */
    const struct policy_verdict *mark;
    struct dkim_signing *signing;
    /* What rules want of the Sender field: POLICY_ACTION_ADD_SENDER, REPLACE_SENDER or CONTINUE. */
    enum policy_action sender_change;
    /* The rule that wants nothing signed; NULL: none. */
    const char *no_sign_rule;
    /* Decided before end of message, given there; NULL: nothing yet. */
    const struct policy_verdict *latched;
    int64_t begin_ns;
    struct policy_recipient *last_recipient;
    size_t recipients_kept;
    size_t recipient_octets;
    /* Charged, and neither committed nor given back. */
    struct rate_reservation rates;
    struct policy_rate_once *rated_once;
    bool is_rejection_counted;
    bool is_bulk_asked;
    /* Of mail with the null reverse-path, where a rate counts bounces. */
    struct rate_bounce *bounce;
    struct base_text bounced_login;
    /* Of the message of that login's. */
    struct base_text bounced_id;
    /* Mail exchangers of recipients; NULL: nothing was asked. */
    struct dns_lookups *bulk_lookups;
    struct policy_decision decision;
};

/* Continue, at that stage; static. */
const struct policy_verdict *policy_session_continue(enum policy_stage stage);
/* A copy in the arena, cut to `max` octets, NUL behind it; {NULL, 0} when there is nothing to copy
 * or no room. */
struct base_text policy_session_copy(struct base_arena *arena, struct base_text text, size_t max);
/* Adds to the record what a cap made us leave out. */
void policy_session_note_left_out(struct policy_session *session, const char *words);
/* Adds to the record that the owner's policy was not followed, and why (RFC 9990's words for the
 * type); both static or in the message's arena. */
void policy_session_note_override(struct policy_session *session, const char *type,
                                  const char *comment);
/* A rule rejected the whole message: counted, once. */
void policy_session_note_rejection(struct policy_session *session,
                                   const struct policy_verdict *verdict);
/* A rule refused the whole message before its end: kept, so that end of message says it again
 * should the MTA go on all the same, and the record is complete. */
void policy_session_refuse(struct policy_session *session, const struct policy_verdict *verdict);
/* stage_content.c: what the end of the header decides; once a message. */
void policy_session_finish_header(struct policy_session *session);

#endif
