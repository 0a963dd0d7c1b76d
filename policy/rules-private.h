/* A compiled rule: shared by rules.c, rules_compile.c and rules_reply.c, and nobody else. */
#ifndef POLICY_RULES_PRIVATE_H
#define POLICY_RULES_PRIVATE_H

#include "conf/conf.h"
#include "policy/rules.h"

struct policy_domains;
struct policy_networks;

/* The values of one `rule` section, as conf_read() fills them in. */
struct policy_rule_options {
    int stage;
    int direction;
    int action;
    int mode;
    uint64_t spf;
    uint64_t helo_spf;
    bool spf_only_all;
    struct conf_list spf_domain;
    uint64_t dkim;
    uint64_t dmarc;
    uint64_t dmarc_disposition;
    uint64_t dmarc_policy;
    struct conf_list dkim_domain;
    struct conf_list author_domain;
    bool mailing_list;
    uint64_t author;
    uint64_t display_address;
    struct conf_list client_net;
    struct conf_list sender_domain;
    struct conf_list recipient;
    /* Milliseconds; 0: without end. */
    int64_t tempfail_for;
    const char *code;
    const char *enhanced_code;
    const char *text;
};

/* What a condition asks for; a bit each. */
enum policy_rule_condition {
    POLICY_RULE_HAS_DIRECTION,
    POLICY_RULE_HAS_SPF,
    POLICY_RULE_HAS_HELO_SPF,
    POLICY_RULE_HAS_SPF_ONLY_ALL,
    POLICY_RULE_HAS_SPF_DOMAIN,
    POLICY_RULE_HAS_DKIM,
    POLICY_RULE_HAS_DMARC,
    POLICY_RULE_HAS_DMARC_DISPOSITION,
    POLICY_RULE_HAS_DMARC_POLICY,
    POLICY_RULE_HAS_DKIM_DOMAIN,
    POLICY_RULE_HAS_AUTHOR_DOMAIN,
    POLICY_RULE_HAS_MAILING_LIST,
    POLICY_RULE_HAS_AUTHOR,
    POLICY_RULE_HAS_DISPLAY_ADDRESS,
    POLICY_RULE_HAS_CLIENT_NET,
    POLICY_RULE_HAS_SENDER_DOMAIN,
    POLICY_RULE_HAS_RECIPIENT,
};

/* A recipient as a rule names it: a domain, or one address. */
struct policy_rule_recipient {
    /* Lower case; {NULL, 0}: any local part. */
    struct base_text local;
    struct dns_name domain;
};

struct policy_rule {
    const char *name;
    struct conf_where where;
    const struct policy_rule_options *options;
    enum policy_stage stage;
    enum policy_action action;
    /* Bits 1 << enum policy_rule_condition. */
    unsigned conditions;
    struct policy_networks *client_net;
    struct policy_domains *sender_domain;
    struct policy_domains *dkim_domain;
    struct policy_domains *author_domain;
    struct policy_domains *spf_domain;
    struct policy_rule_recipient *recipients;
    size_t recipient_count;
};

struct policy_rules {
    struct policy_rule *items;
    size_t count;
};

/* The words of `spf` and `helo-spf` are spf_verdict_text()'s in its order; of `dmarc`
 * dmarc_result_text()'s; of `dkim` these. */
extern const char *const policy_rule_dkim_words[];

static inline bool policy_rule_has(const struct policy_rule *rule,
                                   enum policy_rule_condition condition)
{
    return (rule->conditions & 1U << condition) != 0;
}

/* A condition on what DMARC says (RFC 9989). */
static inline bool policy_rule_is_about_dmarc(const struct policy_rule *rule)
{
    return policy_rule_has(rule, POLICY_RULE_HAS_DMARC) ||
           policy_rule_has(rule, POLICY_RULE_HAS_DMARC_DISPOSITION) ||
           policy_rule_has(rule, POLICY_RULE_HAS_DMARC_POLICY);
}

/* Whose DNS it waits for when that is down: the author domain's, else that of SPF's identity. */
static inline bool policy_rule_is_about_author(const struct policy_rule *rule)
{
    return policy_rule_is_about_dmarc(rule) || policy_rule_has(rule, POLICY_RULE_HAS_DKIM);
}

/* Which of the two identities (RFC 7208 section 2) `spf-domain` and the reply are about. */
static inline bool policy_rule_is_about_helo(const struct policy_rule *rule)
{
    return rule->stage == POLICY_STAGE_HELO ||
           (policy_rule_has(rule, POLICY_RULE_HAS_HELO_SPF) &&
            !policy_rule_has(rule, POLICY_RULE_HAS_SPF) &&
            !policy_rule_has(rule, POLICY_RULE_HAS_SPF_ONLY_ALL));
}

#endif
