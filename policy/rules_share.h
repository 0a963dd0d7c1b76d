/* `enforce-percent`: a rule that is enforced for a share of the mail, and observed for the rest. */
#ifndef POLICY_RULES_SHARE_H
#define POLICY_RULES_SHARE_H

#include <stdbool.h>

#include "base/error.h"

struct conf_section;
struct policy_rule;
struct policy_rule_facts;

/* By what mail falls into the share; the words of `percent-key`. */
enum policy_percent_key {
    POLICY_PERCENT_CLIENT_IP,
    POLICY_PERCENT_SENDER_DOMAIN,
    POLICY_PERCENT_AUTHOR_DOMAIN,
    POLICY_PERCENT_LOGIN,
};

/* For policy_rule_check(): false and *error_r if the key is not known at the rule's stage. */
bool policy_rule_check_share(struct conf_section *section, struct base_error *error_r);
/* This mail is in the share. The same key is in the share of the same rule for ever, after a
 * restart and on every host; of another rule it need not be. */
bool policy_rule_is_in_share(const struct policy_rule *rule, const struct policy_rule_facts *facts);

#endif
