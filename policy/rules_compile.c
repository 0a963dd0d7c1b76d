/* `rule` blocks: the table, and what is proved about them before they are used. */
#include "policy/rules_compile.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/address.h"
#include "policy/domains.h"
#include "policy/networks.h"
#include "policy/rules-private.h"

/* Octets of a reply's text. */
#define TEXT_MAX  200
#define MINUTE_MS INT64_C(60000)

static const char *const stage_words[] = {"connect", "helo", "mail", "rcpt",
                                          "data",    "eoh",  "eom",  NULL};
static const enum policy_stage stages[] = {
    POLICY_STAGE_CONNECT, POLICY_STAGE_HELO, POLICY_STAGE_MAIL, POLICY_STAGE_RCPT,
    POLICY_STAGE_DATA,    POLICY_STAGE_EOH,  POLICY_STAGE_EOM,
};
static const char *const direction_words[] = {"inbound", "outbound", "trusted", NULL};
static const char *const action_words[] = {"continue", "accept", "reject",     "tempfail",
                                           "discard",  "mark",   "hold-queue", NULL};
static const char *const mode_words[] = {"enforce", "observe", "off", NULL};
static const char *const spf_words[] = {"none",     "neutral",   "pass",      "fail",
                                        "softfail", "temperror", "permerror", NULL};
const char *const policy_rule_dkim_words[] = {"none",    "pass",      "fail",      "policy",
                                              "neutral", "temperror", "permerror", NULL};
static const char *const dmarc_words[] = {"none", "pass", "fail", "temperror", "permerror", NULL};
static const char *const disposition_words[] = {"none", "quarantine", "reject", NULL};
/* In the order of enum policy_author_outcome. */
static const char *const author_words[] = {"unknown", "one", "multiple", "none", "invalid", NULL};

/* In the order of enum policy_display_address. */
static const char *const display_words[] = {"none", "same", "other-domain", NULL};

#define ROW(name_, type_, field_, words_)                                                         \
    {                                                                                             \
        .name = (name_), .type = (type_), .offset = offsetof(struct policy_rule_options, field_), \
        .words = (words_)                                                                         \
    }

static const struct conf_option rule_options[] = {
    ROW("stage", CONF_WORD, stage, stage_words),
    ROW("direction", CONF_WORD, direction, direction_words),
    ROW("action", CONF_WORD, action, action_words),
    ROW("mode", CONF_WORD, mode, mode_words),
    ROW("spf", CONF_WORDS, spf, spf_words),
    ROW("helo-spf", CONF_WORDS, helo_spf, spf_words),
    ROW("spf-only-all", CONF_BOOL, spf_only_all, NULL),
    ROW("spf-domain", CONF_LIST, spf_domain, NULL),
    ROW("dkim", CONF_WORDS, dkim, policy_rule_dkim_words),
    ROW("dmarc", CONF_WORDS, dmarc, dmarc_words),
    ROW("dmarc-disposition", CONF_WORDS, dmarc_disposition, disposition_words),
    ROW("dmarc-policy", CONF_WORDS, dmarc_policy, disposition_words),
    ROW("dkim-domain", CONF_LIST, dkim_domain, NULL),
    ROW("author-domain", CONF_LIST, author_domain, NULL),
    ROW("mailing-list", CONF_BOOL, mailing_list, NULL),
    ROW("author", CONF_WORDS, author, author_words),
    ROW("display-address", CONF_WORDS, display_address, display_words),
    ROW("client-net", CONF_LIST, client_net, NULL),
    ROW("sender-domain", CONF_LIST, sender_domain, NULL),
    ROW("recipient", CONF_LIST, recipient, NULL),
    ROW("code", CONF_STRING, code, NULL),
    ROW("enhanced-code", CONF_STRING, enhanced_code, NULL),
    ROW("text", CONF_STRING, text, NULL),
    {.name = "tempfail-for",
     .type = CONF_DURATION,
     .offset = offsetof(struct policy_rule_options, tempfail_for),
     .min = MINUTE_MS,
     .max = 7 * 24 * 60 * MINUTE_MS},
};

