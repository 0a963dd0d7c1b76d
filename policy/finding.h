/* What a check of published records finds: each fault with its mend. */
#ifndef POLICY_FINDING_H
#define POLICY_FINDING_H

#include "base/text.h"

enum policy_severity {
    /* Nothing is wrong, but the owner should know. */
    POLICY_SEVERITY_NOTE,
    /* Works, but not as it should, or not for long. */
    POLICY_SEVERITY_WARNING,
    /* Receivers will not do what the owner asks for. */
    POLICY_SEVERITY_ERROR,
};

/* "note", "warning", "error". */
const char *policy_severity_text(enum policy_severity severity);

/* Texts live as long as the check's arena, or are static; they may hold octets of the record. */
struct policy_finding {
    enum policy_severity severity;
    /* Stable, for programs: "too-many-lookups"; static. */
    const char *word;
    /* Whose record it is about, and what in it, as published; empty: the one that was asked for,
     * the record as a whole. */
    struct base_text domain;
    struct base_text term;
    const char *text;
    const char *mend;
    struct policy_finding *next;
};

/* In the order in which they were found; begins zeroed. */
struct policy_findings {
    struct policy_finding *first;
    struct policy_finding *last;
    unsigned errors;
    unsigned warnings;
    unsigned notes;
};

/* Sets the severity, appends and counts; NULL, for want of memory, is counted alone, so that there
 * is no clean bill. Borrowed. */
void policy_findings_add(struct policy_findings *findings, enum policy_severity severity,
                         struct policy_finding *finding);

#endif
