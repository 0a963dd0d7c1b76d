/* The explanation that the domain's owner offers for a fail (RFC 7208 section 6.2). */
#ifndef POLICY_SPF_EXPLAIN_H
#define POLICY_SPF_EXPLAIN_H

#include "policy/spf/spf.h"

struct spf_context;

/* Fills outcome->explanation and explanation_domain if the record that counts has exp= and the text
 * there can be had, is one record, printable and well formed; else leaves them empty. Asks DNS. */
void spf_explain(struct spf_context *context, const struct spf_record *record,
                 struct spf_outcome *outcome);

#endif
