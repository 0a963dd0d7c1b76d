#include "policy/rules_contradict.h"

#include <stdio.h>
#include <string.h>

#include "policy/rules-private.h"

/* If the one option asks for nothing but these words, the other cannot hold: asking for nothing but
 * those words, or for anything at all (""). */
static const struct {
    const char *option;
    const char *words;
    const char *other;
    const char *other_words;
} exclusions[] = {
    /* RFC 9989 section 5.4: the owner asks something for a message that fails. */
    {"dmarc", "none pass temperror permerror", "dmarc-disposition", "quarantine reject"},
    {"dmarc", "none", "dmarc-policy", ""},
    /* Section 5.3.1: DMARC is for a message with one author domain. */
    {"author", "unknown multiple none invalid", "dmarc", ""},
    {"author", "unknown multiple none invalid", "dmarc-disposition", ""},
    {"author", "unknown multiple none invalid", "dmarc-policy", ""},
    {"author", "unknown multiple none invalid", "author-domain", ""},
    {"author", "unknown multiple none invalid", "display-address", ""},
    {"author", "unknown multiple none invalid", "bulk", ""},
    {"author", "unknown multiple none invalid", "one-click-unsubscribe", ""},
    {"author", "unknown multiple none invalid", "author-aligned", ""},
    /* Without a login there is no mechanism, and nothing that is its own. */
    {"authenticated", "no", "auth-mechanism", ""},
    {"authenticated", "no", "sender-owned", "yes"},
    {"authenticated", "no", "author-owned", "yes"},
    {"authenticated", "no", "sender-header-owned", "yes"},
    {"authenticated", "no", "reply-to-owned", "yes"},
    {"authenticated", "no", "resent-owned", "yes"},
    /* A login's mail is outbound, whatever else is said of it (direction.c). */
    {"direction", "inbound trusted", "authenticated", "yes"},
    {"direction", "inbound trusted", "sender-owned", "yes"},
    {"direction", "inbound trusted", "author-owned", "yes"},
    {"direction", "inbound trusted", "sender-header-owned", "yes"},
    {"direction", "inbound trusted", "reply-to-owned", "yes"},
    {"direction", "inbound trusted", "resent-owned", "yes"},
    /* And a stranger's is inbound. */
    {"direction", "outbound trusted", "local-sender-unauthenticated", "yes"},
    {"authenticated", "yes", "local-sender-unauthenticated", "yes"},
};

#define ANY_DIRECTION                                                   \
    (1U << POLICY_DIRECTION_INBOUND | 1U << POLICY_DIRECTION_OUTBOUND | \
     1U << POLICY_DIRECTION_TRUSTED)

static const struct policy_rule_condition *find(const struct policy_rule *rule, const char *option)
{
    for (size_t i = 0; i < rule->condition_count; i++)
        if (strcmp(rule->conditions[i].row->option.name, option) == 0)
            return &rule->conditions[i];
    return NULL;
}

static const char *const *words_of(const struct policy_condition *row)
{
    static const char *const bool_words[] = {"no", "yes", NULL};

    return row->option.type == CONF_BOOL ? bool_words : row->option.words;
}

static bool asks_for(const struct policy_rule_condition *condition, unsigned word)
{
    switch (condition->row->option.type) {
    case CONF_BOOL:
        return policy_condition_bool(condition) == (word == 1);
    case CONF_WORD:
        return policy_condition_word(condition) == (int)word;
    default:
        return policy_condition_has_word(condition, word);
    }
}

/* All words that the condition asks for are among these. */
static bool is_within(const struct policy_rule_condition *condition, const char *words)
{
    const char *const *all = words_of(condition->row);

    for (unsigned i = 0; words[0] != '\0' && all[i] != NULL; i++) {
        struct base_text rest = base_text_of(words);
        bool is_among = !asks_for(condition, i);

        while (rest.data != NULL)
            is_among |= base_text_equals(base_text_split(&rest, ' '), base_text_of(all[i]));
        if (!is_among)
            return false;
    }
    return true;
}

static bool is_empty(const struct policy_rule_condition *condition, bool want_files)
{
    const struct conf_list *list = condition->value;

    switch (condition->row->option.type) {
    case CONF_WORDS:
        return *(const uint64_t *)condition->value == 0;
    case CONF_LIST:
        return list->count == 0 && (want_files || !list->has_file);
    default:
        return false;
    }
}

static bool find_empty(const struct policy_rule *rule, bool want_files, char *out, size_t size)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (!is_empty(&rule->conditions[i], want_files))
            continue;
        (void)snprintf(out, size, "`%s` is empty: name one, or take it away",
                       rule->conditions[i].row->option.name);
        return true;
    }
    return false;
}

static bool find_direction(const struct policy_rule *rule, char *out, size_t size)
{
    const struct policy_rule_condition *direction = find(rule, "direction");

    for (size_t i = 0; direction != NULL && i < rule->condition_count; i++) {
        const struct policy_condition *row = rule->conditions[i].row;
        unsigned wanted = 1U << policy_condition_word(direction);

        if (row->directions == 0 || (row->directions & wanted) != 0)
            continue;
        (void)snprintf(
            out, size, "`%s` is not evaluated for %s mail: take it away, or change `direction`",
            row->option.name, direction->row->option.words[policy_condition_word(direction)]);
        return true;
    }
    return false;
}

