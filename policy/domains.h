/* Sets of domains from the configuration, compiled once, compared as A-labels. Immutable,
 * thread-safe. */
#ifndef POLICY_DOMAINS_H
#define POLICY_DOMAINS_H

#include <stdbool.h>

#include "base/error.h"
#include "dns/name.h"

struct conf_list;
struct policy_domains;

/* Items: "example.org" (that domain alone), ".example.org" (every domain below it); U-labels become
 * A-labels. `option` is for errors, which name file, line, value and the mend. NULL and *error_r on
 * the first item that is not a domain. */
__attribute__((warn_unused_result)) struct policy_domains *policy_domains_create(
    const struct conf_list *list, const char *option, struct base_error *error_r);
/* Sets *domains to NULL; NULL inside is fine. */
void policy_domains_destroy(struct policy_domains **domains);
/* Every domain that `item`, an item of such a list, names is in the set. */
bool policy_domains_cover(const struct policy_domains *domains, const char *item);
bool policy_domains_is_empty(const struct policy_domains *domains);
bool policy_domains_contain(const struct policy_domains *domains, const struct dns_name *name);

#endif
