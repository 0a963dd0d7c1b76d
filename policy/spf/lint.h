/* What is wrong with a domain's published SPF record, and with those it includes, for any message
 * that may come: each fault with its mend. RFC 7208 decides; where it only recommends, so do we. */
#ifndef POLICY_SPF_LINT_H
#define POLICY_SPF_LINT_H

#include "base/text.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "policy/finding.h"

struct base_arena;

struct spf_lint_request {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    const struct dns_name *domain;
};

struct spf_lint_report {
    /* In the order in which the records are read; what the whole adds up to comes last. */
    struct policy_findings found;
    /* The domain's own; {NULL, 0} if there is not exactly one. */
    struct base_text record;
    /* Records that were read. */
    unsigned records;
    /* For the client that matches nothing, the worst case: terms that ask DNS, and those of them
     * that find nothing for an IPv4 and for an IPv6 client (4.6.4). */
    unsigned terms;
    unsigned voids4;
    unsigned voids6;
};

/* Walks all branches; asks DNS. Texts live in the arena. Bounded: past 100 terms that ask DNS, or
 * 200 findings, it ends. */
void spf_lint(const struct spf_lint_request *request, struct spf_lint_report *report_r);

#endif
