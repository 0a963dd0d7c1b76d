/* Texts of the configuration with facts in them: "%{client-address} is not welcome". The names are
 * a fixed set; nothing is evaluated. "%%" is one '%'; a '%' that no '{' follows stands for itself.
 * Immutable, thread-safe. */
#ifndef POLICY_TEMPLATE_H
#define POLICY_TEMPLATE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "policy/verdict.h"

struct policy_template;

/* Octets of a text as it is written. */
#define POLICY_TEMPLATE_MAX 200
/* Octets of one fact in it: what is longer is cut. */
#define POLICY_TEMPLATE_FACT_MAX 200

enum policy_expansion {
    POLICY_EXPAND_CLIENT_ADDRESS,
    POLICY_EXPAND_CLIENT_NAME,
    POLICY_EXPAND_HELO,
    POLICY_EXPAND_LOGIN,
    POLICY_EXPAND_DIRECTION,
    POLICY_EXPAND_SENDER,
    POLICY_EXPAND_SENDER_DOMAIN,
    POLICY_EXPAND_RECIPIENT,
    POLICY_EXPAND_RECIPIENTS,
    POLICY_EXPAND_AUTHOR_DOMAIN,
    POLICY_EXPAND_MESSAGE_ID,
    POLICY_EXPAND_SPF,
    POLICY_EXPAND_HELO_SPF,
    POLICY_EXPAND_DKIM,
    POLICY_EXPAND_DMARC,
    POLICY_EXPAND_COMMAND,
    POLICY_EXPAND_QUEUE_ID,
    POLICY_EXPAND_ID,
    POLICY_EXPAND_RULE,
    POLICY_EXPAND_COUNT,
};

/* "client-address", ... */
const char *policy_expansion_text(enum policy_expansion expansion);
/* The first stage that knows it. */
enum policy_stage policy_expansion_known_from(enum policy_expansion expansion);

/* NULL and *error_r (what is wrong and the mend, without file and line): not 1 to
 * POLICY_TEMPLATE_MAX printable ASCII characters, a name that there is not, no '}'. */
__attribute__((warn_unused_result)) struct policy_template *policy_template_create(
    const char *text, struct base_error *error_r);
/* Sets *template to NULL; NULL inside is fine. */
void policy_template_destroy(struct policy_template **template);
/* The first fact of the text that `stage` does not know; false: none. */
bool policy_template_find_unknown(const struct policy_template *template, enum policy_stage stage,
                                  enum policy_expansion *expansion_r);
/* Appends the text. value() gives a fact, {NULL, 0} if it is not there: then "-" is written. Of
 * facts, what is not printable ASCII becomes '?'. */
void policy_template_expand(const struct policy_template *template,
                            struct base_text (*value)(void *context,
                                                      enum policy_expansion expansion),
                            void *context, struct base_buf *out);

#endif
