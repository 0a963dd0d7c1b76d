#include "policy/finding.h"

#include <stddef.h>

const char *policy_severity_text(enum policy_severity severity)
{
    static const char *const texts[] = {"note", "warning", "error"};

    return texts[severity];
}

void policy_findings_add(struct policy_findings *findings, enum policy_severity severity,
                         struct policy_finding *finding)
{
    findings->errors += severity == POLICY_SEVERITY_ERROR;
    findings->warnings += severity == POLICY_SEVERITY_WARNING;
    findings->notes += severity == POLICY_SEVERITY_NOTE;
    if (finding == NULL)
        return;
    finding->severity = severity;
    finding->next = NULL;
    if (findings->last == NULL)
        findings->first = finding;
    else
        findings->last->next = finding;
    findings->last = finding;
}
