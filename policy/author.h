/* The author domain: the one domain of the From field (RFC 9989 section 4.5, RFC 5322 section
 * 3.6.2, RFC 6532). What is signed for and what is judged hangs on it, so the reader is strict:
 * where readers of mail could see different addresses it says INVALID, and never guesses.
 * Thread-safe, takes no memory. */
#ifndef POLICY_AUTHOR_H
#define POLICY_AUTHOR_H

#include "base/text.h"
#include "dns/name.h"
#include "policy/decision.h"

struct policy_header;

struct policy_author {
    enum policy_author_outcome outcome;
    /* A-labels; the root unless `outcome` is ONE. */
    struct dns_name domain;
    /* NONE unless `outcome` is ONE. */
    enum policy_display_address display;
    /* Static words for the record: "two From fields", ...; NULL when it is ONE. */
    const char *reason;
};

/* From all From fields that are not removed. */
void policy_author_read(const struct policy_header *header, struct policy_author *author_r);
/* From the value of one From field; folds are LF (or CRLF) and a blank. */
void policy_author_parse(struct base_text value, struct policy_author *author_r);
/* Calls `each` with every mailbox of such a list of addresses (From, Sender, Reply-To, Resent-*),
 * as policy_address_parse() reads it; it holds during the call only. False: the value cannot be
 * read to its end; what was told before means nothing then. */
__attribute__((warn_unused_result)) bool policy_author_each(
    struct base_text value, void (*each)(void *context, struct base_text mailbox), void *context);

#endif
