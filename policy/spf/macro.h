/* Macros (RFC 7208 section 7): checking and expanding macro-strings. */
#ifndef POLICY_SPF_MACRO_H
#define POLICY_SPF_MACRO_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/name.h"

struct spf_context;

enum spf_macro_place {
    /* A domain-spec: no blanks, none of %{c}, %{r}, %{t}. */
    SPF_MACRO_DOMAIN,
    /* An explanation text (6.2). */
    SPF_MACRO_EXPLANATION,
};

/* macro-string of section 7.1: every '%' begins a macro, every letter exists at that place. */
bool spf_macro_is_valid(struct base_text text, enum spf_macro_place place);
/* domain-spec of section 7.1: a macro-string that ends in a macro-expand or in "." toplabel. */
bool spf_macro_is_domain_spec(struct base_text text);
/* The text uses %{l} or %{s}, whatever the case. */
bool spf_macro_has_local_part(struct base_text text);

/* Expands a valid macro-string; `domain` is <domain> (%{d}). May ask DNS (%{p}). False when the
 * result does not fit `out`. */
__attribute__((warn_unused_result)) bool spf_macro_expand(struct spf_context *context,
                                                          struct base_text text,
                                                          const struct dns_name *domain,
                                                          struct base_buf *out);

#endif
