/* Running the rules of a stage: conditions that cost nothing first, those that wait for DNS last.
 */
#include "policy/rules.h"

#include <string.h>

#include "base/arena.h"
#include "policy/address.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/domains.h"
#include "policy/exceptions.h"
#include "policy/idn.h"
#include "policy/mailing_list.h"
#include "policy/networks.h"
#include "policy/rules-private.h"
#include "policy/rules_reply.h"
#include "policy/spf/spf.h"

const char *policy_rule_mode_text(enum policy_rule_mode mode)
{
    static const char *const texts[] = {"enforce", "observe", "off"};

    return texts[mode];
}

/* mark, hold-queue and headers happen at end of message, whatever the stage that said so. */
static bool is_latched(enum policy_action action)
{
    return action == POLICY_ACTION_MARK || action == POLICY_ACTION_HOLD_QUEUE ||
           action == POLICY_ACTION_CONTINUE || action == POLICY_ACTION_ACCEPT;
}

unsigned policy_rules_deciding_stages(const struct policy_rules *rules)
{
    unsigned stages = 0;

    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].options->mode == POLICY_RULE_ENFORCE &&
            !is_latched(rules->items[i].action))
            stages |= 1U << rules->items[i].stage;
    return stages;
}

unsigned policy_rules_stages(const struct policy_rules *rules)
{
    unsigned stages = 0;

    for (size_t i = 0; i < rules->count; i++)
        stages |= 1U << rules->items[i].stage;
    return stages;
}

static bool matches_recipient(const struct policy_rule *rule, const struct policy_address *address)
{
    for (size_t i = 0; i < rule->recipient_count; i++) {
        const struct policy_rule_recipient *wanted = &rule->recipients[i];

        if (address->kind == POLICY_ADDRESS_DOMAIN &&
            dns_name_equals(&address->domain, &wanted->domain) &&
            (wanted->local.data == NULL || policy_address_is_local_part(address, wanted->local)))
            return true;
    }
    return false;
}

static bool matches_recipients(const struct policy_rule *rule,
                               const struct policy_rule_facts *facts)
{
    if (facts->recipient != NULL)
        return matches_recipient(rule, facts->recipient);
    for (const struct policy_recipient *it = facts->recipients; it != NULL; it = it->next) {
        struct policy_address address;

        (void)policy_address_parse(it->address, &address);
        if (matches_recipient(rule, &address))
            return true;
    }
    return false;
}

/* What is known without asking anybody. */
static bool matches_envelope(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    if (policy_rule_has(rule, POLICY_RULE_HAS_DIRECTION) &&
        (int)facts->direction != rule->options->direction)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_CLIENT_NET) &&
        (facts->client == NULL || !policy_networks_contain(rule->client_net, facts->client)))
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_SENDER_DOMAIN) &&
        (facts->sender == NULL || facts->sender->kind != POLICY_ADDRESS_DOMAIN ||
         !policy_domains_contain(rule->sender_domain, &facts->sender->domain)))
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_RECIPIENT) && !matches_recipients(rule, facts))
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_AUTHOR) &&
        (rule->options->author & UINT64_C(1) << facts->author(facts->context)) == 0)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_DISPLAY_ADDRESS) &&
        (facts->author_domain == NULL ||
         (rule->options->display_address & UINT64_C(1) << facts->display_address) == 0))
        return false;
    return !policy_rule_has(rule, POLICY_RULE_HAS_AUTHOR_DOMAIN) ||
           (facts->author_domain != NULL &&
            policy_domains_contain(rule->author_domain, facts->author_domain));
}

static bool has_spf_condition(const struct policy_rule *rule)
{
    return policy_rule_has(rule, POLICY_RULE_HAS_SPF) ||
           policy_rule_has(rule, POLICY_RULE_HAS_HELO_SPF) ||
           policy_rule_has(rule, POLICY_RULE_HAS_SPF_ONLY_ALL) ||
           policy_rule_has(rule, POLICY_RULE_HAS_SPF_DOMAIN);
}

