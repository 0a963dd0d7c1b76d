/* What a client said in HELO or EHLO, by the grammar of RFC 5321 section 4.1.1.1: a domain, or an
 * address literal where it has none. Thread-safe, takes no memory. */
#ifndef POLICY_HELO_H
#define POLICY_HELO_H

#include "base/text.h"

struct policy_client;

/* The words of the condition `helo`, in this order. A HELO may be of several. */
enum policy_helo_class {
    /* Nothing was said before MAIL, or nothing but blanks. */
    POLICY_HELO_MISSING,
    /* Neither a domain nor an address literal. */
    POLICY_HELO_SYNTAX,
    /* An address without brackets. */
    POLICY_HELO_BARE_ADDRESS,
    /* A domain of one label. */
    POLICY_HELO_UNQUALIFIED,
    /* An address literal; and one that is not the client's. */
    POLICY_HELO_LITERAL,
    POLICY_HELO_WRONG_LITERAL,
    /* A name of ours, said by a stranger: not told by the grammar, see policy_helo_classes(). */
    POLICY_HELO_OWN_NAME,
    POLICY_HELO_CLASS_COUNT,
};

/* Bits 1 << class, without OWN_NAME; 0: a domain name of several labels. */
unsigned policy_helo_classes(struct base_text helo, const struct policy_client *client);

#endif
