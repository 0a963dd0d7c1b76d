/* Lowering: the records as published become short records of our own making that libspf2 evaluates
 * (RFC 7208 section 4.6 onwards). The only file that knows libspf2. */
#ifndef POLICY_SPF_LOWER_H
#define POLICY_SPF_LOWER_H

#include "policy/spf/spf.h"

struct spf_context;

/* Evaluates the record of context->domain. What libspf2 found, unless the context was stopped. */
enum spf_verdict spf_lower_evaluate(struct spf_context *context);

#endif
