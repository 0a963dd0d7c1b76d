/* A compiled rule: shared by rules*.c and conditions*.c, and nobody else. */
#ifndef POLICY_RULES_PRIVATE_H
#define POLICY_RULES_PRIVATE_H

#include "conf/conf.h"
#include "policy/conditions.h"
#include "policy/rules.h"

struct policy_template;

/* The values of one `rule` section, as conf_read() fills them in: what is done, then a field each
 * of the conditions' rows (conditions.h). */
struct policy_rule_options {
    int stage;
    int action;
    int mode;
    /* Milliseconds; 0: without end. */
    int64_t tempfail_for;
    const char *code;
    const char *enhanced_code;
    /* The lines of the reply. */
    struct conf_list text;
    /* "X-Name: text" */
    struct conf_list header;
    /* Of all keys, the share for which the rule is enforced; index into the words. */
    int64_t enforce_percent;
    int percent_key;
    /* Index into the words: none, all. */
    int bypass;

    /* conditions_envelope.c */
    int direction;
    struct conf_list client_net;
    struct conf_list sender_domain;
    struct conf_list recipient;
    /* conditions_spf.c */
    uint64_t spf;
    uint64_t helo_spf;
    bool spf_only_all;
    struct conf_list spf_domain;
    /* conditions_dkim.c */
    uint64_t dkim;
    struct conf_list dkim_domain;
    /* conditions_dmarc.c */
    uint64_t dmarc;
    uint64_t dmarc_disposition;
    uint64_t dmarc_policy;
    /* conditions_author.c */
    uint64_t author;
    uint64_t display_address;
    struct conf_list author_domain;
    /* conditions_bulk.c */
    bool bulk;
    uint64_t one_click_unsubscribe;
    uint64_t author_aligned;
    /* conditions_list.c */
    bool mailing_list;
    /* conditions_trusted.c */
    struct conf_list trusted_result;
    /* conditions_identity.c */
    bool sender_owned;
    bool author_owned;
    bool sender_header_owned;
    bool reply_to_owned;
    bool resent_owned;
    /* conditions_session.c */
    bool authenticated;
    struct conf_list auth_mechanism;
    int tls_below;
    int64_t cipher_bits_below;
    struct conf_list cert_subject;
    struct conf_list cert_issuer;
    struct conf_list daemon;
    struct conf_list port;
    /* conditions_client.c */
    uint64_t helo;
    uint64_t iprev;
    struct conf_list client_name;
    /* conditions_dnslist.c */
    struct conf_list dnsbl;
    struct conf_list dnswl;
    /* conditions_message.c */
    bool local_sender_unauthenticated;
    int64_t recipients_over;
    int64_t size_over;
    struct conf_list header_missing;
    struct conf_list header_count;
    /* conditions_command.c */
    struct conf_list command;
};

/* A field that a rule adds. */
struct policy_rule_field {
    /* Points into the configuration. */
    struct base_text name;
    struct policy_template *value;
};

struct policy_rule {
    const char *name;
    struct conf_where where;
    const struct policy_rule_options *options;
    enum policy_stage stage;
    enum policy_action action;
    /* Those that were given, in the order in which they are asked. */
    struct policy_rule_condition *conditions;
    size_t condition_count;
    /* Of all of them: bits of enum policy_condition_topic. */
    unsigned topics;
    /* The one that `tempfail-for` is about; NULL: none. Borrowed. */
    const struct policy_rule_condition *waits_for;
    /* `text`, a line each. */
    struct policy_template **lines;
    size_t line_count;
    struct policy_rule_field *fields;
    size_t field_count;
    /* The most telling of them; NULL: none has anything to say. Borrowed. */
    const struct policy_rule_condition *telling;
};

struct policy_rules {
    struct policy_rule *items;
    size_t count;
};

/* The option is an index into the words of `stage`. */
static inline enum policy_stage policy_rule_stage(const struct policy_rule_options *options)
{
    static const enum policy_stage stages[] = {
        POLICY_STAGE_CONNECT, POLICY_STAGE_HELO, POLICY_STAGE_MAIL, POLICY_STAGE_RCPT,
        POLICY_STAGE_DATA,    POLICY_STAGE_EOH,  POLICY_STAGE_EOM,  POLICY_STAGE_UNKNOWN,
    };

    return stages[options->stage];
}

/* The first rule with such an action that holds is the last one at its stage. */
static inline bool policy_rule_decides(enum policy_action action)
{
    return action != POLICY_ACTION_CONTINUE && action < POLICY_ACTION_ADD_HEADER;
}

/* Enforced, for all mail. */
static inline bool policy_rule_is_certain(const struct policy_rule *rule)
{
    return rule->options->mode == POLICY_RULE_ENFORCE && rule->options->enforce_percent == 100;
}

/* A condition on what DMARC says (RFC 9989). */
static inline bool policy_rule_is_about_dmarc(const struct policy_rule *rule)
{
    return (rule->topics & POLICY_TOPIC_DMARC) != 0;
}

/* Whose DNS it waits for when that is down: the author domain's, else that of SPF's identity. */
static inline bool policy_rule_is_about_author(const struct policy_rule *rule)
{
    return rule->waits_for != NULL && (rule->waits_for->row->topics & POLICY_TOPIC_AUTHOR) != 0;
}

/* Which of the two identities (RFC 7208 section 2) `spf-domain` and the reply are about. */
static inline bool policy_rule_is_about_helo(const struct policy_rule *rule)
{
    return rule->stage == POLICY_STAGE_HELO ||
           (rule->topics & (POLICY_TOPIC_HELO_SPF | POLICY_TOPIC_SPF)) == POLICY_TOPIC_HELO_SPF;
}

/* rules_compile.c: the conditions that the section gives, of a rule that is zeroed but for its
 * names; the section's values begin with a struct policy_rule_options. False and *error_r on a
 * fault; deinit in any case. */
__attribute__((warn_unused_result)) bool policy_rule_set_conditions(
    struct policy_rule *rule, const struct conf_section *section, struct base_error *error_r);
void policy_rule_deinit(struct policy_rule *rule);
/* rules.c: all of them hold. May wait for DNS, where their cost says so. */
bool policy_rule_matches(const struct policy_rule *rule, const struct policy_rule_facts *facts);

#endif
