/* The conditions that a rule may have: one row each, in a file a group.
 *
 * To add one:
 *  1. a field in struct policy_rule_options (rules-private.h);
 *  2. a row in the group's file (conditions_GROUP.c): option, stage, cost, matches(), and compile()
 *     with destroy() where the value wants preparing. A new group is a new file with its
 *     `const struct conf_option_group policy_conditions_GROUP`, declared below and named in
 *     policy_conditions[] (conditions.c), and a line in Makefile.am;
 *  3. what it asks about, if the facts do not have it yet: a member of struct policy_rule_facts
 *     (rules.h), filled in by stage_rules.c; a function if finding out costs anything;
 *  4. its paragraph in postseal.conf(5) and its mention in the sample: a test compares them.
 * Nothing else knows the conditions by name. */
#ifndef POLICY_CONDITIONS_H
#define POLICY_CONDITIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "conf/conf.h"
#include "policy/verdict.h"

struct base_arena;
struct base_buf;
struct policy_options;
struct policy_rule;
struct policy_rule_condition;
struct policy_rule_facts;

/* In which order the conditions of a rule are asked: the next one only if the ones before it held.
 */
enum policy_condition_cost {
    /* The envelope and the session: always at hand. */
    POLICY_COST_FREE,
    /* To be read out of the message, or looked up in a file. */
    POLICY_COST_LOOKUP,
    /* These wait for DNS: SPF, then signatures, then what needs both, then other lists. */
    POLICY_COST_SPF,
    POLICY_COST_DKIM,
    POLICY_COST_DMARC,
    POLICY_COST_DNS,
};

/* What else than its own match a condition means to its rule; bits. */
enum policy_condition_topic {
    /* `exception` blocks hold for it. */
    POLICY_TOPIC_DMARC = 1,
    /* It waits for the DNS of the author's domain, not for that of SPF's identity. */
    POLICY_TOPIC_AUTHOR = 2,
    /* SPF of MAIL FROM, SPF of HELO (RFC 7208 section 2). */
    POLICY_TOPIC_SPF = 4,
    POLICY_TOPIC_HELO_SPF = 8,
    /* Who may send as whom; and of the author. */
    POLICY_TOPIC_IDENTITY = 16,
    POLICY_TOPIC_AUTHOR_IDENTITY = 32,
    /* DNS is asked about the client: its names, or lists. */
    POLICY_TOPIC_IPREV = 64,
    POLICY_TOPIC_CLIENT_DNS = 128,
    /* The MTA's port is asked for. */
    POLICY_TOPIC_PORT = 256,
    /* The recipients, one by one. */
    POLICY_TOPIC_RECIPIENTS = 512,
};

/* What the client is told. Texts are static or in the arena handed in. */
struct policy_reply {
    const char *code;
    const char *enhanced;
    const char *text;
};

/* A row. Static const; members that are not set do nothing. */
struct policy_condition {
    /* First. Its words, its type; the offset is that of struct policy_rule_options. */
    struct conf_option option;
    /* The first stage that knows the fact. */
    enum policy_stage known_from;
    enum policy_condition_cost cost;
    unsigned topics;
    /* Prepares `value` (the option's field) when the configuration is read. NULL and *error_r on a
     * fault; what is returned belongs to the rule, which gives it to destroy(). */
    void *(*compile)(const struct policy_condition *condition, const void *value,
                     struct base_error *error_r);
    void (*destroy)(void *compiled);
    /* Called by several threads. May wait for DNS where the cost says so. A fact that is not there
     * never matches, whatever is asked of it. */
    bool (*matches)(const struct policy_rule_condition *condition,
                    const struct policy_rule_facts *facts);
    /* What a refusal says, if the rule does not; of several conditions the one whose group stands
     * first in policy_conditions[] speaks. NULL: `fixed_reply`, or without one "550 5.7.1". */
    struct policy_reply (*reply)(const struct policy_rule_condition *condition,
                                 const struct policy_rule_facts *facts, struct base_arena *arena);
    struct policy_reply fixed_reply;
    /* For what can be proved of rules (rules_prove.h). A match must be of one value, of the fact or
     * among several of it, with one value or item of the option. */
    /* Directions whose mail has the fact, as bits; 0: all. */
    unsigned directions;
    /* WORD, WORDS, BOOL: the fact is one of the words, always. */
    bool is_always_there;
    /* The fact is the same at all stages that know it. */
    bool is_constant;
    /* LIST: `compiled` matches whatever `item` of another rule's list does. NULL: equal texts. */
    bool (*covers_item)(const void *compiled, const char *item);
    /* INT, SIZE, DURATION, STRING, and WORD where it does not name one of several facts: whatever
     * matches with the value `narrow` matches with `wide`. NULL: equal values. */
    bool (*covers)(const void *wide, const void *narrow);
    /* In both rules the option is about the same fact. NULL: it always is. */
    bool (*is_same_fact)(const struct policy_rule *a, const struct policy_rule *b);
    /* Fields of that name are counted behind the caps of the header, too. NULL: nobody asks. */
    bool (*counts)(const struct policy_rule_condition *condition, struct base_text name);
    /* `tempfail-for` goes with it, if its words have "temperror" and that is asked for: whether
     * what was asked has passed by now. */
    bool (*is_passed)(const struct policy_rule_facts *facts);
    /* The code that goes with it for `action = tempfail`; NULL: 451. */
    const char *temporary_code;
    /* For `check --explain`: what the value leads the administrator to expect, and what will not
     * be so; nothing: all is as it seems. NULL: it always is. */
    void (*doubt)(const struct policy_rule_condition *condition,
                  const struct policy_options *options, struct base_buf *out);
    /* Another option that has to stand beside it; NULL: none. */
    const char *requires;
};

