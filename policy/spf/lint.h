/* What is wrong with a domain's published SPF record, and with those it includes, for any message
 * that may come: each fault with its mend. RFC 7208 decides; where it only recommends, so do we. */
#ifndef POLICY_SPF_LINT_H
#define POLICY_SPF_LINT_H

#include "base/text.h"
#include "dns/lookups.h"
#include "dns/name.h"

struct base_arena;

enum spf_lint_severity {
    /* To be known. */
    SPF_LINT_NOTE,
    /* Works, but not as it should, or not for long. */
    SPF_LINT_WARNING,
    /* Receivers answer permerror or temperror, or the record does not say what was meant. */
    SPF_LINT_ERROR,
};

/* "note", "warning", "error". */
const char *spf_lint_severity_text(enum spf_lint_severity severity);

struct spf_lint_finding {
    enum spf_lint_severity severity;
    /* Stable, for programs: "too-many-lookups"; static. */
    const char *code;
    /* Whose record it is about. */
    struct base_text domain;
    /* As published; empty: the record as a whole. */
    struct base_text term;
    const char *text;
    const char *mend;
    struct spf_lint_finding *next;
};

struct spf_lint_request {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    const struct dns_name *domain;
};

struct spf_lint_report {
    /* In the order in which the records are read; what the whole adds up to comes last. */
    struct spf_lint_finding *first;
    unsigned errors;
    unsigned warnings;
    unsigned notes;
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
