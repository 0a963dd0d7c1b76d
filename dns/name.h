/* Domain names that come from strangers (RFC 1035 section 2.3.4, RFC 2181 section 11). The one way
 * to make a `struct dns_name`: everything that reaches a resolver went through here. */
#ifndef DNS_NAME_H
#define DNS_NAME_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Octets of the longest name, written with dots and without the last one. */
#define DNS_NAME_MAX 253
/* Room for dns_name_escape(): four octets for each of the name's, and NUL. */
#define DNS_NAME_ESCAPED_SIZE (4 * DNS_NAME_MAX + 1)

/* Labels joined by '.', ASCII letters in lower case, no dot at the end, NUL-terminated; octets are
 * raw (no escapes), neither NUL nor '.' inside a label. The root is the empty name. */
struct dns_name {
    unsigned char length;
    unsigned char label_count;
    char text[DNS_NAME_MAX + 1];
};

enum dns_name_fault {
    DNS_NAME_OK,
    DNS_NAME_EMPTY,
    DNS_NAME_TOO_LONG,
    DNS_NAME_LABEL_TOO_LONG,
    DNS_NAME_EMPTY_LABEL,
    /* NUL */
    DNS_NAME_BAD_OCTET,
};

/* Makes a name from octets as a stranger wrote them: '.' separates labels, one dot at the end is
 * taken off, nothing is an escape (a backslash is itself). "." alone and "" are DNS_NAME_EMPTY.
 * On a fault *name_r is the root. */
__attribute__((warn_unused_result)) enum dns_name_fault dns_name_make(struct dns_name *name_r,
                                                                      struct base_text text);
/* In words, for a log line: "empty label", ... */
const char *dns_name_fault_text(enum dns_name_fault fault);

/* The form in which a name may be shown or handed to a library that reads master-file syntax:
 * every octet outside [A-Za-z0-9_-] and '.' as \DDD; the root as ".". Returns `out`,
 * NUL-terminated. */
const char *dns_name_escape(const struct dns_name *name, char out[DNS_NAME_ESCAPED_SIZE]);

bool dns_name_equals(const struct dns_name *a, const struct dns_name *b);
/* `name` is `ancestor` or below it. Everything is below the root. */
bool dns_name_is_within(const struct dns_name *name, const struct dns_name *ancestor);
/* `prefix` (one or more labels, e.g. "_dmarc") put before `name`. False if it gets too long. */
__attribute__((warn_unused_result)) bool dns_name_prepend(struct dns_name *name_r,
                                                          const char *prefix,
                                                          const struct dns_name *name);
/* The last `labels` labels of the name (all of it if it has fewer; 0 gives the root). */
void dns_name_suffix(struct dns_name *name_r, const struct dns_name *name, unsigned labels);

/* d.c.b.a.in-addr.arpa or the nibbles under ip6.arpa. `address`: 4 or 16 octets. */
void dns_name_reverse(struct dns_name *name_r, const unsigned char *address, size_t length);

#endif
