/* `exception "name" { ... for = { dmarc } }`: mail that rules with conditions on DMARC neither
 * refuse nor mark, because its way to us is known to break what DMARC asks for (RFC 9989 warns of
 * refusing what mailing lists have changed). Compiled once, shared by threads. */
#ifndef POLICY_EXCEPTIONS_H
#define POLICY_EXCEPTIONS_H

#include <stdbool.h>

#include "base/error.h"

struct conf_snapshot;
struct conf_table;
struct policy_exceptions;
struct policy_rule_facts;

extern const struct conf_table policy_exception_table;

struct policy_exception {
    const char *name;
    /* RFC 9990's word for a report: "mailing_list", "trusted_forwarder" or "local_policy". */
    const char *override_type;
};

/* `warn` may be NULL: called for exceptions that any stranger can claim. NULL and *error_r (file,
 * line, exception, option, value, mend) on the first fault. */
__attribute__((warn_unused_result)) struct policy_exceptions *policy_exceptions_create(
    const struct conf_snapshot *conf, void (*warn)(void *context, const char *text), void *context,
    struct base_error *error_r);
/* Sets *exceptions to NULL; NULL inside is fine. */
void policy_exceptions_destroy(struct policy_exceptions **exceptions);

/* One of them asks for the client's name. */
bool policy_exceptions_want_iprev(const struct policy_exceptions *exceptions);
/* The first that this message matches, or NULL; borrowed. At end of message; may wait for DNS. */
const struct policy_exception *policy_exceptions_find(const struct policy_exceptions *exceptions,
                                                      const struct policy_rule_facts *facts);

#endif
