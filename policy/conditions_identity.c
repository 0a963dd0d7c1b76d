/* Conditions on who may send as whom (policy/identity.h). */
#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/evaluation_identity.h"
#include "policy/rules-private.h"

/* The row's number is the part's. */
static enum policy_identity_part part_of(const struct policy_rule_condition *condition);

static bool matches(const struct policy_rule_condition *condition,
                    const struct policy_rule_facts *facts)
{
    const struct policy_ownership *ownership = facts->owned(facts->context, part_of(condition));

    if (ownership == NULL ||
        (ownership->owned != POLICY_OWNED_YES && ownership->owned != POLICY_OWNED_NO))
        return false;
    return (ownership->owned == POLICY_OWNED_YES) == policy_condition_bool(condition);
}

static struct policy_reply reply(const struct policy_rule_condition *condition,
                                 const struct policy_rule_facts *facts, struct base_arena *arena)
{
    static const char *const what[] = {
        [POLICY_IDENTITY_SENDER] = "Sender address",
        [POLICY_IDENTITY_AUTHOR] = "From address",
        [POLICY_IDENTITY_SENDER_HEADER] = "Address in the Sender field",
        [POLICY_IDENTITY_REPLY_TO] = "Address in Reply-To",
        [POLICY_IDENTITY_RESENT] = "Address of a Resent field",
    };
    enum policy_identity_part part = part_of(condition);
    const struct policy_ownership *ownership = facts->owned(facts->context, part);
    struct policy_reply answer = {"553", "5.7.1", ""};
    const char *address;

    if (ownership == NULL || ownership->owned != POLICY_OWNED_NO) {
        answer.code = "550";
        answer.text = "Refused by local policy";
        return answer;
    }
    address = policy_condition_printable(arena, ownership->address);
    if (ownership->by != NULL)
        answer.text = base_arena_printf(arena, "%s %s belongs to a login: log in to use it",
                                        what[part], address);
    else if (facts->login.length > 0)
        answer.text = base_arena_printf(arena, "%s%s%s does not belong to login %s", what[part],
                                        address[0] == '\0' ? "" : " ", address,
                                        policy_condition_printable(arena, facts->login));
    return answer;
}

#define ROW(name, field, stage, more)                                                             \
    {                                                                                             \
        .option = POLICY_CONDITION_OPTION(name, CONF_BOOL, field, NULL), .known_from = (stage),   \
        .directions = 1U << POLICY_DIRECTION_INBOUND | 1U << POLICY_DIRECTION_OUTBOUND,           \
        .cost = POLICY_COST_LOOKUP, .topics = POLICY_TOPIC_IDENTITY | (more), .matches = matches, \
        .reply = reply                                                                            \
    }

static const struct policy_condition rows[] = {
    [POLICY_IDENTITY_SENDER] = ROW("sender-owned", sender_owned, POLICY_STAGE_MAIL, 0),
    [POLICY_IDENTITY_AUTHOR] =
        ROW("author-owned", author_owned, POLICY_STAGE_EOH, POLICY_TOPIC_AUTHOR_IDENTITY),
    [POLICY_IDENTITY_SENDER_HEADER] =
        ROW("sender-header-owned", sender_header_owned, POLICY_STAGE_EOH, 0),
    [POLICY_IDENTITY_REPLY_TO] = ROW("reply-to-owned", reply_to_owned, POLICY_STAGE_EOH, 0),
    [POLICY_IDENTITY_RESENT] = ROW("resent-owned", resent_owned, POLICY_STAGE_EOH, 0),
};

static enum policy_identity_part part_of(const struct policy_rule_condition *condition)
{
    return (enum policy_identity_part)(condition->row - rows);
}

const struct conf_option_group policy_conditions_identity = POLICY_CONDITION_GROUP(rows);