/* Which condition an option of the table is, and from which stage on its fact is known. */
static const struct {
    const char *option;
    enum policy_rule_condition condition;
    enum policy_stage known_from;
} conditions[] = {
    {"direction", POLICY_RULE_HAS_DIRECTION, POLICY_STAGE_MAIL},
    {"spf", POLICY_RULE_HAS_SPF, POLICY_STAGE_MAIL},
    {"helo-spf", POLICY_RULE_HAS_HELO_SPF, POLICY_STAGE_HELO},
    {"spf-only-all", POLICY_RULE_HAS_SPF_ONLY_ALL, POLICY_STAGE_MAIL},
    {"spf-domain", POLICY_RULE_HAS_SPF_DOMAIN, POLICY_STAGE_HELO},
    {"dkim", POLICY_RULE_HAS_DKIM, POLICY_STAGE_EOM},
    {"dmarc", POLICY_RULE_HAS_DMARC, POLICY_STAGE_EOM},
    {"dmarc-disposition", POLICY_RULE_HAS_DMARC_DISPOSITION, POLICY_STAGE_EOM},
    {"dmarc-policy", POLICY_RULE_HAS_DMARC_POLICY, POLICY_STAGE_EOM},
    {"dkim-domain", POLICY_RULE_HAS_DKIM_DOMAIN, POLICY_STAGE_EOM},
    {"author-domain", POLICY_RULE_HAS_AUTHOR_DOMAIN, POLICY_STAGE_EOH},
    {"mailing-list", POLICY_RULE_HAS_MAILING_LIST, POLICY_STAGE_EOM},
    {"author", POLICY_RULE_HAS_AUTHOR, POLICY_STAGE_EOH},
    {"display-address", POLICY_RULE_HAS_DISPLAY_ADDRESS, POLICY_STAGE_EOH},
    {"client-net", POLICY_RULE_HAS_CLIENT_NET, POLICY_STAGE_CONNECT},
    {"sender-domain", POLICY_RULE_HAS_SENDER_DOMAIN, POLICY_STAGE_MAIL},
    {"recipient", POLICY_RULE_HAS_RECIPIENT, POLICY_STAGE_RCPT},
};

static bool require(struct conf_section *section, const char *option, struct base_error *error_r)
{
    if (conf_section_where(section, option).line != 0)
        return true;
    conf_error_at(error_r, section->where,
                  "rule \"%s\" has no `%s`: add one, for example `%s = %s`", section->title, option,
                  option, strcmp(option, "stage") == 0 ? "eom" : "reject");
    return false;
}

static bool check_stage(struct conf_section *section, enum policy_stage stage,
                        struct base_error *error_r)
{
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++) {
        struct conf_where where = conf_section_where(section, conditions[i].option);

        if (where.line == 0 || stage >= conditions[i].known_from)
            continue;
        conf_error_at(error_r, where,
                      "rule \"%s\": `%s` is not known yet at stage \"%s\": use `stage = %s` or a "
                      "later one",
                      section->title, conditions[i].option, policy_stage_text(stage),
                      policy_stage_text(conditions[i].known_from));
        return false;
    }
    return true;
}

static bool is_code(const char *text, char first)
{
    return strlen(text) == 3 && text[0] == first && base_ascii_is_digit(text[1]) &&
           base_ascii_is_digit(text[2]) && text[1] <= '5';
}

/* RFC 3463 section 2: class "." 1*3digit "." 1*3digit, no leading zeros. */
static bool is_enhanced_code(const char *text, char first)
{
    struct base_text rest = base_text_of(text);
    struct base_text class = base_text_split(&rest, '.');

    if (class.length != 1 || class.data[0] != first)
        return false;
    for (int i = 0; i < 2; i++) {
        struct base_text part;
        uint64_t value;

        if (rest.data == NULL)
            return false;
        part = base_text_split(&rest, '.');
        if (!base_text_to_uint(part, 999, &value) || (part.length > 1 && part.data[0] == '0'))
            return false;
    }
    return rest.data == NULL;
}

/* What goes through an MTA as it is (filter/reply.h). */
static bool is_text(const char *text)
{
    size_t length = strlen(text);

    for (size_t i = 0; i < length; i++)
        if (!base_ascii_is_print(text[i]))
            return false;
    return length > 0 && length <= TEXT_MAX;
}

static bool check_reply(struct conf_section *section, const struct policy_rule_options *options,
                        enum policy_action action, struct base_error *error_r)
{
    char first = action == POLICY_ACTION_TEMPFAIL ? '4' : '5';

