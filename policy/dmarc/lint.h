/* Checking what a domain publishes for DMARC: its record (RFC 9989 sections 4.7, 4.8), and whether
 * the domains that its reports go to want them (RFC 9990 section 4). Each finding says what is
 * wrong and the mend. */
#ifndef POLICY_DMARC_LINT_H
#define POLICY_DMARC_LINT_H

#include <stdbool.h>
#include <stddef.h>

#include "dns/name.h"
#include "policy/dmarc/record.h"

struct base_arena;
struct dns_lookups;

enum dmarc_severity {
    /* Nothing is wrong, but the owner should know. */
    DMARC_SEVERITY_NOTE,
    DMARC_SEVERITY_WARNING,
    /* Receivers will not do what the owner asks for. */
    DMARC_SEVERITY_ERROR,
};

/* "note", "warning", "error". */
const char *dmarc_severity_text(enum dmarc_severity severity);

/* Texts live in the arena, or are static; they hold octets of the record. */
struct dmarc_finding {
    enum dmarc_severity severity;
    /* A stable name: "p-invalid", ... */
    const char *word;
    const char *text;
    const char *mend;
    struct dmarc_finding *next;
};

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
    struct dmarc_finding *first;
    struct dmarc_finding *last;
    struct dmarc_destination *destinations;
    size_t errors;
    size_t warnings;
};

/* Blocks while the budget of `lookups` lasts. An exhausted arena is counted as an error. */
void dmarc_lint_domain(struct dmarc_lint *lint);

#endif
