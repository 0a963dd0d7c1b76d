/* Conditions on the author domain (RFC 9989 section 4.4: of the From field). */
#include "policy/conditions.h"
#include "policy/domains.h"
#include "policy/rules-private.h"

/* In the order of enum policy_author_outcome. */
static const char *const author_words[] = {"unknown", "one", "multiple", "none", "invalid", NULL};
/* In the order of enum policy_display_address. */
static const char *const display_words[] = {"none", "same", "other-domain", NULL};

static bool matches_author(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    return policy_condition_has_word(condition, facts->author(facts->context));
}

static struct policy_reply author_reply(const struct policy_rule_condition *condition,
                                        const struct policy_rule_facts *facts,
                                        struct base_arena *arena)
{
    (void)condition;
    (void)arena;
    switch (facts->author(facts->context)) {
    case POLICY_AUTHOR_MULTIPLE:
        return (struct policy_reply){"550", "5.7.1",
                                     "The From field has more than one author domain"};
    case POLICY_AUTHOR_NONE:
        return (struct policy_reply){"550", "5.7.1", "The message has no author domain in From"};
    case POLICY_AUTHOR_INVALID:
        return (struct policy_reply){"550", "5.7.1", "The From field cannot be read"};
    case POLICY_AUTHOR_ONE:
    case POLICY_AUTHOR_UNKNOWN:
    default:
        return (struct policy_reply){"550", "5.7.1", "The author is not accepted here"};
    }
}

static bool matches_display_address(const struct policy_rule_condition *condition,
                                    const struct policy_rule_facts *facts)
{
    return facts->author_domain != NULL &&
           policy_condition_has_word(condition, facts->display_address);
}

static bool matches_author_domain(const struct policy_rule_condition *condition,
                                  const struct policy_rule_facts *facts)
{
    return facts->author_domain != NULL &&
           policy_domains_contain(condition->compiled, facts->author_domain);
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("author", CONF_WORDS, author, author_words),
     .known_from = POLICY_STAGE_EOH,
     .is_always_there = true,
     .matches = matches_author,
     .reply = author_reply},
    {.option =
         POLICY_CONDITION_OPTION("display-address", CONF_WORDS, display_address, display_words),
     .known_from = POLICY_STAGE_EOH,
     .matches = matches_display_address},
    {.option = POLICY_CONDITION_OPTION("author-domain", CONF_LIST, author_domain, NULL),
     .known_from = POLICY_STAGE_EOH,
     .compile = policy_condition_compile_domains,
     .destroy = policy_condition_destroy_domains,
     .covers_item = policy_condition_covers_domain,
     .matches = matches_author_domain},
};

const struct conf_option_group policy_conditions_author = POLICY_CONDITION_GROUP(rows);
