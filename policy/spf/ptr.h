/* Validated names of the client (RFC 7208 section 5.5): for "ptr" and %{p}. */
#ifndef POLICY_SPF_PTR_H
#define POLICY_SPF_PTR_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/name.h"

struct spf_context;

/* A validated name of the client is `target` or below it. Asks DNS. */
bool spf_ptr_matches(struct spf_context *context, const struct dns_name *target);
/* The expansion of %{p}: `domain` itself if it is validated, else a validated name below it, else
 * any, else "unknown" (7.3). Asks DNS the first time. */
struct base_text spf_ptr_validated_name(struct spf_context *context, const struct dns_name *domain);

#endif