/* Two conditions, each of mail of other directions. */
static bool find_two_directions(const struct policy_rule *rule, char *out, size_t size)
{
    const struct policy_condition *first = NULL;

    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_condition *row = rule->conditions[i].row;

        if (row->directions == 0)
            continue;
        if (first == NULL)
            first = row;
        if ((first->directions & row->directions) != 0)
            continue;
        (void)snprintf(out, size,
                       "`%s` and `%s` are evaluated for mail of different directions: take one of "
                       "them away",
                       first->option.name, row->option.name);
        return true;
    }
    return false;
}

static bool find_exclusion(const struct policy_rule *rule, char *out, size_t size)
{
    for (size_t i = 0; i < sizeof(exclusions) / sizeof(exclusions[0]); i++) {
        const struct policy_rule_condition *condition = find(rule, exclusions[i].option);
        const struct policy_rule_condition *other = find(rule, exclusions[i].other);

        if (condition == NULL || other == NULL || !is_within(condition, exclusions[i].words) ||
            !is_within(other, exclusions[i].other_words))
            continue;
        (void)snprintf(out, size,
                       "what it asks of `%s` and of `%s` is never so of one message: take one of "
                       "them away",
                       exclusions[i].option, exclusions[i].other);
        return true;
    }
    return false;
}

bool policy_rule_contradicts(const struct policy_rule *rule, bool want_files, char *out,
                             size_t size)
{
    return find_empty(rule, want_files, out, size) || find_direction(rule, out, size) ||
           find_two_directions(rule, out, size) || find_exclusion(rule, out, size);
}

static uint64_t bits_of(const struct policy_condition *row, const char *words)
{
    const char *const *all = words_of(row);
    uint64_t bits = 0;

    for (unsigned i = 0; all[i] != NULL; i++) {
        struct base_text rest = base_text_of(words);

        while (rest.data != NULL)
            if (base_text_equals(base_text_split(&rest, ' '), base_text_of(all[i])))
                bits |= UINT64_C(1) << i;
    }
    return bits;
}

/* Bits of enum policy_direction, whose words they are. */
static unsigned directions_of(const char *words)
{
    for (size_t i = 0; i < policy_condition_count(); i++)
        if (strcmp(policy_condition_at(i)->option.name, "direction") == 0)
            return (unsigned)bits_of(policy_condition_at(i), words);
    return 0;
}

/* What is taken of one of the two by what the rule asks of the other. */
static uint64_t excluded(const struct policy_rule *rule, const struct policy_condition *row,
                         size_t index)
{
    const struct policy_rule_condition *one = find(rule, exclusions[index].option);
    const struct policy_rule_condition *other = find(rule, exclusions[index].other);
    uint64_t bits = 0;

    if (strcmp(row->option.name, exclusions[index].option) == 0 && other != NULL &&
        is_within(other, exclusions[index].other_words))
        bits |= bits_of(row, exclusions[index].words);
    if (strcmp(row->option.name, exclusions[index].other) == 0 && one != NULL &&
        is_within(one, exclusions[index].words))
        bits |= bits_of(row, exclusions[index].other_words);
    return bits;
}

static unsigned possible_directions(const struct policy_rule *rule)
{
    unsigned directions = ANY_DIRECTION;

    for (size_t i = 0; i < rule->condition_count; i++) {
        const struct policy_rule_condition *condition = &rule->conditions[i];

        if (condition->row->directions != 0)
            directions &= condition->row->directions;
        if (strcmp(condition->row->option.name, "direction") == 0)
            directions &= 1U << policy_condition_word(condition);
        for (size_t j = 0; j < sizeof(exclusions) / sizeof(exclusions[0]); j++)
            if (strcmp(exclusions[j].option, "direction") == 0 &&
                strcmp(exclusions[j].other, condition->row->option.name) == 0 &&
                is_within(condition, exclusions[j].other_words))
                directions &= ~directions_of(exclusions[j].words);
    }
    return directions;
}

bool policy_rule_is_idle(const struct policy_rule *rule, char *out, size_t size)
{
    const char *action = policy_action_text(rule->action);
    const struct policy_rule_condition *login = find(rule, "authenticated");
    bool is_outbound = (possible_directions(rule) & 1U << POLICY_DIRECTION_OUTBOUND) != 0;

    if (rule->action == POLICY_ACTION_NO_SIGN && !is_outbound)
        (void)snprintf(out, size,
                       "only outbound mail is signed, and its conditions ask for other mail: take "
                       "the rule away, or change them");
    else if (rule->action != POLICY_ACTION_ADD_SENDER &&
             rule->action != POLICY_ACTION_REPLACE_SENDER)
        return false;
    else if (login != NULL && !policy_condition_bool(login))
        (void)snprintf(out, size,
                       "`%s` names the login, and `authenticated = no` is mail without one: write "
                       "`authenticated = yes`, or take the rule away",
                       action);
    else if (!is_outbound)
        (void)snprintf(out, size,
                       "`%s` names the login, whose mail is outbound, and its conditions ask for "
                       "other mail: take the rule away, or change them",
                       action);
    else
        return false;
    return true;
}

uint64_t policy_rule_possible_words(const struct policy_rule *rule,
                                    const struct policy_condition *row, uint64_t words)
{
    unsigned directions = possible_directions(rule);

    for (size_t i = 0; i < sizeof(exclusions) / sizeof(exclusions[0]); i++)
        words &= ~excluded(rule, row, i);
    if (strcmp(row->option.name, "direction") == 0)
        words &= directions;
    if (strcmp(row->option.name, "authenticated") == 0 &&
        (directions & 1U << POLICY_DIRECTION_OUTBOUND) == 0)
        words &= ~UINT64_C(2);
    return words;
}
