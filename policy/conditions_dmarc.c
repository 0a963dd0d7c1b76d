/* Conditions on DMARC (RFC 9989). */
#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/dmarc/dmarc.h"
#include "policy/rules-private.h"

/* dmarc_result_text()'s, in its order. */
static const char *const result_words[] = {"none", "pass", "fail", "temperror", "permerror", NULL};
static const char *const policy_words[] = {"none", "quarantine", "reject", NULL};

static bool matches_result(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);

    return outcome != NULL && policy_condition_has_word(condition, outcome->result);
}

static bool matches_policy(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);

    return outcome != NULL && outcome->has_record &&
           policy_condition_has_word(condition, outcome->policy);
}

static bool matches_disposition(const struct policy_rule_condition *condition,
                                const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);

    return outcome != NULL && policy_condition_has_word(condition, outcome->disposition);
}

static bool is_passed(const struct policy_rule_facts *facts)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);

    return outcome != NULL && outcome->result == DMARC_RESULT_PASS;
}

static struct policy_reply dmarc_reply(const struct policy_rule_condition *condition,
                                       const struct policy_rule_facts *facts,
                                       struct base_arena *arena)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);
    struct policy_reply reply = {"550", "5.7.26", ""};

    (void)condition;
    if (outcome == NULL)
        return reply;
    if (outcome->result == DMARC_RESULT_TEMPERROR) {
        reply.enhanced = "5.7.5";
        reply.text = base_arena_printf(arena, "DMARC of %s cannot be evaluated: %s",
                                       outcome->author_domain.text,
                                       outcome->reason == NULL ? "an error" : outcome->reason);
    } else if (outcome->result == DMARC_RESULT_FAIL) {
        reply.text = base_arena_printf(
            arena, "DMARC: this message is not authenticated as %s, whose policy is %s",
            outcome->author_domain.text, dmarc_policy_text(outcome->disposition));
    } else {
        reply.text =
            base_arena_printf(arena, "DMARC: %s for %s is not accepted here",
                              dmarc_result_text(outcome->result), outcome->author_domain.text);
    }
    return reply;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("dmarc", CONF_WORDS, dmarc, result_words),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DMARC,
     .topics = POLICY_TOPIC_DMARC | POLICY_TOPIC_AUTHOR,
     .matches = matches_result,
     .reply = dmarc_reply,
     .is_passed = is_passed},
    {.option = POLICY_CONDITION_OPTION("dmarc-policy", CONF_WORDS, dmarc_policy, policy_words),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DMARC,
     .topics = POLICY_TOPIC_DMARC | POLICY_TOPIC_AUTHOR,
     .matches = matches_policy,
     .reply = dmarc_reply},
    {.option =
         POLICY_CONDITION_OPTION("dmarc-disposition", CONF_WORDS, dmarc_disposition, policy_words),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DMARC,
     .topics = POLICY_TOPIC_DMARC | POLICY_TOPIC_AUTHOR,
     .matches = matches_disposition,
     .reply = dmarc_reply},
};

const struct conf_option_group policy_conditions_dmarc = POLICY_CONDITION_GROUP(rows);
