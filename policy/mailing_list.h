/* What speaks for a message having come by way of a mailing list. All of it is the sender's own
 * word (anybody may write List-Id): facts for rules, and no proof of anything. */
#ifndef POLICY_MAILING_LIST_H
#define POLICY_MAILING_LIST_H

#include <stdbool.h>

#include "base/text.h"

struct dkim_verdicts;
struct dns_name;
struct policy_header;

struct policy_mailing_list {
    /* What stands between the brackets of the one List-Id field (RFC 2919); {NULL, 0}: there is
     * none that can be read. Points into the header. */
    struct base_text list_id;
    /* Of the Precedence field (RFC 2076): "list" or "bulk"; NULL: neither. Static. */
    const char *precedence;
    /* A signature of the author domain is broken, none passes, and one of another domain does. */
    bool is_resigned;
};

/* `verdicts` and `author_domain` may be NULL: not known. */
void policy_mailing_list_read(const struct policy_header *header,
                              const struct dkim_verdicts *verdicts,
                              const struct dns_name *author_domain,
                              struct policy_mailing_list *list_r);
/* Any of it. */
bool policy_mailing_list_is(const struct policy_mailing_list *list);

#endif
