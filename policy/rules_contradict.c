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
    /* Without a login there is no mechanism, and nothing that is its own. */
    {"authenticated", "no", "auth-mechanism", ""},
    {"authenticated", "no", "sender-owned", "yes"},
    {"authenticated", "no", "author-owned", "yes"},
    {"authenticated", "no", "sender-header-owned", "yes"},
    {"authenticated", "no", "reply-to-owned", "yes"},
    {"authenticated", "no", "resent-owned", "yes"},
};

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
    return condition->row->option.type == CONF_BOOL
               ? policy_condition_bool(condition) == (word == 1)
               : policy_condition_has_word(condition, word);
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

static bool is_empty(const struct policy_rule_condition *condition)
{
    switch (condition->row->option.type) {
    case CONF_WORDS:
        return *(const uint64_t *)condition->value == 0;
    case CONF_LIST:
        return ((const struct conf_list *)condition->value)->count == 0;
    default:
        return false;
    }
}

static bool find_empty(const struct policy_rule *rule, char *out, size_t size)
{
    for (size_t i = 0; i < rule->condition_count; i++) {
        if (!is_empty(&rule->conditions[i]))
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

bool policy_rule_contradicts(const struct policy_rule *rule, char *out, size_t size)
{
    return find_empty(rule, out, size) || find_direction(rule, out, size) ||
           find_exclusion(rule, out, size);
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

uint64_t policy_rule_possible_words(const struct policy_rule *rule,
                                    const struct policy_condition *row, uint64_t words)
{
    for (size_t i = 0; i < sizeof(exclusions) / sizeof(exclusions[0]); i++) {
        const struct policy_rule_condition *other = find(rule, exclusions[i].other);

        if (strcmp(row->option.name, exclusions[i].option) == 0 && other != NULL &&
            is_within(other, exclusions[i].other_words))
            words &= ~bits_of(row, exclusions[i].words);
    }
    for (size_t i = 0; i < rule->condition_count; i++)
        if (strcmp(row->option.name, "direction") == 0 && rule->conditions[i].row->directions != 0)
            words &= rule->conditions[i].row->directions;
    return words;
}
