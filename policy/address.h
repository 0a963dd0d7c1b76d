/* Paths of the SMTP envelope (RFC 5321 section 4.1.2, RFC 6531), as the MTA hands them over: what
 * the client typed, in angle brackets or bare, with or without a source route. Nothing is copied:
 * results point into the input. Thread-safe. */
#ifndef POLICY_ADDRESS_H
#define POLICY_ADDRESS_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/name.h"

/* Octets of a path that are looked at: RFC 5321's 256, and room for UTF-8 and routes. */
#define POLICY_ADDRESS_MAX 1024

enum policy_address_kind {
    /* Not a path; only `text` is set. */
    POLICY_ADDRESS_INVALID,
    /* "<>", or nothing at all. */
    POLICY_ADDRESS_NULL,
    /* A local part without a domain: "<postmaster>". */
    POLICY_ADDRESS_LOCAL,
    POLICY_ADDRESS_DOMAIN,
    /* user@[192.0.2.1]: `domain` is the root. */
    POLICY_ADDRESS_LITERAL,
};

struct policy_address {
    enum policy_address_kind kind;
    /* Without brackets and source route; INVALID: the input without blanks and outer brackets. */
    struct base_text text;
    /* As written; a quoted one with its quotes. */
    struct base_text local;
    /* As written: after the '@'; {NULL, 0} without one. */
    struct base_text domain_text;
    /* As A-labels; the root unless `kind` is DOMAIN. */
    struct dns_name domain;
};

/* The kind is also returned. Control characters, NUL, unquoted blanks and specials, an unbalanced
 * quote, a domain that cannot be a mail domain and octets that are not UTF-8 are INVALID. */
enum policy_address_kind policy_address_parse(struct base_text path,
                                              struct policy_address *address_r);

/* The local part is that word in either case, with or without quotes: "<\"user\"@example.org>" is
 * the mailbox of <user@example.org> (RFC 5321 section 4.1.2). */
bool policy_address_is_local_part(const struct policy_address *address, struct base_text word);

#endif
