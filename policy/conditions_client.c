/* Conditions on the client's name: what it says (HELO), and what DNS says (RFC 8601 section 2.7.3).
 */
#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/domains.h"
#include "policy/helo.h"
#include "policy/iprev.h"
#include "policy/rules-private.h"

/* In the order of enum policy_helo_class. */
static const char *const helo_words[] = {"missing", "syntax",        "bare-address", "unqualified",
                                         "literal", "wrong-literal", "own-name",     NULL};
/* In the order of enum policy_iprev_result, and a plainer word for its last. */
static const char *const iprev_words[] = {"pass", "fail", "temperror", "permerror", "none", NULL};

static unsigned helo_classes(const struct policy_rule_facts *facts)
{
    unsigned classes = policy_helo_classes(facts->session.helo, facts->client);

    if (policy_session_facts_is_stranger(&facts->session) &&
        policy_session_facts_is_helo_ours(&facts->session))
        classes |= 1U << POLICY_HELO_OWN_NAME;
    return classes;
}

static bool matches_helo(const struct policy_rule_condition *condition,
                         const struct policy_rule_facts *facts)
{
    unsigned classes = facts->session.is_local_pickup ? 0 : helo_classes(facts);

    for (unsigned i = 0; i < POLICY_HELO_CLASS_COUNT; i++)
        if ((classes & 1U << i) != 0 && policy_condition_has_word(condition, i))
            return true;
    return false;
}

/* Where nothing was said no rule of that stage was run; and a client may authenticate after it. */
static bool is_same_helo(const struct policy_rule *a, const struct policy_rule *b)
{
    return a->stage == b->stage || (a->stage > POLICY_STAGE_HELO && b->stage > POLICY_STAGE_HELO);
}

static struct policy_reply helo_reply(const struct policy_rule_condition *condition,
                                      const struct policy_rule_facts *facts,
                                      struct base_arena *arena)
{
    static const char *const texts[] = {
        "Say HELO or EHLO with the name of your host",
        "HELO is neither a host name nor an address literal",
        "HELO is an address without brackets",
        "HELO is no full host name",
        "HELO is an address literal",
        "HELO is the address literal of another host",
        "HELO is our own name",
    };
    unsigned classes = helo_classes(facts);

    (void)arena;
    for (unsigned i = POLICY_HELO_CLASS_COUNT; i > 0; i--)
        if ((classes & 1U << (i - 1)) != 0 && policy_condition_has_word(condition, i - 1))
            return (struct policy_reply){"550", "5.7.1", texts[i - 1]};
    return (struct policy_reply){"550", "5.7.1", "HELO is not accepted here"};
}

static bool matches_iprev(const struct policy_rule_condition *condition,
                          const struct policy_rule_facts *facts)
{
    const struct policy_iprev *iprev = facts->iprev(facts->context);

    return iprev != NULL && (policy_condition_has_word(condition, iprev->result) ||
                             (iprev->result == POLICY_IPREV_PERMERROR &&
                              policy_condition_has_word(condition, POLICY_IPREV_PERMERROR + 1)));
}

/* RFC 7372 section 3.3. */
static struct policy_reply iprev_reply(const struct policy_rule_condition *condition,
                                       const struct policy_rule_facts *facts,
                                       struct base_arena *arena)
{
    const struct policy_iprev *iprev = facts->iprev(facts->context);

    (void)condition;
    if (iprev == NULL || iprev->reason == NULL)
        return (struct policy_reply){"550", "5.7.25", "Reverse DNS is not accepted here"};
    return (struct policy_reply){"550", "5.7.25",
                                 base_arena_printf(arena, "Reverse DNS: %s", iprev->reason)};
}

static bool matches_client_name(const struct policy_rule_condition *condition,
                                const struct policy_rule_facts *facts)
{
    const struct policy_iprev *iprev = facts->iprev(facts->context);

    for (size_t i = 0; iprev != NULL && i < iprev->count; i++)
        if (policy_domains_contain(condition->compiled, &iprev->names[i]))
            return true;
    return false;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("helo", CONF_WORDS, helo, helo_words),
     .known_from = POLICY_STAGE_HELO,
     .matches = matches_helo,
     .is_same_fact = is_same_helo,
     .reply = helo_reply},
    {.option = POLICY_CONDITION_OPTION("iprev", CONF_WORDS, iprev, iprev_words),
     .known_from = POLICY_STAGE_CONNECT,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_IPREV,
     .matches = matches_iprev,
     .reply = iprev_reply},
    {.option = POLICY_CONDITION_OPTION("client-name", CONF_LIST, client_name, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .cost = POLICY_COST_SPF,
     .topics = POLICY_TOPIC_IPREV,
     .compile = policy_condition_compile_domains,
     .destroy = policy_condition_destroy_domains,
     .matches = matches_client_name,
     .covers_item = policy_condition_covers_domain},
};

const struct conf_option_group policy_conditions_client = POLICY_CONDITION_GROUP(rows);
