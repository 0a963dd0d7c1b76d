/* Checking what a domain publishes for DMARC: its record (RFC 9989 sections 4.7, 4.8), and whether
 * the domains that its reports go to want them (RFC 9990 section 4). Each finding says what is
 * wrong and the mend. */
#ifndef POLICY_DMARC_LINT_H
#define POLICY_DMARC_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/name.h"
#include "policy/dmarc/record.h"
#include "policy/finding.h"

struct base_arena;
struct dns_lookups;

/* A domain that reports go to. */
struct dmarc_destination {
    struct dns_name domain;
    /* Its organizational domain is another one: it has to say that it wants the reports. */
    bool is_external;
    bool is_authorized;
    /* Where it says so; the root unless it is external. */
    struct dns_name question;
    struct dmarc_destination *next;
};

struct dmarc_lint {
    /* Filled in by the caller. */
    struct base_arena *arena;
    struct dns_lookups *lookups;
    struct dns_name domain;

    struct dns_name organizational;
    bool has_record;
    struct dmarc_record record;
    struct policy_findings found;
    struct dmarc_destination *destinations;
};

/* Blocks while the budget of `lookups` lasts. An exhausted arena is counted as an error. */
void dmarc_lint_domain(struct dmarc_lint *lint);

#endif