/* A condition of one rule. */
struct policy_rule_condition {
    const struct policy_condition *row;
    const struct policy_rule *rule;
    /* The option's field: int64_t, int, bool, uint64_t, struct conf_list, ... as conf/conf.h says.
     */
    const void *value;
    /* compile()'s. */
    void *compiled;
};

static inline bool policy_condition_bool(const struct policy_rule_condition *condition)
{
    return *(const bool *)condition->value;
}

static inline int policy_condition_word(const struct policy_rule_condition *condition)
{
    return *(const int *)condition->value;
}

/* Whether the word of that number is among a CONF_WORDS option's. */
static inline bool policy_condition_has_word(const struct policy_rule_condition *condition,
                                             unsigned word)
{
    return (*(const uint64_t *)condition->value & UINT64_C(1) << word) != 0;
}

/* INT, SIZE, DURATION. */
static inline int64_t policy_condition_number(const struct policy_rule_condition *condition)
{
    return *(const int64_t *)condition->value;
}

/* compile() and destroy() for lists of domains (policy/domains.h) and networks. */
void *policy_condition_compile_domains(const struct policy_condition *condition, const void *value,
                                       struct base_error *error_r);
void policy_condition_destroy_domains(void *compiled);
void *policy_condition_compile_networks(const struct policy_condition *condition, const void *value,
                                        struct base_error *error_r);
void policy_condition_destroy_networks(void *compiled);
/* covers() of "more than" and "less than". */
bool policy_condition_covers_over(const void *wide, const void *narrow);
bool policy_condition_covers_below(const void *wide, const void *narrow);
/* And covers_item(). */
bool policy_condition_covers_domain(const void *compiled, const char *item);
bool policy_condition_covers_network(const void *compiled, const char *item);

/* A stranger's text as a reply may hold it: printable, at most 200 octets. In `arena`; never NULL.
 */
const char *policy_condition_printable(struct base_arena *arena, struct base_text text);

/* The groups, NULL-terminated, the most telling first; for the table of `rule` sections. Each row
 * is a struct policy_condition. */
extern const struct conf_option_group *const policy_conditions[];

/* All rows of all groups, in that order. */
size_t policy_condition_count(void);
const struct policy_condition *policy_condition_at(size_t index);
/* The rule says something of it. */
bool policy_condition_is_given(const struct policy_condition *condition,
                               const struct conf_section *section);

extern const struct conf_option_group policy_conditions_author;
extern const struct conf_option_group policy_conditions_bulk;
extern const struct conf_option_group policy_conditions_client;
extern const struct conf_option_group policy_conditions_command;
extern const struct conf_option_group policy_conditions_dkim;
extern const struct conf_option_group policy_conditions_dmarc;
extern const struct conf_option_group policy_conditions_dnslist;
extern const struct conf_option_group policy_conditions_envelope;
extern const struct conf_option_group policy_conditions_identity;
extern const struct conf_option_group policy_conditions_list;
extern const struct conf_option_group policy_conditions_message;
extern const struct conf_option_group policy_conditions_session;
extern const struct conf_option_group policy_conditions_spf;
extern const struct conf_option_group policy_conditions_trusted;

/* What a group's file ends with. */
#define POLICY_CONDITION_GROUP(rows_)                                              \
    {                                                                              \
        &(rows_)[0].option, sizeof((rows_)[0]), sizeof(rows_) / sizeof((rows_)[0]) \
    }
/* The option of a row. */
#define POLICY_CONDITION_OPTION(name_, type_, field_, words_)                                     \
    {                                                                                             \
        .name = (name_), .type = (type_), .offset = offsetof(struct policy_rule_options, field_), \
        .words = (words_)                                                                         \
    }

#endif
