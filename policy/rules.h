/* Running the administrator's rules: `rule "name" { stage = ... conditions ... action = ... }`,
 * compiled once and shared by threads. The conditions within a rule are ANDed, the values of one
 * are ORed; the first rule that matches with mode = enforce decides; observe only counts and is
 * recorded. What a stage does not know yet, and what it cannot do, is an error at load. */
#ifndef POLICY_RULES_H
#define POLICY_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/decision.h"
#include "policy/identity.h"
#include "policy/session_facts.h"
#include "policy/template.h"
#include "policy/verdict.h"

struct base_arena;
struct dkim_verdicts;
struct dmarc_outcome;
struct dns_name;
struct policy_address;
struct policy_authres_trusted;
struct policy_bulk;
struct policy_client;
struct policy_dnslist_outcome;
struct policy_domains;
struct policy_exception;
struct policy_exceptions;
struct policy_iprev;
struct policy_mailing_list;
struct policy_rules;
struct spf_outcome;

enum policy_rule_mode {
    POLICY_RULE_ENFORCE,
    POLICY_RULE_OBSERVE,
    POLICY_RULE_OFF,
};

/* "enforce", "observe", "off". */
const char *policy_rule_mode_text(enum policy_rule_mode mode);

/* What rules ask, answered by the session; the lazy ones may wait for DNS. A NULL result: that fact
 * is not there (no client address, trusted direction, ...), and no condition on it matches. */
struct policy_rule_facts {
    enum policy_direction direction;
    /* What is known of the session and of the message so far. */
    struct policy_session_facts session;
    const struct policy_client *client;
    /* Of MAIL; NULL before. */
    const struct policy_address *sender;
    /* Who authenticated; empty: nobody. */
    struct base_text login;
    /* NULL: nothing says who owns what. */
    const struct policy_ownership *(*owned)(void *context, enum policy_identity_part part);
    /* At RCPT the one recipient, else NULL; and those that were accepted so far. */
    const struct policy_address *recipient;
    const struct policy_recipient *recipients;
    void *context;
    const struct spf_outcome *(*spf)(void *context);
    const struct spf_outcome *(*helo_spf)(void *context);
    /* The domain of either, without evaluating it; false: none. */
    bool (*spf_domain)(void *context, bool is_helo, struct dns_name *domain_r);
    /* Fetches the explanation into a fail of either; NULL: replies do without. */
    void (*explain_spf)(void *context, bool is_helo);
    /* The client is in `trusted-forwarders`: no condition on SPF matches. */
    bool is_trusted_forwarder;
    /* The best of the signatures: one of the words of `dkim`, RFC 8601 section 2.7.1; NULL: DKIM
     * was not evaluated. */
    const char *(*dkim)(void *context);
    /* Each of the signatures; NULL: DKIM was not evaluated. */
    const struct dkim_verdicts *(*signatures)(void *context);
    const struct dmarc_outcome *(*dmarc)(void *context);
    enum policy_author_outcome (*author)(void *context);
    /* NULL: not exactly one, or the header is not known yet. */
    const struct dns_name *author_domain;
    /* The client's names; NULL: it has no address. */
    const struct policy_iprev *(*iprev)(void *context);
    /* Whether it is on that list; NULL: the like, or there is no such list. */
    const struct policy_dnslist_outcome *(*dnslist)(void *context, const char *zone,
                                                    bool is_allowing);
    const struct policy_mailing_list *(*mailing_list)(void *context);
    /* Of outbound mail, as a bulk sender's; NULL: it is none, or has not one author domain. */
    const struct policy_bulk *(*bulk)(void *context);
    /* What other servers of ours found; NULL: nothing, or the header is not known yet. */
    const struct policy_authres_trusted *trusted_results;
    /* Mail that no rule about DMARC refuses or marks; told when one of them does not. */
    const struct policy_exceptions *exceptions;
    void (*note_exception)(void *context, const struct policy_exception *exception);
    /* A rule matched, be it only observed; `is_over` as in struct policy_rule_hit. May be NULL. */
    void (*note_match)(void *context, const char *rule, enum policy_stage stage,
                       enum policy_rule_mode mode, bool is_over);
    /* `tempfail-for`: whether that rule may go on to tempfail mail of the domain whose DNS is down,
     * the author's or else the reverse-path's; and that the domain has passed, which ends it. */
    bool (*may_hold)(void *context, const char *rule, bool is_about_author, int64_t limit_ms);
    void (*end_hold)(void *context, const char *rule, bool is_about_author);
    /* Only where there is an author domain. */
    enum policy_display_address display_address;
    /* For the texts of rules, but for `rule` and, at RCPT, `recipient`; {NULL, 0} where a fact is
     * not there. May wait for DNS. NULL: no facts. */
    struct base_text (*expand)(void *context, enum policy_expansion expansion);
    /* At stage unknown: the command; {NULL, 0} elsewhere. */
    struct base_text command;
    /* Called with the fields of rules that add some, in their order; `name` is borrowed from the
     * rules, another one for each field, `value` lives in the arena of policy_rules_decide(). May
     * be NULL. */
    void (*add_field)(void *context, const char *rule, struct base_text name,
                      struct base_text value, bool is_replacement);
    /* Called with the actions add-sender, replace-sender and no-sign; `rule` is borrowed from the
     * rules. May be NULL. */
    void (*change_identity)(void *context, enum policy_action action, const char *rule);
};

/* A signature of one of `domains` passed and covers the whole body. May wait for DNS. */
bool policy_rule_facts_signed_by(const struct policy_rule_facts *facts,
                                 const struct policy_domains *domains);

/* What the rules of one stage said. */
struct policy_rule_hit {
    /* Borrowed from the rules. */
    const char *name;
    enum policy_stage stage;
    enum policy_rule_mode mode;
    enum policy_action action;
    /* It would have matched, but has tempfailed mail of this domain for `tempfail-for` by now. */
    bool is_over;
    struct policy_rule_hit *next;
};

/* Bit 1 << stage: there are rules at that stage which may answer something there (enforced ones
 * whose action is not latched to end of message). */
unsigned policy_rules_deciding_stages(const struct policy_rules *rules);
/* Bit 1 << stage: there are rules, in any mode but off. */
unsigned policy_rules_stages(const struct policy_rules *rules);

/* There is an enforced rule with a condition of that topic (policy/conditions.h); `for_all`: one
 * that is enforced for all mail. */
bool policy_rules_have_topic(const struct policy_rules *rules, unsigned topic, bool for_all);
/* Bits of enum policy_condition_topic (conditions.h) of all rules, in any mode but off. */
unsigned policy_rules_topics(const struct policy_rules *rules);
/* Whether an enforced rule behind RCPT refuses or marks by who the recipients are. */
bool policy_rules_need_recipients(const struct policy_rules *rules);
/* Whether a rule counts the fields of that name. */
bool policy_rules_count(const struct policy_rules *rules, struct base_text name);
/* Whether a rule may replace the fields of that name. */
bool policy_rules_replace(const struct policy_rules *rules, struct base_text name);

/* Runs the rules of `stage`. The verdict lives in `arena`; NULL: no rule decided. Rules that
 * matched, observed ones and those whose
 * time is over too, are put before *hits, each once. */
const struct policy_verdict *policy_rules_decide(const struct policy_rules *rules,
                                                 enum policy_stage stage,
                                                 const struct policy_rule_facts *facts,
                                                 struct base_arena *arena,
                                                 struct policy_rule_hit **hits);

#endif
