/* The conditions within an exception are ANDed, the values of one are ORed, as in a rule. What
 * costs nothing is asked first, the client's name last. */
#include "policy/exceptions.h"

#include <stdio.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "policy/address.h"
#include "policy/domains.h"
#include "policy/iprev.h"
#include "policy/mailing_list.h"
#include "policy/networks.h"
#include "policy/rules.h"

struct exception_options {
    struct conf_list client_net;
    struct conf_list client_name;
    struct conf_list dkim_domain;
    struct conf_list list_id;
    struct conf_list sender_domain;
    struct conf_list author_domain;
    uint64_t scope;
};

/* NULL: no such condition. */
struct exception {
    struct policy_exception said;
    struct policy_networks *client_net;
    struct policy_domains *client_name;
    struct policy_domains *dkim_domain;
    struct policy_domains *sender_domain;
    struct policy_domains *author_domain;
    const struct conf_list *list_id;
};

struct policy_exceptions {
    struct exception *items;
    size_t count;
};

static const char *const scope_words[] = {"dmarc", NULL};

#define ROW(option, ...) CONF_ROW(exception_options, option, __VA_ARGS__)

static const struct conf_option options[] = {
    ROW("client-net", CONF_LIST, client_net),
    ROW("client-name", CONF_LIST, client_name),
    ROW("dkim-domain", CONF_LIST, dkim_domain),
    ROW("list-id", CONF_LIST, list_id),
    ROW("sender-domain", CONF_LIST, sender_domain),
    ROW("author-domain", CONF_LIST, author_domain),
    ROW("for", CONF_WORDS, scope, .words = scope_words),
};

#define CONDITION_COUNT (sizeof(options) / sizeof(options[0]) - 1)

static bool is_given(const struct conf_section *section, const char *option)
{
    return conf_section_where(section, option).line != 0;
}

/* An exception without a condition would be one for all mail; an empty list one for none. */
static bool check_exception(struct conf_section *section, struct base_error *error_r)
{
    bool has_condition = false;

    if (!is_given(section, "for")) {
        conf_error_at(error_r, section->where,
                      "exception \"%s\" has no `for`: say from what, `for = { dmarc }`",
                      section->title);
        return false;
    }
    for (size_t i = 0; i < CONDITION_COUNT; i++) {
        if (!is_given(section, options[i].name))
            continue;
        const struct conf_list *list =
            (const void *)((const char *)section->values + options[i].offset);

        has_condition = true;
        if (list->count > 0 || list->has_file)
            continue;
        conf_error_at(error_r, conf_section_where(section, options[i].name),
                      "exception \"%s\": `%s` is empty: name one, or take it away", section->title,
                      options[i].name);
        return false;
    }
    if (!has_condition)
        conf_error_at(error_r, section->where,
                      "exception \"%s\" has no condition: name whose mail it is about, for example "
                      "`dkim-domain = { \"lists.example.org\" }`",
                      section->title);
    return has_condition;
}

const struct conf_table policy_exception_table = {
    .name = "exception",
    .has_title = true,
    .struct_size = sizeof(struct exception_options),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .check = check_exception,
};

/* An empty list, of a file, is nobody's: no condition at all would be everybody's. */
static bool compile_domains(const struct conf_section *section, const struct conf_list *list,
                            const char *option, struct policy_domains **domains,
                            struct base_error *error_r)
{
    if (!is_given(section, option))
        return true;
    *domains = policy_domains_create(list, option, error_r);
    return *domains != NULL;
}

static const char *override_type(const struct exception_options *values)
{
    if (values->list_id.count > 0)
        return "mailing_list";
    if (values->client_net.count > 0 || values->client_name.count > 0 ||
        values->dkim_domain.count > 0)
        return "trusted_forwarder";
    return "local_policy";
}

static bool compile(struct exception *exception, const struct conf_section *section,
                    struct base_error *error_r)
{
    const struct exception_options *values = section->values;

    exception->said.name = section->title;
    exception->said.override_type = override_type(values);
    if (is_given(section, "list-id"))
        exception->list_id = &values->list_id;
    if (is_given(section, "client-net")) {
        exception->client_net = policy_networks_create(&values->client_net, "client-net", error_r);
        if (exception->client_net == NULL)
            return false;
    }
    return compile_domains(section, &values->client_name, "client-name", &exception->client_name,
                           error_r) &&
           compile_domains(section, &values->dkim_domain, "dkim-domain", &exception->dkim_domain,
                           error_r) &&
           compile_domains(section, &values->sender_domain, "sender-domain",
                           &exception->sender_domain, error_r) &&
           compile_domains(section, &values->author_domain, "author-domain",
                           &exception->author_domain, error_r);
}

