/* The keys under which an address stands in a table of Postfix's, in the order in which its smtpd
 * looks for them (mail_addr_find(3)). Thread-safe, takes no memory. */
#ifndef POLICY_IDENTITY_KEYS_H
#define POLICY_IDENTITY_KEYS_H

#include "policy/address.h"

struct policy_domains;

enum {
    POLICY_IDENTITY_KEYS_MAX = 20,
    /* Octets of all of them; what finds no room is no key. */
    POLICY_IDENTITY_KEYS_ROOM = 24 * POLICY_ADDRESS_MAX,
};

struct policy_identity_site {
    /* Postfix's recipient_delimiter; NULL or "": none. */
    const char *delimiter;
    /* Domains in which a local part alone is a key. */
    const struct policy_domains *unqualified;
    /* Which of them completes an address without one; {NULL, 0}: it stays as it is. */
    struct base_text origin;
};

struct policy_identity_keys {
    size_t count;
    struct base_text keys[POLICY_IDENTITY_KEYS_MAX];
    /* Where they stand. */
    struct base_buf text;
    char room[POLICY_IDENTITY_KEYS_ROOM];
    /* Of the address itself, the local part without quotes, with and without its extension;
     * the domain in lower case, as A-labels where it is a name; {NULL, 0} without one. */
    struct base_text local;
    struct base_text stem;
    struct base_text domain;
};

/* None for a kind that is no mailbox. */
void policy_identity_keys_make(struct policy_identity_keys *keys,
                               const struct policy_address *address,
                               const struct policy_identity_site *site);

#endif
