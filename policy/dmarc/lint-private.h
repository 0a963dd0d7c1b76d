/* Shared by the files of the check of DMARC records. */
#ifndef POLICY_DMARC_LINT_PRIVATE_H
#define POLICY_DMARC_LINT_PRIVATE_H

#include "base/text.h"
#include "policy/dmarc/lint.h"

/* Adds a finding. `word` and `mend` are static or in the arena. */
void dmarc_lint_add(struct dmarc_lint *lint, enum policy_severity severity, const char *word,
                    const char *mend, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* lint_record.c: the tags of the one record. */
void dmarc_lint_record(struct dmarc_lint *lint, struct base_text text);
/* lint_reports.c: the URIs of one tag ("rua", "ruf"), and where they lead. */
void dmarc_lint_reports(struct dmarc_lint *lint, const char *tag, struct base_text list);

#endif
