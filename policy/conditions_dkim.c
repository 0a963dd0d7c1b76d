/* Conditions on signatures (RFC 6376). */
#include <string.h>

#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/dkim/result.h"
#include "policy/domains.h"
#include "policy/idn.h"
#include "policy/rules-private.h"

/* RFC 8601 section 2.7.1. */
static const char *const result_words[] = {"none",    "pass",      "fail",      "policy",
                                           "neutral", "temperror", "permerror", NULL};

static bool matches_result(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const char *word = facts->dkim(facts->context);

    for (unsigned i = 0; word != NULL && result_words[i] != NULL; i++)
        if (strcmp(result_words[i], word) == 0)
            return policy_condition_has_word(condition, i);
    return false;
}

static bool matches_domain(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    return policy_rule_facts_signed_by(facts, condition->compiled);
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

static struct policy_reply dkim_reply(const struct policy_rule_condition *condition,
                                      const struct policy_rule_facts *facts,
                                      struct base_arena *arena)
{
    const char *word = facts->dkim(facts->context);
    struct base_text text = base_text_of(word == NULL ? "none" : word);
    struct policy_reply reply = {"550", "5.7.20", "No passing DKIM signature found"};

    (void)condition;
    if (base_text_equals(text, BASE_TEXT("temperror"))) {
        reply.enhanced = "5.7.5";
        reply.text = "The key of a DKIM signature cannot be had";
    } else if (!base_text_equals(text, BASE_TEXT("none"))) {
        reply.text = base_arena_printf(arena, "DKIM: %s is not accepted here", text.data);
        if (base_text_equals(text, BASE_TEXT("pass")))
            reply.enhanced = "5.7.21";
    }
    return reply;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("dkim-domain", CONF_LIST, dkim_domain, NULL),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DKIM,
     .compile = policy_condition_compile_domains,
     .destroy = policy_condition_destroy_domains,
     .covers_item = policy_condition_covers_domain,
     .matches = matches_domain},
    {.option = POLICY_CONDITION_OPTION("dkim", CONF_WORDS, dkim, result_words),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DKIM,
     .topics = POLICY_TOPIC_AUTHOR,
     .matches = matches_result,
     .reply = dkim_reply,
     .is_passed = is_signed_by_author},
};

const struct conf_option_group policy_conditions_dkim = POLICY_CONDITION_GROUP(rows);
