#include "policy/spf/lint_report.h"

#include "base/arena.h"

#define FINDINGS_MAX 200

void spf_lint_add(struct spf_lint *lint, enum policy_severity severity, const char *word,
                  const struct spf_lint_place *place, const char *text, const char *mend)
{
    struct spf_lint_report *report = lint->report;
    struct base_text domain = {place->domain->text, place->domain->length};
    struct policy_finding *finding;

    if (lint->is_over)
        return;
    finding = base_arena_alloc(lint->request->arena, sizeof(*finding));
    if (finding == NULL || text == NULL) {
        lint->is_over = true;
        return;
    }
    *finding = (struct policy_finding){
        .word = word, .domain = domain, .term = place->term, .text = text, .mend = mend};
    policy_findings_add(&report->found, severity, finding);
    if (report->found.errors + report->found.warnings + report->found.notes >= FINDINGS_MAX)
        lint->is_over = true;
}
