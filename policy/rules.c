/* Running the rules of a stage: conditions that cost nothing first, those that wait for DNS last.
 */
#include "policy/rules.h"

#include "base/arena.h"
#include "policy/dkim/result.h"
#include "policy/domains.h"
#include "policy/exceptions.h"
#include "policy/idn.h"
#include "policy/rules-private.h"
#include "policy/rules_fields.h"
#include "policy/rules_reply.h"
#include "policy/rules_share.h"

const char *policy_rule_mode_text(enum policy_rule_mode mode)
{
    static const char *const texts[] = {"enforce", "observe", "off"};

    return texts[mode];
}

/* mark, hold-queue and headers happen at end of message, whatever the stage that said so. */
static bool is_latched(enum policy_action action)
{
    return action == POLICY_ACTION_MARK || action == POLICY_ACTION_HOLD_QUEUE ||
           action == POLICY_ACTION_ACCEPT || !policy_rule_decides(action);
}

unsigned policy_rules_deciding_stages(const struct policy_rules *rules)
{
    unsigned stages = 0;

    for (size_t i = 0; i < rules->count; i++)
        if (rules->items[i].options->mode == POLICY_RULE_ENFORCE &&
            (!is_latched(rules->items[i].action) || rules->items[i].options->bypass != 0))
            stages |= 1U << rules->items[i].stage;
    return stages;
}

unsigned policy_rules_topics(const struct policy_rules *rules)
{
    unsigned topics = 0;

    for (size_t i = 0; i < rules->count; i++)
        topics |= rules->items[i].topics;
    return topics;
}

unsigned policy_rules_stages(const struct policy_rules *rules)
{
    unsigned stages = 0;

    for (size_t i = 0; i < rules->count; i++)
        stages |= 1U << rules->items[i].stage;
    return stages;
}

bool policy_rules_have_topic(const struct policy_rules *rules, unsigned topic, bool for_all)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->items[i];

        if ((rule->topics & topic) != 0 &&
            (for_all ? policy_rule_is_certain(rule) : rule->options->mode == POLICY_RULE_ENFORCE))
            return true;
    }
    return false;
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

/* Last of all, so that what is noted has made a difference. */
static bool is_excepted(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    const struct policy_exception *exception;

    if (!policy_rule_is_about_dmarc(rule) || !policy_rule_decides(rule->action) ||
        rule->action == POLICY_ACTION_ACCEPT)
        return false;
    exception = policy_exceptions_find(facts->exceptions, facts);
    if (exception != NULL)
        facts->note_exception(facts->context, exception);
    return exception != NULL;
}

/* The conditions up to that cost. */
static bool matches_up_to(const struct policy_rule *rule, enum policy_condition_cost cost,
                          const struct policy_rule_facts *facts)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_rule_condition *condition = &rule->conditions[i];

        if (condition->row->cost > cost)
            break;
        if (!condition->row->matches(condition, facts))
            return false;
    }
    return true;
}

bool policy_rule_matches(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    return matches_up_to(rule, POLICY_COST_DNS, facts);
}

static bool matches(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    return policy_rule_matches(rule, facts) && !is_excepted(rule, facts);
}

/* The rule waits for DNS to answer again, but not for ever. */
static bool is_over(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    return rule->options->tempfail_for > 0 &&
           !facts->may_hold(facts->context, rule->name, policy_rule_is_about_author(rule),
                            rule->options->tempfail_for);
}

/* A definite "fail" is no proof that DNS has recovered: strangers can have it for the asking, and
 * would hold the owner's mail for longer. */
static void note_pass(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    if (rule->options->tempfail_for > 0 && matches_up_to(rule, POLICY_COST_FREE, facts) &&
        rule->waits_for->row->is_passed(facts))
        facts->end_hold(facts->context, rule->name, policy_rule_is_about_author(rule));
}

/* What happens with a rule that holds. */
struct said {
    enum policy_rule_mode mode;
    bool is_over;
};

static void remember(const struct policy_rule *rule, const struct said *said,
                     struct base_arena *arena, struct policy_rule_hit **hits)
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
    hit->mode = said->mode;
    hit->action = rule->action;
    hit->is_over = said->is_over;
    hit->next = *hits;
    *hits = hit;
}

/* Outside of its share a rule is observed. */
static enum policy_rule_mode mode_of(const struct policy_rule *rule,
                                     const struct policy_rule_facts *facts)
{
    if (rule->options->mode == POLICY_RULE_ENFORCE && !policy_rule_is_in_share(rule, facts))
        return POLICY_RULE_OBSERVE;
    return (enum policy_rule_mode)rule->options->mode;
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
        struct said said = {mode_of(rule, facts), is_over(rule, facts)};

        remember(rule, &said, arena, hits);
        if (facts->note_match != NULL)
            facts->note_match(facts->context, rule->name, rule->stage, said.mode, said.is_over);
        if (said.is_over || said.mode != POLICY_RULE_ENFORCE)
            continue;
        if (policy_rule_decides(rule->action))
            return policy_rule_reply(rule, facts, arena);
        policy_rule_add_fields(rule, facts, arena);
        if (rule->action >= POLICY_ACTION_ADD_SENDER && facts->change_identity != NULL)
            facts->change_identity(facts->context, rule->action, rule->name);
    }
    return NULL;
}

bool policy_rules_need_recipients(const struct policy_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++) {
        const struct policy_rule *rule = &rules->items[i];

        if ((rule->topics & POLICY_TOPIC_RECIPIENTS) != 0 && rule->stage > POLICY_STAGE_RCPT &&
            rule->options->mode == POLICY_RULE_ENFORCE && policy_rule_decides(rule->action) &&
            rule->action != POLICY_ACTION_ACCEPT)
            return true;
    }
    return false;
}

bool policy_rules_count(const struct policy_rules *rules, struct base_text name)
{
    for (size_t i = 0; i < rules->count; i++)
        for (size_t j = 0; j < rules->items[i].condition_count; j++) {
            const struct policy_rule_condition *condition = &rules->items[i].conditions[j];

            if (condition->row->counts != NULL && condition->row->counts(condition, name))
                return true;
        }
    return false;
}

bool policy_rules_replace(const struct policy_rules *rules, struct base_text name)
{
    for (size_t i = 0; i < rules->count; i++) {
        if (rules->items[i].action == POLICY_ACTION_REPLACE_SENDER &&
            base_text_equals_nocase(name, BASE_TEXT("Sender")))
            return true;
        for (size_t j = 0; j < rules->items[i].field_count; j++)
            if (rules->items[i].action == POLICY_ACTION_REPLACE_HEADER &&
                base_text_equals_nocase(rules->items[i].fields[j].name, name))
                return true;
    }
    return false;
}
