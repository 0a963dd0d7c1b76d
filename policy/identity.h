/* Who may send as whom: logins and the addresses that are theirs, by the maps that Postfix has for
 * it (smtpd_sender_login_maps) and by what else the configuration says. With the maps alone the
 * answers are those of reject_sender_login_mismatch. Compiled once; thread-safe. */
#ifndef POLICY_IDENTITY_H
#define POLICY_IDENTITY_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct base_arena;
struct conf_snapshot;
struct policy_address;
struct policy_domains;
struct policy_identity;

enum policy_owned {
    /* Nothing to judge: there is no such address, or nobody has logged in. */
    POLICY_OWNED_UNKNOWN,
    POLICY_OWNED_YES,
    POLICY_OWNED_NO,
    /* A map cannot be read. */
    POLICY_OWNED_FAULT,
};

enum policy_identity_part {
    /* The reverse-path; the rest are fields: From, Sender, Reply-To, and all of Resent-From and
     * Resent-Sender. */
    POLICY_IDENTITY_SENDER,
    POLICY_IDENTITY_AUTHOR,
    POLICY_IDENTITY_SENDER_HEADER,
    POLICY_IDENTITY_REPLY_TO,
    POLICY_IDENTITY_RESENT,
    POLICY_IDENTITY_PARTS,
};

/* "sender", "author", "sender-header", "reply-to", "resent". */
const char *policy_identity_part_text(enum policy_identity_part part);
/* "yes", "no", "unknown", "error". */
const char *policy_owned_text(enum policy_owned owned);

struct policy_ownership {
    enum policy_owned owned;
    /* YES: why: "map", "login", "group", "alias", "delegate", "verp", "batv", "srs",
     * "null-sender". NO, where nobody has logged in: "not-logged-in". Else NULL. */
    const char *by;
    /* As written, of several the one that is not owned; {NULL, 0}: it cannot be read. */
    struct base_text address;
    /* FAULT: why; in the arena. */
    const char *fault;
};

/* Opens the maps; may block on the disk. `warn` may be NULL. NULL and *error_r on a fault.
 * `local_domains` (borrowed) are those in which we write SRS addresses. */
__attribute__((warn_unused_result)) struct policy_identity *policy_identity_create(
    const struct conf_snapshot *conf, const struct policy_domains *local_domains,
    void (*warn)(void *context, const char *text), void *context, struct base_error *error_r);
/* Sets *identity to NULL; NULL inside is fine. */
void policy_identity_destroy(struct policy_identity **identity);
/* Anything is said that could make an address somebody's. */
bool policy_identity_is_configured(const struct policy_identity *identity);

/* Whether the login may use the address, which is not the null reverse-path; `out->address` is
 * left alone. */
void policy_identity_judge(const struct policy_identity *identity, struct base_arena *arena,
                           struct base_text login, const struct policy_address *address,
                           struct policy_ownership *out);
/* Nobody has logged in: NO if `sender-login-maps` has an owner for the address, else UNKNOWN. */
void policy_identity_judge_stranger(const struct policy_identity *identity,
                                    struct base_arena *arena, const struct policy_address *address,
                                    struct policy_ownership *out);

/* The login's own mailbox, for a Sender field: the login if it has a domain that is not one of
 * `login-domain`, else with the first of those. {NULL, 0}: nothing is known. In `arena`. */
struct base_text policy_identity_mailbox(const struct policy_identity *identity,
                                         struct base_arena *arena, struct base_text login);

#endif
