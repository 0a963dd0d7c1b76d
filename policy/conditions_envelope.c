/* Conditions on who connected and on the envelope (RFC 5321 section 2.3.1). */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "policy/address.h"
#include "policy/conditions.h"
#include "policy/domains.h"
#include "policy/networks.h"
#include "policy/options.h"
#include "policy/rules-private.h"

/* A recipient as a rule names it: a domain, or one address. */
struct wanted_recipient {
    /* {NULL, 0}: any local part. */
    struct base_text local;
    struct dns_name domain;
};

struct wanted_recipients {
    size_t count;
    struct wanted_recipient items[];
};

static const char *const direction_words[] = {"inbound", "outbound", "trusted", NULL};

static bool matches_direction(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    return (int)facts->direction == policy_condition_word(condition);
}

static void doubt_direction(const struct policy_rule_condition *condition,
                            const struct policy_options *options, struct base_buf *out)
{
    if (policy_condition_word(condition) == POLICY_DIRECTION_TRUSTED &&
        options->trusted_networks.count == 0)
        base_buf_append_cstr(out, "no mail is trusted without `trusted-networks`");
}

static bool matches_client_net(const struct policy_rule_condition *condition,
                               const struct policy_rule_facts *facts)
{
    return facts->client != NULL && policy_networks_contain(condition->compiled, facts->client);
}

static bool matches_sender_domain(const struct policy_rule_condition *condition,
                                  const struct policy_rule_facts *facts)
{
    return facts->sender != NULL && facts->sender->kind == POLICY_ADDRESS_DOMAIN &&
           policy_domains_contain(condition->compiled, &facts->sender->domain);
}

/* "postmaster@example.org", "@example.org" or "example.org". */
static bool compile_recipient(const struct conf_item *item, struct wanted_recipient *recipient,
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

static void *compile_recipients(const struct policy_condition *condition, const void *value,
                                struct base_error *error_r)
{
    const struct conf_list *list = value;
    struct wanted_recipients *wanted =
        base_mem_alloc_zero(1, sizeof(*wanted) + list->count * sizeof(wanted->items[0]));

    (void)condition;
    wanted->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (compile_recipient(&list->items[i], &wanted->items[i], error_r))
            continue;
        base_mem_free(wanted);
        return NULL;
    }
    return wanted;
}

static void destroy_recipients(void *compiled)
{
    base_mem_free(compiled);
}

/* "postmaster" is the domain of that name. */
static void doubt_recipient(const struct policy_rule_condition *condition,
                            const struct policy_options *options, struct base_buf *out)
{
    const struct conf_list *list = condition->value;

    (void)options;
    for (size_t i = 0; i < list->count; i++)
        if (strpbrk(list->items[i].text, "@.") == NULL) {
            base_buf_appendf(
                out,
                "`recipient`: \"%s\" is the domain of that name: write \"%s@...\" if it "
                "is a mailbox",
                list->items[i].text, list->items[i].text);
            return;
        }
}

static bool covers_recipient(const void *compiled, const char *item)
{
    const struct wanted_recipients *wide = compiled;
    struct conf_item narrow_item = {.text = item};
    struct wanted_recipient narrow = {{NULL, 0}, {.length = 0}};
    struct base_error ignored;

    if (!compile_recipient(&narrow_item, &narrow, &ignored))
        return false;
    for (size_t i = 0; i < wide->count; i++)
        if (dns_name_equals(&wide->items[i].domain, &narrow.domain) &&
            (wide->items[i].local.data == NULL ||
             (narrow.local.data != NULL && base_text_equals(wide->items[i].local, narrow.local))))
            return true;
    return false;
}

static bool is_wanted(const struct wanted_recipients *recipients,
                      const struct policy_address *address)
{
    for (size_t i = 0; i < recipients->count; i++) {
        const struct wanted_recipient *wanted = &recipients->items[i];

        if (address->kind == POLICY_ADDRESS_DOMAIN &&
            dns_name_equals(&address->domain, &wanted->domain) &&
            (wanted->local.data == NULL || policy_address_is_local_part(address, wanted->local)))
            return true;
    }
    return false;
}

static bool matches_recipient(const struct policy_rule_condition *condition,
                              const struct policy_rule_facts *facts)
{
    if (facts->recipient != NULL)
        return is_wanted(condition->compiled, facts->recipient);
    for (const struct policy_recipient *it = facts->recipients; it != NULL; it = it->next) {
        struct policy_address address;

        (void)policy_address_parse(it->address, &address);
        if (is_wanted(condition->compiled, &address))
            return true;
    }
    return false;
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("direction", CONF_WORD, direction, direction_words),
     .known_from = POLICY_STAGE_MAIL,
     .is_always_there = true,
     .is_constant = true,
     .matches = matches_direction,
     .doubt = doubt_direction},
    {.option = POLICY_CONDITION_OPTION("client-net", CONF_LIST, client_net, NULL),
     .known_from = POLICY_STAGE_CONNECT,
     .compile = policy_condition_compile_networks,
     .destroy = policy_condition_destroy_networks,
     .covers_item = policy_condition_covers_network,
     .is_constant = true,
     .matches = matches_client_net},
    {.option = POLICY_CONDITION_OPTION("sender-domain", CONF_LIST, sender_domain, NULL),
     .known_from = POLICY_STAGE_MAIL,
     .compile = policy_condition_compile_domains,
     .destroy = policy_condition_destroy_domains,
     .covers_item = policy_condition_covers_domain,
     .is_constant = true,
     .matches = matches_sender_domain},
    {.option = POLICY_CONDITION_OPTION("recipient", CONF_LIST, recipient, NULL),
     .known_from = POLICY_STAGE_RCPT,
     .topics = POLICY_TOPIC_RECIPIENTS,
     .compile = compile_recipients,
     .destroy = destroy_recipients,
     .covers_item = covers_recipient,
     .matches = matches_recipient,
     .doubt = doubt_recipient},
};

const struct conf_option_group policy_conditions_envelope = POLICY_CONDITION_GROUP(rows);
