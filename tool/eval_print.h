/* What `postseal eval` shows to a person. Octets of strangers cannot move the terminal's cursor. */
#ifndef TOOL_EVAL_PRINT_H
#define TOOL_EVAL_PRINT_H

#include <stdio.h>

#include "base/text.h"
#include "policy/verdict.h"

struct policy_decision;
struct policy_edits;

/* One line a stage; `context` is the FILE. */
void tool_eval_print_stage(void *context, enum policy_stage stage, struct base_text what,
                           const struct policy_verdict *verdict);
/* What was found and decided, and what would be edited. */
void tool_eval_print_decision(FILE *out, const struct policy_decision *decision,
                              const struct policy_edits *edits);

#endif