    if (action != POLICY_ACTION_TEMPFAIL && action != POLICY_ACTION_REJECT) {
        static const char *const names[] = {"code", "enhanced-code", "text"};

        for (size_t i = 0; i < 3; i++) {
            struct conf_where where = conf_section_where(section, names[i]);

            if (where.line == 0)
                continue;
            conf_error_at(error_r, where,
                          "rule \"%s\": `%s` goes only with `action = reject` or `tempfail`",
                          section->title, names[i]);
            return false;
        }
        return true;
    }
    if (options->text != NULL && !is_text(options->text)) {
        conf_error_at(error_r, conf_section_where(section, "text"),
                      "rule \"%s\": `text` is one line of at most %d printable ASCII characters: "
                      "make it shorter or simpler",
                      section->title, TEXT_MAX);
        return false;
    }
    if (options->code != NULL && !is_code(options->code, first)) {
        conf_error_at(error_r, conf_section_where(section, "code"),
                      "rule \"%s\": `code = \"%s\"` does not go with `action = %s`: it takes %cyz",
                      section->title, options->code, policy_action_text(action), first);
        return false;
    }
    if (options->enhanced_code != NULL && !is_enhanced_code(options->enhanced_code, first)) {
        conf_error_at(error_r, conf_section_where(section, "enhanced-code"),
                      "rule \"%s\": `enhanced-code = \"%s\"` does not go with `action = %s`: it "
                      "takes %c.y.z",
                      section->title, options->enhanced_code, policy_action_text(action), first);
        return false;
    }
    return true;
}

static bool has_word(const char *const *words, uint64_t bits, const char *wanted)
{
    for (unsigned i = 0; words[i] != NULL; i++)
        if ((bits & UINT64_C(1) << i) != 0 && strcmp(words[i], wanted) == 0)
            return true;
    return false;
}

/* Nothing but an error that passes by is worth waiting for. */
static bool check_tempfail_for(struct conf_section *section,
                               const struct policy_rule_options *options,
                               struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, "tempfail-for");

    if (where.line == 0)
        return true;
    if ((enum policy_action)options->action != POLICY_ACTION_TEMPFAIL) {
        conf_error_at(error_r, where,
                      "rule \"%s\": `tempfail-for` goes only with `action = tempfail`",
                      section->title);
        return false;
    }
    if (has_word(dmarc_words, options->dmarc, "temperror") ||
        has_word(policy_rule_dkim_words, options->dkim, "temperror") ||
        has_word(spf_words, options->spf, "temperror") ||
        has_word(spf_words, options->helo_spf, "temperror"))
        return true;
    conf_error_at(error_r, where,
                  "rule \"%s\": `tempfail-for` bounds how long a temperror is waited for: add "
                  "`dmarc = { temperror }`, or the same of dkim, spf or helo-spf",
                  section->title);
    return false;
}

static bool check_rule(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_rule_options *options = section->values;
    enum policy_stage stage = stages[options->stage];
    enum policy_action action = (enum policy_action)options->action;

    if (!require(section, "stage", error_r) || !require(section, "action", error_r))
        return false;
    if (action == POLICY_ACTION_DISCARD && stage == POLICY_STAGE_RCPT) {
        conf_error_at(error_r, conf_section_where(section, "action"),
                      "rule \"%s\": `discard` at stage \"rcpt\" would throw the message away for "
                      "all recipients: use `stage = data` or a later one",
                      section->title);
        return false;
    }
    if (action == POLICY_ACTION_DISCARD && stage < POLICY_STAGE_MAIL) {
        conf_error_at(
            error_r, conf_section_where(section, "action"),
            "rule \"%s\": `discard` cannot be done at stage \"%s\": use `stage = mail` or a "
            "later one",
            section->title, policy_stage_text(stage));
        return false;
    }
    return check_stage(section, stage, error_r) && check_tempfail_for(section, options, error_r) &&
           check_reply(section, options, action, error_r);
}

const struct conf_table policy_rule_table = {
    .name = "rule",
    .has_title = true,
    .struct_size = sizeof(struct policy_rule_options),
    .options = rule_options,
    .option_count = sizeof(rule_options) / sizeof(rule_options[0]),
    .check = check_rule,
};

/* "postmaster@example.org", "@example.org" or "example.org". */
static bool compile_recipient(const struct conf_item *item, struct policy_rule_recipient *recipient,
                              struct base_error *error_r)
{
    const char *at = strrchr(item->text, '@');
    const char *domain = at == NULL ? item->text : at + 1;
    struct policy_address address;
    char path[POLICY_ADDRESS_MAX];

    (void)snprintf(path, sizeof(path), "x@%s", domain);
    if (policy_address_parse(base_text_of(path), &address) != POLICY_ADDRESS_DOMAIN) {
        conf_error_at(error_r, item->where,
                      "`recipient`: \"%s\" is neither an address nor a domain: write "
                      "\"user@example.org\" or \"example.org\"",
                      item->text);
        return false;
    }
    recipient->domain = address.domain;
    if (at != NULL && at > item->text)
        recipient->local = (struct base_text){item->text, (size_t)(at - item->text)};
    return true;
}

