/* Conditions on what large mailbox providers require of bulk senders; of outbound mail with one
 * author domain. */
#include "policy/conditions.h"
#include "policy/decision_bulk.h"
#include "policy/rules-private.h"

/* At any provider that the message goes to. */
static bool matches_bulk(const struct policy_rule_condition *condition,
                         const struct policy_rule_facts *facts)
{
    const struct policy_bulk *bulk = facts->bulk(facts->context);
    bool is_bulk = false;

    if (bulk == NULL)
        return false;
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next)
        is_bulk = is_bulk || policy_bulk_count_is_over(it);
    return is_bulk == policy_condition_bool(condition);
}

static bool matches_one_click(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    const struct policy_bulk *bulk = facts->bulk(facts->context);

    return bulk != NULL && policy_condition_has_word(condition, bulk->one_click);
}

static bool matches_aligned(const struct policy_rule_condition *condition,
                            const struct policy_rule_facts *facts)
{
    const struct policy_bulk *bulk = facts->bulk(facts->context);

    return bulk != NULL && policy_condition_has_word(condition, bulk->aligned);
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("one-click-unsubscribe", CONF_WORDS, one_click_unsubscribe,
                                       policy_one_click_words),
     .known_from = POLICY_STAGE_EOH,
     .directions = 1U << POLICY_DIRECTION_OUTBOUND,
     .cost = POLICY_COST_LOOKUP,
     .matches = matches_one_click,
     .fixed_reply = {"550", "5.7.1",
                     "Bulk mail needs one-click unsubscription (RFC 8058), signed"}},
    {.option = POLICY_CONDITION_OPTION("author-aligned", CONF_WORDS, author_aligned,
                                       policy_author_aligned_words),
     .known_from = POLICY_STAGE_EOH,
     .directions = 1U << POLICY_DIRECTION_OUTBOUND,
     .cost = POLICY_COST_LOOKUP,
     .matches = matches_aligned,
     .fixed_reply = {"550", "5.7.1",
                     "The domain in From is not that of the signature and the sender"}},
    {.option = POLICY_CONDITION_OPTION("bulk", CONF_BOOL, bulk, NULL),
     .known_from = POLICY_STAGE_EOH,
     .directions = 1U << POLICY_DIRECTION_OUTBOUND,
     .cost = POLICY_COST_LOOKUP,
     .matches = matches_bulk},
};

const struct conf_option_group policy_conditions_bulk = POLICY_CONDITION_GROUP(rows);
