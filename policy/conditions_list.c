/* Conditions on the way that mail took: mailing lists (RFC 2919, RFC 2369). */
#include "policy/conditions.h"
#include "policy/mailing_list.h"
#include "policy/rules-private.h"

static bool matches_mailing_list(const struct policy_rule_condition *condition,
                                 const struct policy_rule_facts *facts)
{
    const struct policy_mailing_list *list = facts->mailing_list(facts->context);

    return list != NULL && policy_mailing_list_is(list) == policy_condition_bool(condition);
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("mailing-list", CONF_BOOL, mailing_list, NULL),
     .known_from = POLICY_STAGE_EOM,
     .directions = 1U << POLICY_DIRECTION_INBOUND,
     .cost = POLICY_COST_DKIM,
     .matches = matches_mailing_list},
};

const struct conf_option_group policy_conditions_list = POLICY_CONDITION_GROUP(rows);
