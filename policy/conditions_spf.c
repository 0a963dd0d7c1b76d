/* Conditions on SPF (RFC 7208). No mail of a trusted forwarder matches any of them. */
#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/domains.h"
#include "policy/rules-private.h"
#include "policy/spf/spf.h"

/* spf_verdict_text()'s, in its order. */
static const char *const result_words[] = {"none",     "neutral",   "pass",      "fail",
                                           "softfail", "temperror", "permerror", NULL};

static const struct spf_outcome *ask(const struct policy_rule_facts *facts, bool is_helo)
{
    return is_helo ? facts->helo_spf(facts->context) : facts->spf(facts->context);
}

/* First, so that nothing is waited for on behalf of other domains. */
static bool matches_domain(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    struct dns_name domain;

    return !facts->is_trusted_forwarder &&
           facts->spf_domain(facts->context, policy_rule_is_about_helo(condition->rule), &domain) &&
           policy_domains_contain(condition->compiled, &domain);
}

static bool is_same_identity(const struct policy_rule *a, const struct policy_rule *b)
{
    return policy_rule_is_about_helo(a) == policy_rule_is_about_helo(b);
}

static bool matches_result(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct spf_outcome *outcome =
        facts->is_trusted_forwarder
            ? NULL
            : ask(facts, (condition->row->topics & POLICY_TOPIC_HELO_SPF) != 0);

    return outcome != NULL && policy_condition_has_word(condition, outcome->verdict);
}

static bool matches_only_all(const struct policy_rule_condition *condition,
                             const struct policy_rule_facts *facts)
{
    const struct spf_outcome *outcome = facts->is_trusted_forwarder ? NULL : ask(facts, false);

    return outcome != NULL && outcome->is_only_all == policy_condition_bool(condition);
}

static bool is_passed(const struct policy_rule_facts *facts)
{
    const struct spf_outcome *outcome = ask(facts, false);

    return outcome != NULL && outcome->verdict == SPF_VERDICT_PASS;
}

static bool is_helo_passed(const struct policy_rule_facts *facts)
{
    const struct spf_outcome *outcome = ask(facts, true);

    return outcome != NULL && outcome->verdict == SPF_VERDICT_PASS;
}

static const char *fail_text(const struct spf_outcome *outcome, const char *domain,
                             struct base_arena *arena)
{
    if (outcome->explanation.length > 0)
        return base_arena_printf(arena, "SPF: not permitted; explained by %s: %s",
                                 policy_condition_printable(arena, outcome->explanation_domain),
                                 policy_condition_printable(arena, outcome->explanation));
    if (outcome->is_only_all)
        return base_arena_printf(arena, "SPF: the domain %s sends no mail", domain);
    return base_arena_printf(arena, "SPF: %s does not permit this client to send its mail", domain);
}

static struct policy_reply spf_reply(const struct policy_rule_condition *condition,
                                     const struct policy_rule_facts *facts,
                                     struct base_arena *arena)
{
    const struct policy_rule *rule = condition->rule;
    bool is_helo = policy_rule_is_about_helo(rule);
    const struct spf_outcome *outcome = ask(facts, is_helo);
    struct policy_reply reply = {"550", "5.7.23", ""};
    const char *domain;

    if (outcome == NULL)
        return reply;
    domain = policy_condition_printable(arena, outcome->domain);
    /* Fetched only now that it will be said (RFC 7208 section 6.2). */
    if (facts->explain_spf != NULL && rule->action == POLICY_ACTION_REJECT && rule->line_count == 0)
        facts->explain_spf(facts->context, is_helo);
    switch (outcome->verdict) {
    case SPF_VERDICT_TEMPERROR:
    case SPF_VERDICT_PERMERROR:
        reply.enhanced = "5.7.24";
        reply.text = base_arena_printf(arena, "SPF of %s cannot be evaluated: %s", domain,
                                       outcome->reason == NULL ? "an error" : outcome->reason);
        break;
    case SPF_VERDICT_FAIL:
        reply.text = fail_text(outcome, domain, arena);
        break;
    case SPF_VERDICT_NONE:
    case SPF_VERDICT_NEUTRAL:
    case SPF_VERDICT_PASS:
    case SPF_VERDICT_SOFTFAIL:
    default:
        reply.text = base_arena_printf(arena, "SPF: %s for %s is not accepted here",
                                       spf_verdict_text(outcome->verdict), domain);
        break;
    }
    return reply;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("spf-domain", CONF_LIST, spf_domain, NULL),
     .known_from = POLICY_STAGE_HELO,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_LOOKUP,
     .compile = policy_condition_compile_domains,
     .destroy = policy_condition_destroy_domains,
     .covers_item = policy_condition_covers_domain,
     .is_same_fact = is_same_identity,
     .matches = matches_domain,
     .reply = spf_reply},
    {.option = POLICY_CONDITION_OPTION("spf", CONF_WORDS, spf, result_words),
     .known_from = POLICY_STAGE_MAIL,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_SPF,
     .is_constant = true,
     .matches = matches_result,
     .reply = spf_reply,
     .is_passed = is_passed},
    {.option = POLICY_CONDITION_OPTION("helo-spf", CONF_WORDS, helo_spf, result_words),
     .known_from = POLICY_STAGE_HELO,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_HELO_SPF,
     .matches = matches_result,
     .reply = spf_reply,
     .is_passed = is_helo_passed},
    {.option = POLICY_CONDITION_OPTION("spf-only-all", CONF_BOOL, spf_only_all, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_SPF,
     .is_constant = true,
     .matches = matches_only_all,
     .reply = spf_reply},
};

const struct conf_option_group policy_conditions_spf = POLICY_CONDITION_GROUP(rows);
