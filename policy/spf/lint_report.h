/* The findings of one check; shared by the files of the check and nobody else. */
#ifndef POLICY_SPF_LINT_REPORT_H
#define POLICY_SPF_LINT_REPORT_H

#include <stdbool.h>

#include "policy/spf/lint.h"

struct spf_lint {
    const struct spf_lint_request *request;
    struct spf_lint_report *report;
    /* Past a cap, or out of memory: nothing more is read or said. */
    bool is_over;
};

/* A term of somebody's record; the term may be {NULL, 0}. */
struct spf_lint_place {
    const struct dns_name *domain;
    struct base_text term;
};

/* Nothing once the check is over. `text` and `mend` must outlive the report; a NULL `text` (no
 * memory) ends the check. */
void spf_lint_add(struct spf_lint *lint, enum policy_severity severity, const char *word,
                  const struct spf_lint_place *place, const char *text, const char *mend);

#endif
