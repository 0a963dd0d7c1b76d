/* Conditions on a command that the MTA does not know. Which ones it hands on differs
 * (postseal.conf(5)).
 */
#include <string.h>

#include "base/arena.h"
#include "policy/conditions.h"
#include "policy/rules-private.h"

/* The first word of what the client said; Postfix hands on no more than that. */
static struct base_text verb(struct base_text command)
{
    struct base_text word = base_text_trim(command);

    for (size_t i = 0; i < word.length; i++)
        if (word.data[i] == ' ' || word.data[i] == '\t')
            word.length = i;
    return word;
}

static void *compile_commands(const struct policy_condition *condition, const void *value,
                              struct base_error *error_r)
{
    const struct conf_list *list = value;

    (void)condition;
    for (size_t i = 0; i < list->count; i++) {
        struct base_text word = base_text_of(list->items[i].text);

        if (word.length > 0 && memchr(word.data, ' ', word.length) == NULL)
            continue;
        conf_error_at(error_r, list->items[i].where,
                      "`command`: \"%s\" is no command: write its first word alone, as EXPN",
                      list->items[i].text);
        return NULL;
    }
    return (void *)(uintptr_t)list;
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

static bool is_among(struct base_text word, const char *words)
{
    struct base_text rest = base_text_of(words);

    while (rest.data != NULL)
        if (base_text_equals_nocase(base_text_split(&rest, ' '), word))
            return true;
    return false;
}

/* Commands that the MTA answers itself. */
static void doubt_command(const struct policy_rule_condition *condition,
                          const struct policy_options *options, struct base_buf *out)
{
    const struct conf_list *list = condition->value;

    (void)options;
    for (size_t i = 0; i < list->count; i++) {
        struct base_text word = base_text_of(list->items[i].text);
        const char *what = NULL;

        if (is_among(word, "HELO EHLO MAIL RCPT DATA RSET NOOP QUIT VRFY ETRN STARTTLS AUTH"))
            what = "is handed on by neither Postfix nor Sendmail: nothing matches it";
        else if (is_among(word, "EXPN HELP VERB"))
            what = "is handed on by Postfix, and not by Sendmail, which answers it itself";
        if (what != NULL)
            base_buf_appendf(out, "%s`command`: \"%s\" %s", out->length > 0 ? "; " : "",
                             list->items[i].text, what);
    }
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("command", CONF_LIST, command, NULL),
     .known_from = POLICY_STAGE_UNKNOWN,
     .compile = compile_commands,
     .matches = matches_command,
     .reply = command_reply,
     .doubt = doubt_command},
};

const struct conf_option_group policy_conditions_command = POLICY_CONDITION_GROUP(rows);