static bool compile_recipients(struct policy_rule *rule, struct base_error *error_r)
{
    const struct conf_list *list = &rule->options->recipient;

    rule->recipients = base_mem_alloc_zero(list->count, sizeof(*rule->recipients));
    rule->recipient_count = list->count;
    for (size_t i = 0; i < list->count; i++)
        if (!compile_recipient(&list->items[i], &rule->recipients[i], error_r))
            return false;
    return true;
}

/* NULL stays where the rule has no such condition. */
static bool compile_domains(const struct conf_section *section, const char *option,
                            const struct conf_list *list, struct policy_domains **domains,
                            struct base_error *error_r)
{
    if (conf_section_where(section, option).line == 0)
        return true;
    *domains = policy_domains_create(list, option, error_r);
    return *domains != NULL;
}

static bool compile(struct policy_rule *rule, const struct conf_section *section,
                    struct base_error *error_r)
{
    rule->name = section->title;
    rule->where = section->where;
    rule->options = section->values;
    rule->stage = stages[rule->options->stage];
    rule->action = (enum policy_action)rule->options->action;
    for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]); i++)
        if (conf_section_where(section, conditions[i].option).line != 0)
            rule->conditions |= 1U << conditions[i].condition;
    if (policy_rule_has(rule, POLICY_RULE_HAS_CLIENT_NET)) {
        rule->client_net =
            policy_networks_create(&rule->options->client_net, "client-net", error_r);
        if (rule->client_net == NULL)
            return false;
    }
    if (!compile_domains(section, "sender-domain", &rule->options->sender_domain,
                         &rule->sender_domain, error_r) ||
        !compile_domains(section, "dkim-domain", &rule->options->dkim_domain, &rule->dkim_domain,
                         error_r) ||
        !compile_domains(section, "author-domain", &rule->options->author_domain,
                         &rule->author_domain, error_r) ||
        !compile_domains(section, "spf-domain", &rule->options->spf_domain, &rule->spf_domain,
                         error_r))
        return false;
    return !policy_rule_has(rule, POLICY_RULE_HAS_RECIPIENT) || compile_recipients(rule, error_r);
}

static void rule_deinit(struct policy_rule *rule)
{
    policy_networks_destroy(&rule->client_net);
    policy_domains_destroy(&rule->sender_domain);
    policy_domains_destroy(&rule->dkim_domain);
    policy_domains_destroy(&rule->author_domain);
    policy_domains_destroy(&rule->spf_domain);
    base_mem_free(rule->recipients);
    *rule = (struct policy_rule){.name = NULL};
}

/* A rule without a condition that decides leaves nothing to those behind it. */
static bool takes_all(const struct policy_rule *rule)
{
    return rule->options->mode == POLICY_RULE_ENFORCE && rule->conditions == 0 &&
           rule->action != POLICY_ACTION_CONTINUE;
}

/* The rule compiled last, if it is enforced, can decide something. */
static bool is_reachable(const struct policy_rules *rules, struct base_error *error_r)
{
    const struct policy_rule *last = &rules->items[rules->count - 1];

    for (const struct policy_rule *rule = rules->items; rule < last; rule++) {
        if (last->options->mode != POLICY_RULE_ENFORCE || rule->stage != last->stage ||
            !takes_all(rule))
            continue;
        conf_error_at(error_r, last->where,
                      "rule \"%s\" can never decide: rule \"%s\" before it, without a condition, "
                      "takes all at stage \"%s\": put \"%s\" last",
                      last->name, rule->name, policy_stage_text(rule->stage), rule->name);
        return false;
    }
    return true;
}

struct policy_rules *policy_rules_create(const struct conf_snapshot *conf,
                                         struct base_error *error_r)
{
    struct policy_rules *rules = base_mem_alloc_zero(1, sizeof(*rules));
    size_t count = conf_snapshot_count(conf, &policy_rule_table);

    rules->items = base_mem_alloc_zero(count, sizeof(*rules->items));
    for (size_t i = 0; i < count; i++) {
        const struct conf_section *section = conf_snapshot_at(conf, &policy_rule_table, i);
        const struct policy_rule_options *options = section->values;

        struct policy_rule *rule = &rules->items[rules->count++];

        if (!compile(rule, section, error_r) || !is_reachable(rules, error_r)) {
            policy_rules_destroy(&rules);
            return NULL;
        }
        /* Checked as the others, so that it can be switched on at any time. */
        if (options->mode == POLICY_RULE_OFF) {
            rule_deinit(rule);
            rules->count--;
        }
    }
    return rules;
}

void policy_rules_destroy(struct policy_rules **rules)
{
    if (*rules == NULL)
        return;
    for (size_t i = 0; i < (*rules)->count; i++)
        rule_deinit(&(*rules)->items[i]);
    base_mem_free((*rules)->items);
    base_mem_free(*rules);
    *rules = NULL;
}
