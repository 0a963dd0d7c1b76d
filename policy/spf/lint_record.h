/* One record as it is published: is there exactly one, how is it cut into strings, does it follow
 * the grammar. */
#ifndef POLICY_SPF_LINT_RECORD_H
#define POLICY_SPF_LINT_RECORD_H

#include "policy/spf/lint_report.h"
#include "policy/spf/record.h"

/* Fetches and checks the record of `domain`; what cannot be had is told of `from`: the term that
 * leads there, or the domain itself. NULL: there is nothing to go on with. Terms that break the
 * grammar are told, and left out of the result. */
struct spf_record *spf_lint_read(struct spf_lint *lint, const struct dns_name *domain,
                                 const struct spf_lint_place *from);

#endif
