/* Conditions on a command that the MTA does not know. Which ones it hands on differs
 * (postseal.conf(5)).
 */
#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/rules-private.h"

/* The first word of what the client said; Postfix hands on no more than that. */
static struct base_text verb(struct base_text command)
{
    struct base_text rest = base_text_trim(command);

    return base_text_split(&rest, ' ');
}

static bool matches_command(const struct policy_rule_condition *condition,
                            const struct policy_rule_facts *facts)
{
    const struct conf_list *list = condition->value;

    for (size_t i = 0; i < list->count; i++)
        if (base_text_equals_nocase(base_text_of(list->items[i].text), verb(facts->command)))
            return true;
    return false;
}

/* RFC 5321 section 4.2.4. */
static struct policy_reply command_reply(const struct policy_rule_condition *condition,
                                         const struct policy_rule_facts *facts,
                                         struct base_arena *arena)
{
    (void)condition;
    return (struct policy_reply){
        "502", "5.5.1",
        base_arena_printf(arena, "%s is not for you",
                          policy_condition_printable(arena, verb(facts->command)))};
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("command", CONF_LIST, command, NULL),
     .known_from = POLICY_STAGE_UNKNOWN,
     .matches = matches_command,
     .reply = command_reply},
};

const struct conf_option_group policy_conditions_command = POLICY_CONDITION_GROUP(rows);
