/* What is proved of one `rule` block when it is read: its options go with each other, and its stage
 * knows and can do what it asks for. */
#include "policy/rules_check.h"

#include <string.h>

#include "policy/rules-private.h"
#include "policy/rules_share.h"

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
    for (size_t i = 0; i < policy_condition_count(); i++) {
        const struct policy_condition *condition = policy_condition_at(i);

        if (!policy_condition_is_given(condition, section) ||
            policy_stage_knows(stage, condition->known_from))
            continue;
        conf_error_at(error_r, conf_section_where(section, condition->option.name),
                      "rule \"%s\": `%s` is not known yet at stage \"%s\": use `stage = %s`%s",
                      section->title, condition->option.name, policy_stage_text(stage),
                      policy_stage_text(condition->known_from),
                      condition->known_from == POLICY_STAGE_UNKNOWN ? "" : " or a later one");
        return false;
    }
    return true;
}

static bool check_required(struct conf_section *section, struct base_error *error_r)
{
    for (size_t i = 0; i < policy_condition_count(); i++) {
        const struct policy_condition *condition = policy_condition_at(i);

        if (condition->requires == NULL || !policy_condition_is_given(condition, section) ||
            conf_section_where(section, condition->requires).line != 0)
            continue;
        conf_error_at(error_r, conf_section_where(section, condition->option.name),
                      "rule \"%s\": `%s` alone says nothing: add `%s`", section->title,
                      condition->option.name, condition->requires);
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

bool policy_rule_can_wait(const struct policy_condition *condition, const void *values)
{
    const uint64_t *bits = (const void *)((const char *)values + condition->option.offset);

    for (unsigned i = 0; condition->is_passed != NULL && condition->option.words[i] != NULL; i++)
        if (strcmp(condition->option.words[i], "temperror") == 0)
            return (*bits & UINT64_C(1) << i) != 0;
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
    for (size_t i = 0; i < policy_condition_count(); i++)
        if (policy_condition_is_given(policy_condition_at(i), section) &&
            policy_rule_can_wait(policy_condition_at(i), options))
            return true;
    conf_error_at(error_r, where,
                  "rule \"%s\": `tempfail-for` bounds how long a temperror is waited for: add "
                  "`dmarc = { temperror }`, or the same of dkim, spf or helo-spf",
                  section->title);
    return false;
}

/* What a stage cannot do at once is done at end of message where that means the same. */
static bool check_action(struct conf_section *section, enum policy_stage stage,
                         enum policy_action action, struct base_error *error_r)
{
    struct conf_where where = conf_section_where(section, "action");

    if (action == POLICY_ACTION_DISCARD && stage == POLICY_STAGE_RCPT) {
        conf_error_at(error_r, where,
                      "rule \"%s\": `discard` at stage \"rcpt\" would throw the message away for "
                      "all recipients: use `stage = data` or a later one",
                      section->title);
        return false;
    }
    if (action == POLICY_ACTION_DISCARD && stage < POLICY_STAGE_MAIL) {
        conf_error_at(
            error_r, where,
            "rule \"%s\": `discard` cannot be done at stage \"%s\": use `stage = mail` or a "
            "later one",
            section->title, policy_stage_text(stage));
        return false;
    }
    if (action >= POLICY_ACTION_ADD_SENDER && stage < POLICY_STAGE_MAIL) {
        conf_error_at(error_r, where,
                      "rule \"%s\": `%s` at stage \"%s\": who sends is not known yet: use `stage = "
                      "mail` or a later one",
                      section->title, policy_action_text(action), policy_stage_text(stage));
        return false;
    }
    if (stage == POLICY_STAGE_UNKNOWN && action != POLICY_ACTION_CONTINUE &&
        action != POLICY_ACTION_REJECT && action != POLICY_ACTION_TEMPFAIL) {
        conf_error_at(error_r, where,
                      "rule \"%s\": `%s` at stage \"unknown\" has no message to act on: use "
                      "`continue`, `reject` or `tempfail`, or another stage (from connect on)",
                      section->title, policy_action_text(action));
        return false;
    }
    return true;
}

/* By their address and by nothing that a stranger could have, too. */
static bool check_bypass(struct conf_section *section, enum policy_stage stage,
                         enum policy_action action, struct base_error *error_r)
{
    const struct policy_rule_options *options = section->values;
    bool is_good = stage == POLICY_STAGE_CONNECT && action == POLICY_ACTION_ACCEPT;
    bool has_net = false;

    if (options->bypass == 0)
        return true;
    for (size_t i = 0; i < policy_condition_count(); i++) {
        const struct policy_condition *condition = policy_condition_at(i);

        if (!policy_condition_is_given(condition, section))
            continue;
        if (strcmp(condition->option.name, "client-net") == 0)
            has_net = options->client_net.count > 0 || options->client_net.has_file;
        else
            is_good = false;
    }
    if (is_good && has_net)
        return true;
    conf_error_at(error_r, conf_section_where(section, "bypass"),
                  "rule \"%s\": `bypass = all` is for client networks only: it takes `stage = "
                  "connect`, `action = accept`, `client-net` and no other condition",
                  section->title);
    return false;
}

bool policy_rule_check(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_rule_options *options = section->values;
    enum policy_stage stage = policy_rule_stage(options);
    enum policy_action action = (enum policy_action)options->action;

    if (!require(section, "stage", error_r) || !require(section, "action", error_r))
        return false;
    if (!check_action(section, stage, action, error_r) ||
        !check_bypass(section, stage, action, error_r))
        return false;
    return policy_rule_check_share(section, error_r) && check_stage(section, stage, error_r) &&
           check_required(section, error_r) && check_tempfail_for(section, options, error_r) &&
           check_reply(section, options, action, error_r);
}
