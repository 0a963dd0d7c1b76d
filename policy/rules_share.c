#include "policy/rules_share.h"

#include "policy/rate/hash.h"
#include "policy/rules-private.h"

/* What of the facts a key is. */
static enum policy_expansion key_fact(int key)
{
    switch ((enum policy_percent_key)key) {
    case POLICY_PERCENT_SENDER_DOMAIN:
        return POLICY_EXPAND_SENDER_DOMAIN;
    case POLICY_PERCENT_AUTHOR_DOMAIN:
        return POLICY_EXPAND_AUTHOR_DOMAIN;
    case POLICY_PERCENT_LOGIN:
        return POLICY_EXPAND_LOGIN;
    case POLICY_PERCENT_CLIENT_IP:
    default:
        return POLICY_EXPAND_CLIENT_ADDRESS;
    }
}

bool policy_rule_check_share(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_rule_options *options = section->values;
    enum policy_stage stage = policy_rule_stage(options);
    enum policy_expansion fact = key_fact(options->percent_key);

    if (policy_stage_knows(stage, policy_expansion_known_from(fact)))
        return true;
    conf_error_at(error_r, conf_section_where(section, "percent-key"),
                  "rule \"%s\": `percent-key`: this is not known yet at stage \"%s\": use `stage = "
                  "%s` or a later one, or `percent-key = client-ip`",
                  section->title, policy_stage_text(stage),
                  policy_stage_text(policy_expansion_known_from(fact)));
    return false;
}

/* The seed is none: the share must be the same after a restart. The line feed is in no name and no
 * key, so that two pairs of name and key are never one text. */
bool policy_rule_is_in_share(const struct policy_rule *rule, const struct policy_rule_facts *facts)
{
    static const uint64_t seed[2];
    int64_t percent = rule->options->enforce_percent;
    struct base_text key = {NULL, 0};
    char room[1024];
    struct base_buf text;

    if (percent == 100 || facts->expand == NULL)
        return percent > 0;
    key = facts->expand(facts->context, key_fact(rule->options->percent_key));
    if (key.length == 0)
        key = facts->expand(facts->context, POLICY_EXPAND_CLIENT_ADDRESS);
    base_buf_init_fixed(&text, room, sizeof(room));
    base_buf_append_cstr(&text, rule->name);
    base_buf_append_char(&text, '\n');
    for (size_t i = 0; i < key.length; i++)
        base_buf_append_char(&text, base_ascii_lower(key.data[i]));
    return (int64_t)(rate_hash(seed, base_buf_text(&text)) % 100) < percent;
}
