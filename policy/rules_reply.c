/* What the client is told: reply codes after RFC 5321 section 4.2, enhanced codes after RFC 3463,
 * RFC 7372 (5.7.20 to 5.7.26) and RFC 9989 section 7.2: the rule's own, or those of its most
 * telling condition. The filter doubles every '%'. */
#include "policy/rules_reply.h"

#include "base/arena.h"
#include "policy/rules-private.h"
#include "policy/rules_text.h"

/* "5.7.24" as "4.7.24". */
static const char *as_temporary(const char *enhanced, struct base_arena *arena)
{
    return base_arena_printf(arena, "4%s", enhanced + 1);
}

const struct policy_verdict *policy_rule_reply(const struct policy_rule *rule,
                                               const struct policy_rule_facts *facts,
                                               struct base_arena *arena)
{
    struct policy_verdict *verdict = base_arena_alloc(arena, sizeof(*verdict));
    const char *temporary_code = NULL;
    struct policy_reply reply = {"550", "5.7.1", "Refused by local policy"};

    if (verdict == NULL)
        return NULL;
    verdict->stage = rule->stage;
    verdict->action = rule->action;
    verdict->rule = rule->name;
    verdict->is_bypass = rule->options->bypass != 0;
    verdict->code = "";
    verdict->enhanced = "";
    verdict->text = "";
    if (rule->action != POLICY_ACTION_REJECT && rule->action != POLICY_ACTION_TEMPFAIL)
        return verdict;
    if (rule->telling != NULL) {
        reply = rule->telling->row->reply == NULL
                    ? rule->telling->row->fixed_reply
                    : rule->telling->row->reply(rule->telling, facts, arena);
        temporary_code = rule->telling->row->temporary_code;
    }
    if (rule->action == POLICY_ACTION_TEMPFAIL) {
        reply.code = temporary_code == NULL ? "451" : temporary_code;
        reply.enhanced = as_temporary(reply.enhanced, arena);
    }
    verdict->code = rule->options->code == NULL ? reply.code : rule->options->code;
    verdict->enhanced =
        rule->options->enhanced_code == NULL ? reply.enhanced : rule->options->enhanced_code;
    verdict->text =
        rule->line_count == 0
            ? reply.text
            : policy_rule_expand_lines(rule, rule->lines, rule->line_count, facts, arena);
    return verdict->enhanced == NULL || verdict->text == NULL ? NULL : verdict;
}
