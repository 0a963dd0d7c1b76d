/* Conditions on DNS lists that the client's address is on. */
#include "policy/conditions_dnslist.h"

#include "base/arena.h"
#include "conf/conf.h"
#include "policy/conditions.h"
#include "policy/dnslist.h"
#include "policy/networks.h"
#include "policy/rules-private.h"
#include "policy/rules_compile.h"

/* The first of the lists that the client is on; NULL: none. Later ones are not waited for. */
static const struct policy_dnslist_outcome *find_hit(const struct policy_rule_condition *condition,
                                                     const struct policy_rule_facts *facts,
                                                     bool is_allowing)
{
    const struct conf_list *list = condition->value;

    for (size_t i = 0; i < list->count; i++) {
        const struct policy_dnslist_outcome *outcome =
            facts->dnslist(facts->context, list->items[i].text, is_allowing);

        if (outcome != NULL && outcome->result == POLICY_DNSLIST_HIT)
            return outcome;
    }
    return NULL;
}

static bool matches_dnsbl(const struct policy_rule_condition *condition,
                          const struct policy_rule_facts *facts)
{
    return find_hit(condition, facts, false) != NULL;
}

static bool matches_dnswl(const struct policy_rule_condition *condition,
                          const struct policy_rule_facts *facts)
{
    return find_hit(condition, facts, true) != NULL;
}

static struct policy_reply dnsbl_reply(const struct policy_rule_condition *condition,
                                       const struct policy_rule_facts *facts,
                                       struct base_arena *arena)
{
    const struct policy_dnslist_outcome *hit = find_hit(condition, facts, false);
    char address[64] = "";
    const char *text;

    if (hit == NULL || facts->client == NULL)
        return (struct policy_reply){"550", "5.7.1", "Client address is listed"};
    policy_client_text(facts->client, address, sizeof(address));
    if (hit->text.length == 0)
        text = base_arena_printf(arena, "Client address [%s] is listed by %s", address, hit->zone);
    else
        text = base_arena_printf(arena, "Client address [%s] is listed by %s: %s", address,
                                 hit->zone, policy_condition_printable(arena, hit->text));
    return (struct policy_reply){"550", "5.7.1", text};
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("dnsbl", CONF_LIST, dnsbl, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_CLIENT_DNS,
     .matches = matches_dnsbl,
     .reply = dnsbl_reply},
    {.option = POLICY_CONDITION_OPTION("dnswl", CONF_LIST, dnswl, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_CLIENT_DNS,
     .matches = matches_dnswl},
};

const struct conf_option_group policy_conditions_dnslist = POLICY_CONDITION_GROUP(rows);

static bool use_lists(struct policy_dnslists *lists, const struct conf_list *names,
                      bool is_allowing, bool is_on, struct base_error *error_r)
{
    const char *kind = is_allowing ? "dnswl" : "dnsbl";
    size_t index;

    for (size_t i = 0; i < names->count; i++) {
        if (!policy_dnslists_find(lists, names->items[i].text, is_allowing, &index)) {
            conf_error_at(error_r, names->items[i].where,
                          "`%s`: there is no list \"%s\": add `%s \"%s\" { }`", kind,
                          names->items[i].text, kind, names->items[i].text);
            return false;
        }
        if (is_on)
            policy_dnslist_use(policy_dnslists_at(lists, index));
    }
    return true;
}

bool policy_conditions_use_dnslists(const struct conf_snapshot *conf, struct policy_dnslists *lists,
                                    struct base_error *error_r)
{
    for (size_t i = 0; i < conf_snapshot_count(conf, &policy_rule_table); i++) {
        const struct policy_rule_options *options =
            conf_snapshot_at(conf, &policy_rule_table, i)->values;
        bool is_on = options->mode != POLICY_RULE_OFF;

        if (!use_lists(lists, &options->dnsbl, false, is_on, error_r) ||
            !use_lists(lists, &options->dnswl, true, is_on, error_r))
            return false;
    }
    return true;
}
