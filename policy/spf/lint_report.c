#include "policy/spf/lint_report.h"

#include "base/arena.h"

#define FINDINGS_MAX 200

const char *spf_lint_severity_text(enum spf_lint_severity severity)
{
    static const char *const texts[] = {"note", "warning", "error"};

    return texts[severity];
}

static void count(struct spf_lint_report *report, enum spf_lint_severity severity)
{
    report->errors += severity == SPF_LINT_ERROR;
    report->warnings += severity == SPF_LINT_WARNING;
    report->notes += severity == SPF_LINT_NOTE;
}

void spf_lint_add(struct spf_lint *lint, enum spf_lint_severity severity, const char *code,
                  const struct spf_lint_place *place, const char *text, const char *mend)
{
    struct spf_lint_report *report = lint->report;
    struct base_text domain = {place->domain->text, place->domain->length};
    struct spf_lint_finding *finding;

    if (lint->is_over)
        return;
    finding = base_arena_alloc(lint->request->arena, sizeof(*finding));
    if (finding == NULL || text == NULL) {
        lint->is_over = true;
        return;
    }
    *finding = (struct spf_lint_finding){severity, code, domain, place->term, text, mend, NULL};
    if (lint->last == NULL)
        report->first = finding;
    else
        lint->last->next = finding;
    lint->last = finding;
    count(report, severity);
    if (report->errors + report->warnings + report->notes >= FINDINGS_MAX)
        lint->is_over = true;
}
