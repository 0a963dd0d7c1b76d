/* What the client is told: reply codes after RFC 5321 section 4.2, enhanced codes after RFC 3463,
 * RFC 7372 (5.7.20 to 5.7.26) and RFC 9989 section 7.2. Of a stranger's text no more than 200
 * printable octets go into a reply; the filter doubles every '%'. */
#include "policy/rules_reply.h"

#include "base/arena.h"
#include "policy/dmarc/dmarc.h"
#include "policy/rules-private.h"
#include "policy/spf/spf.h"

#define STRANGER_MAX 200

struct reply {
    const char *code;
    const char *enhanced;
    const char *text;
};

static const char *printable(struct base_arena *arena, struct base_text text)
{
    char *copy;

    if (text.length > STRANGER_MAX)
        text.length = STRANGER_MAX;
    copy = base_arena_strndup(arena, text.length == 0 ? "" : text.data, text.length);
    for (size_t i = 0; copy != NULL && i < text.length; i++)
        if (!base_ascii_is_print(copy[i]))
            copy[i] = '?';
    return copy == NULL ? "" : copy;
}

static struct reply spf_reply(const struct policy_rule *rule, const struct policy_rule_facts *facts,
                              struct base_arena *arena)
{
    bool is_helo = policy_rule_is_about_helo(rule);
    const struct spf_outcome *outcome =
        is_helo ? facts->helo_spf(facts->context) : facts->spf(facts->context);
    struct reply reply = {"550", "5.7.23", ""};
    const char *domain;

    if (outcome == NULL)
        return reply;
    domain = printable(arena, outcome->domain);
    /* Fetched only now that it will be said (RFC 7208 section 6.2). */
    if (facts->explain_spf != NULL && rule->action == POLICY_ACTION_REJECT &&
        rule->options->text == NULL)
        facts->explain_spf(facts->context, is_helo);
    switch (outcome->verdict) {
    case SPF_VERDICT_TEMPERROR:
    case SPF_VERDICT_PERMERROR:
        reply.enhanced = "5.7.24";
        reply.text = base_arena_printf(arena, "SPF of %s cannot be evaluated: %s", domain,
                                       outcome->reason == NULL ? "an error" : outcome->reason);
        break;
    case SPF_VERDICT_FAIL:
        if (outcome->explanation.length > 0)
            reply.text = base_arena_printf(arena, "SPF: not permitted; explained by %s: %s",
                                           printable(arena, outcome->explanation_domain),
                                           printable(arena, outcome->explanation));
        else if (outcome->is_only_all)
            reply.text = base_arena_printf(arena, "SPF: the domain %s sends no mail", domain);
        else
            reply.text = base_arena_printf(
                arena, "SPF: %s does not permit this client to send its mail", domain);
        break;
    case SPF_VERDICT_NONE:
    case SPF_VERDICT_NEUTRAL:
    case SPF_VERDICT_PASS:
    case SPF_VERDICT_SOFTFAIL:
    default:
        reply.text = base_arena_printf(arena, "SPF: %s for %s is not accepted here",
                                       spf_verdict_text(outcome->verdict), domain);
        break;
    }
    return reply;
}

static struct reply dmarc_reply(const struct policy_rule_facts *facts, struct base_arena *arena)
{
    const struct dmarc_outcome *outcome = facts->dmarc(facts->context);
    struct reply reply = {"550", "5.7.26", ""};

    if (outcome == NULL)
        return reply;
    if (outcome->result == DMARC_RESULT_TEMPERROR) {
        reply.enhanced = "5.7.5";
        reply.text = base_arena_printf(arena, "DMARC of %s cannot be evaluated: %s",
                                       outcome->author_domain.text,
                                       outcome->reason == NULL ? "an error" : outcome->reason);
    } else if (outcome->result == DMARC_RESULT_FAIL) {
        reply.text = base_arena_printf(
            arena, "DMARC: this message is not authenticated as %s, whose policy is %s",
            outcome->author_domain.text, dmarc_policy_text(outcome->disposition));
    } else {
        reply.text =
            base_arena_printf(arena, "DMARC: %s for %s is not accepted here",
                              dmarc_result_text(outcome->result), outcome->author_domain.text);
    }
    return reply;
}

static struct reply dkim_reply(const struct policy_rule_facts *facts, struct base_arena *arena)
{
    const char *word = facts->dkim(facts->context);
    struct base_text text = base_text_of(word == NULL ? "none" : word);
    struct reply reply = {"550", "5.7.20", "No passing DKIM signature found"};

    if (base_text_equals(text, BASE_TEXT("temperror"))) {
        reply.enhanced = "5.7.5";
        reply.text = "The key of a DKIM signature cannot be had";
    } else if (!base_text_equals(text, BASE_TEXT("none"))) {
        reply.text = base_arena_printf(arena, "DKIM: %s is not accepted here", text.data);
        if (base_text_equals(text, BASE_TEXT("pass")))
            reply.enhanced = "5.7.21";
    }
    return reply;
}

static struct reply author_reply(const struct policy_rule_facts *facts)
{
    switch (facts->author(facts->context)) {
    case POLICY_AUTHOR_MULTIPLE:
        return (struct reply){"550", "5.7.1", "The From field has more than one author domain"};
    case POLICY_AUTHOR_NONE:
        return (struct reply){"550", "5.7.1", "The message has no author domain in From"};
    case POLICY_AUTHOR_INVALID:
        return (struct reply){"550", "5.7.1", "The From field cannot be read"};
    case POLICY_AUTHOR_ONE:
    case POLICY_AUTHOR_UNKNOWN:
    default:
        return (struct reply){"550", "5.7.1", "The author is not accepted here"};
    }
}

/* The most telling condition names the codes. */
static struct reply default_reply(const struct policy_rule *rule,
                                  const struct policy_rule_facts *facts, struct base_arena *arena)
{
    if (policy_rule_is_about_dmarc(rule))
        return dmarc_reply(facts, arena);
    if (policy_rule_has(rule, POLICY_RULE_HAS_DKIM))
        return dkim_reply(facts, arena);
    if (policy_rule_has(rule, POLICY_RULE_HAS_AUTHOR))
        return author_reply(facts);
    if (policy_rule_has(rule, POLICY_RULE_HAS_SPF) ||
        policy_rule_has(rule, POLICY_RULE_HAS_HELO_SPF) ||
        policy_rule_has(rule, POLICY_RULE_HAS_SPF_ONLY_ALL) ||
        policy_rule_has(rule, POLICY_RULE_HAS_SPF_DOMAIN))
        return spf_reply(rule, facts, arena);
    return (struct reply){"550", "5.7.1", "Refused by local policy"};
}

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
    struct reply reply;

    if (verdict == NULL)
        return NULL;
    verdict->stage = rule->stage;
    verdict->action = rule->action;
    verdict->rule = rule->name;
    verdict->code = "";
    verdict->enhanced = "";
    verdict->text = "";
    if (rule->action != POLICY_ACTION_REJECT && rule->action != POLICY_ACTION_TEMPFAIL)
        return verdict;
    reply = default_reply(rule, facts, arena);
    if (rule->action == POLICY_ACTION_TEMPFAIL) {
        reply.code = "451";
        reply.enhanced = as_temporary(reply.enhanced, arena);
    }
    verdict->code = rule->options->code == NULL ? reply.code : rule->options->code;
    verdict->enhanced =
        rule->options->enhanced_code == NULL ? reply.enhanced : rule->options->enhanced_code;
    verdict->text = rule->options->text == NULL ? reply.text : rule->options->text;
    return verdict->enhanced == NULL || verdict->text == NULL ? NULL : verdict;
}