/* First, so that nothing is waited for on behalf of other domains. */
static bool matches_spf_domain(const struct policy_rule *rule,
                               const struct policy_rule_facts *facts)
{
    struct dns_name domain;

    return facts->spf_domain(facts->context, policy_rule_is_about_helo(rule), &domain) &&
           policy_domains_contain(rule->spf_domain, &domain);
}

static bool matches_spf(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const struct spf_outcome *outcome;

    if (!has_spf_condition(rule))
        return true;
    if (facts->is_trusted_forwarder)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_SPF_DOMAIN) && !matches_spf_domain(rule, facts))
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_HELO_SPF)) {
        outcome = facts->helo_spf(facts->context);
        if (outcome == NULL || (rule->options->helo_spf & UINT64_C(1) << outcome->verdict) == 0)
            return false;
    }
    if (!policy_rule_has(rule, POLICY_RULE_HAS_SPF) &&
        !policy_rule_has(rule, POLICY_RULE_HAS_SPF_ONLY_ALL))
        return true;
    outcome = facts->spf(facts->context);
    if (outcome == NULL)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_SPF) &&
        (rule->options->spf & UINT64_C(1) << outcome->verdict) == 0)
        return false;
    return !policy_rule_has(rule, POLICY_RULE_HAS_SPF_ONLY_ALL) ||
           outcome->is_only_all == rule->options->spf_only_all;
}

/* What vouches for the message is what was signed: not a body that somebody added to. */
bool policy_rule_facts_signed_by(const struct policy_rule_facts *facts,
                                 const struct policy_domains *domains)
{
    const struct dkim_verdicts *verdicts = facts->signatures(facts->context);

    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        struct dns_name domain;

        if (dkim_verdict_is_creditable(&verdicts->items[i]) &&
            policy_idn_to_name(verdicts->items[i].domain, &domain) &&
            policy_domains_contain(domains, &domain))
            return true;
    }
    return false;
}

static bool matches_dkim(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const char *word;

    if (policy_rule_has(rule, POLICY_RULE_HAS_DKIM_DOMAIN) &&
        !policy_rule_facts_signed_by(facts, rule->dkim_domain))
        return false;
    if (!policy_rule_has(rule, POLICY_RULE_HAS_DKIM))
        return true;
    word = facts->dkim(facts->context);
    for (unsigned i = 0; word != NULL && policy_rule_dkim_words[i] != NULL; i++)
        if (strcmp(policy_rule_dkim_words[i], word) == 0)
            return (rule->options->dkim & UINT64_C(1) << i) != 0;
    return false;
}

static bool matches_dmarc(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *outcome;

    if (!policy_rule_is_about_dmarc(rule))
        return true;
    outcome = facts->dmarc(facts->context);
    if (outcome == NULL)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_DMARC) &&
        (rule->options->dmarc & UINT64_C(1) << outcome->result) == 0)
        return false;
    if (policy_rule_has(rule, POLICY_RULE_HAS_DMARC_POLICY) &&
        (!outcome->has_record ||
         (rule->options->dmarc_policy & UINT64_C(1) << outcome->policy) == 0))
        return false;
    return !policy_rule_has(rule, POLICY_RULE_HAS_DMARC_DISPOSITION) ||
           (rule->options->dmarc_disposition & UINT64_C(1) << outcome->disposition) != 0;
}

static bool matches_mailing_list(const struct policy_rule *rule,
                                 const struct policy_rule_facts *facts)
{
    const struct policy_mailing_list *list;

    if (!policy_rule_has(rule, POLICY_RULE_HAS_MAILING_LIST))
        return true;
    list = facts->mailing_list(facts->context);
    return list != NULL && policy_mailing_list_is(list) == rule->options->mailing_list;
}

