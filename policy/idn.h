/* Internationalized domain names (RFC 5890, RFC 8616): U-labels become A-labels before anything is
 * compared or asked. The only user of libidn2. Thread-safe, does not block. */
#ifndef POLICY_IDN_H
#define POLICY_IDN_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/name.h"

/* Octets of a domain that are looked at; more is never a name. */
#define POLICY_IDN_MAX 1024

/* A domain that can be a mail domain, as a stranger wrote it: ASCII or UTF-8, any case, one dot at
 * the end allowed. Labels of the result are of [a-z0-9_-] only. False for anything else: *name_r is
 * then the root. */
__attribute__((warn_unused_result)) bool policy_idn_to_name(struct base_text text,
                                                            struct dns_name *name_r);
/* The name with U-labels, in UTF-8 with a NUL behind it. False: it has none, or there is no room.
 */
__attribute__((warn_unused_result)) bool policy_idn_to_unicode(const struct dns_name *name,
                                                               char *out, size_t size);

#endif