/* Fields, the reverse-path and the author are whatever a stranger writes. */
static void warn_of_claims(const struct exception *exception, const struct conf_section *section,
                           void (*warn)(void *context, const char *text), void *context)
{
    char text[512];

    if (warn == NULL || exception->client_net != NULL || exception->client_name != NULL ||
        exception->dkim_domain != NULL)
        return;
    (void)snprintf(text, sizeof(text),
                   "%s:%d: exception \"%s\": any stranger can claim this: add client-net, "
                   "client-name or dkim-domain",
                   section->where.file, section->where.line, section->title);
    warn(context, text);
}

struct policy_exceptions *policy_exceptions_create(const struct conf_snapshot *conf,
                                                   void (*warn)(void *context, const char *text),
                                                   void *context, struct base_error *error_r)
{
    struct policy_exceptions *exceptions = base_mem_alloc_zero(1, sizeof(*exceptions));
    size_t count = conf_snapshot_count(conf, &policy_exception_table);

    exceptions->items = base_mem_alloc_zero(count, sizeof(*exceptions->items));
    for (size_t i = 0; i < count; i++) {
        const struct conf_section *section = conf_snapshot_at(conf, &policy_exception_table, i);
        struct exception *exception = &exceptions->items[exceptions->count++];

        if (!compile(exception, section, error_r)) {
            policy_exceptions_destroy(&exceptions);
            return NULL;
        }
        warn_of_claims(exception, section, warn, context);
    }
    return exceptions;
}

void policy_exceptions_destroy(struct policy_exceptions **exceptions)
{
    if (*exceptions == NULL)
        return;
    for (size_t i = 0; i < (*exceptions)->count; i++) {
        struct exception *exception = &(*exceptions)->items[i];

        policy_networks_destroy(&exception->client_net);
        policy_domains_destroy(&exception->client_name);
        policy_domains_destroy(&exception->dkim_domain);
        policy_domains_destroy(&exception->sender_domain);
        policy_domains_destroy(&exception->author_domain);
    }
    base_mem_free((*exceptions)->items);
    base_mem_free(*exceptions);
    *exceptions = NULL;
}

/* "dev.lists.example.org", or ".lists.example.org" for all below it; any case. */
static bool is_list_among(const struct conf_list *wanted, struct base_text id)
{
    for (size_t i = 0; i < wanted->count; i++) {
        struct base_text item = base_text_of(wanted->items[i].text);
        struct base_text end = id;

        if (item.data[0] == '.' && id.length > item.length)
            end = (struct base_text){id.data + id.length - item.length, item.length};
        if (base_text_equals_nocase(end, item))
            return true;
    }
    return false;
}

static bool matches_list(const struct exception *exception, const struct policy_rule_facts *facts)
{
    const struct policy_mailing_list *list = facts->mailing_list(facts->context);

    return list != NULL && list->list_id.data != NULL &&
           is_list_among(exception->list_id, list->list_id);
}

static bool matches_name(const struct exception *exception, const struct policy_rule_facts *facts)
{
    const struct policy_iprev *iprev = facts->iprev(facts->context);

    for (size_t i = 0; iprev != NULL && i < iprev->count; i++)
        if (policy_domains_contain(exception->client_name, &iprev->names[i]))
            return true;
    return false;
}

static bool matches(const struct exception *exception, const struct policy_rule_facts *facts)
{
    if (exception->client_net != NULL &&
        (facts->client == NULL || !policy_networks_contain(exception->client_net, facts->client)))
        return false;
    if (exception->sender_domain != NULL &&
        (facts->sender == NULL || facts->sender->kind != POLICY_ADDRESS_DOMAIN ||
         !policy_domains_contain(exception->sender_domain, &facts->sender->domain)))
        return false;
    if (exception->author_domain != NULL &&
        (facts->author_domain == NULL ||
         !policy_domains_contain(exception->author_domain, facts->author_domain)))
        return false;
    if (exception->list_id != NULL && !matches_list(exception, facts))
        return false;
    if (exception->dkim_domain != NULL &&
        !policy_rule_facts_signed_by(facts, exception->dkim_domain))
        return false;
    return exception->client_name == NULL || matches_name(exception, facts);
}

bool policy_exceptions_want_iprev(const struct policy_exceptions *exceptions)
{
    for (size_t i = 0; i < exceptions->count; i++)
        if (exceptions->items[i].client_name != NULL)
            return true;
    return false;
}

const struct policy_exception *policy_exceptions_find(const struct policy_exceptions *exceptions,
                                                      const struct policy_rule_facts *facts)
{
    for (size_t i = 0; i < exceptions->count; i++)
        if (matches(&exceptions->items[i], facts))
            return &exceptions->items[i].said;
    return NULL;
}
