/* Rows of the options of identity; each has its paragraph in postseal.conf(5). */
#include "policy/identity_options.h"

/* In the order of enum policy_null_sender, enum policy_sender_form. */
static const char *const null_words[] = {"owned", "dsn", "unowned", NULL};
static const char *const form_words[] = {"verp", "batv", "srs", NULL};

#define ROW(option, ...) CONF_ROW(policy_identity_options, option, __VA_ARGS__)

static const struct conf_option rows[] = {
    ROW("sender-login-maps", CONF_MAPS, sender_login_maps, .fallback = NULL),
    ROW("alias-maps", CONF_MAPS, alias_maps, .fallback = NULL),
    ROW("login-groups", CONF_MAPS, login_groups, .fallback = NULL),
    ROW("may-send-as", CONF_MAPS, may_send_as, .fallback = NULL),
    ROW("login-is-address", CONF_BOOL, login_is_address, .fallback = "no"),
    ROW("login-domain", CONF_LIST, login_domain, .fallback = NULL),
    ROW("unqualified-domains", CONF_LIST, unqualified_domains, .fallback = NULL),
    ROW("sender-forms", CONF_WORDS, sender_forms, .fallback = NULL, .words = form_words),
    ROW("null-sender", CONF_WORD, null_sender, .fallback = "owned", .words = null_words),
};

/* "@example.org" is what people try first. */
static bool check_domains(const struct conf_list *list, const char *option,
                          struct base_error *error_r)
{
    for (size_t i = 0; i < list->count; i++) {
        if (list->items[i].text[0] != '@' && list->items[i].text[0] != '.')
            continue;
        conf_error_at(error_r, list->items[i].where, "%s: \"%s\": write \"%s\"", option,
                      list->items[i].text, list->items[i].text + 1);
        return false;
    }
    return true;
}

static bool check(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_identity_options *options = section->values;

    return check_domains(&options->login_domain, "login-domain", error_r) &&
           check_domains(&options->unqualified_domains, "unqualified-domains", error_r);
}

const struct conf_table policy_identity_table = {
    .struct_size = sizeof(struct policy_identity_options),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
    .check = check,
};

const struct policy_identity_options *policy_identity_options_get(
    const struct conf_snapshot *snapshot)
{
    return conf_snapshot_top(snapshot, &policy_identity_table)->values;
}

const char *policy_sender_form_text(enum policy_sender_form form)
{
    return form_words[form];
}