/* Last of all, so that what is noted has made a difference. */
static bool is_excepted(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const struct policy_exception *exception;

    if (!policy_rule_is_about_dmarc(rule) || rule->action == POLICY_ACTION_CONTINUE ||
        rule->action == POLICY_ACTION_ACCEPT)
        return false;
    exception = policy_exceptions_find(facts->exceptions, facts);
    if (exception != NULL)
        facts->note_exception(facts->context, exception);
    return exception != NULL;
}

static bool matches(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    return matches_envelope(rule, facts) && matches_spf(rule, facts) && matches_dkim(rule, facts) &&
           matches_dmarc(rule, facts) && matches_mailing_list(rule, facts) &&
           !is_excepted(rule, facts);
}

/* The rule waits for DNS to answer again, but not for ever. */
static bool is_over(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    return rule->options->tempfail_for > 0 &&
           !facts->may_hold(facts->context, rule->name, policy_rule_is_about_author(rule),
                            rule->options->tempfail_for);
}

/* The author's domain, or one above or below it, and not just anybody who signs. */
static bool is_signed_by_author(const struct policy_rule_facts *facts)
{
    const struct dkim_verdicts *verdicts = facts->signatures(facts->context);

    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        struct dns_name domain;

        if (facts->author_domain != NULL && dkim_verdict_is_creditable(&verdicts->items[i]) &&
            policy_idn_to_name(verdicts->items[i].domain, &domain) &&
            (dns_name_is_within(facts->author_domain, &domain) ||
             dns_name_is_within(&domain, facts->author_domain)))
            return true;
    }
    return false;
}

/* What the rule asks about has passed. A definite "fail" is no proof that DNS has recovered:
 * strangers can have it for the asking, and would hold the owner's mail for longer. */
static bool is_passed(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *dmarc;
    const struct spf_outcome *spf;

    if (policy_rule_has(rule, POLICY_RULE_HAS_DMARC)) {
        dmarc = facts->dmarc(facts->context);
        return dmarc != NULL && dmarc->result == DMARC_RESULT_PASS;
    }
    if (policy_rule_has(rule, POLICY_RULE_HAS_DKIM))
        return is_signed_by_author(facts);
    spf = policy_rule_has(rule, POLICY_RULE_HAS_SPF) ? facts->spf(facts->context)
                                                     : facts->helo_spf(facts->context);
    return spf != NULL && spf->verdict == SPF_VERDICT_PASS;
}

static void note_pass(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    if (rule->options->tempfail_for > 0 && matches_envelope(rule, facts) && is_passed(rule, facts))
        facts->end_hold(facts->context, rule->name, policy_rule_is_about_author(rule));
}

static void remember(const struct policy_rule *rule, bool is_rule_over, struct base_arena *arena,
                     struct policy_rule_hit **hits)
{
    struct policy_rule_hit *hit;

    /* Once a message, however many recipients it holds for. */
    for (hit = *hits; hit != NULL; hit = hit->next)
        if (hit->name == rule->name)
            return;
    hit = base_arena_alloc(arena, sizeof(*hit));
    if (hit == NULL)
        return;
    hit->name = rule->name;
    hit->stage = rule->stage;
    hit->mode = (enum policy_rule_mode)rule->options->mode;
    hit->action = rule->action;
    hit->is_over = is_rule_over;
    hit->next = *hits;
    *hits = hit;
}

const struct policy_verdict *policy_rules_decide(const struct policy_rules *rules,
                                                 enum policy_stage stage,
                                                 const struct policy_rule_facts *facts,
                                                 struct base_arena *arena,
                                                 struct policy_rule_hit **hits)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->items[i];

        if (rule->stage != stage)
            continue;
        if (!matches(rule, facts)) {
            note_pass(rule, facts);
            continue;
        }
        bool is_rule_over = is_over(rule, facts);

        remember(rule, is_rule_over, arena, hits);
        if (is_rule_over || rule->options->mode != POLICY_RULE_ENFORCE ||
            rule->action == POLICY_ACTION_CONTINUE)
            continue;
        return policy_rule_reply(rule, facts, arena);
    }
    return NULL;
}
