/* Conditions on what other servers of ours found (RFC 8601 section 1.2): methods and results are
 * the RFC's, section 2.7. */
#include <string.h>

#include "base/mem.h"
#include "policy/authres_trusted.h"
#include "policy/conditions.h"
#include "policy/options.h"
#include "policy/rules-private.h"

struct wanted_result {
    struct base_text method;
    struct base_text result;
};

/* Texts of the option. */
struct wanted_results {
    size_t count;
    struct wanted_result items[];
};

/* What a rule may ask for; other methods are taken as they are. */
static const struct {
    const char *method;
    const char *results;
} known[] = {
    {"spf", "none pass fail softfail policy neutral temperror permerror"},
    {"dkim", "none pass fail policy neutral temperror permerror"},
    {"dmarc", "none pass fail temperror permerror"},
    {"arc", "none pass fail"},
    {"iprev", "pass fail temperror permerror"},
    {"auth", "none pass fail temperror permerror"},
};

static bool is_word_among(const char *words, struct base_text word)
{
    struct base_text rest = base_text_of(words);

    while (rest.data != NULL)
        if (base_text_equals(base_text_split(&rest, ' '), word))
            return true;
    return false;
}

/* RFC 8601 section 2.2: Keyword, in lower case. */
static bool is_keyword(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return text.length > 0;
}

static bool compile_result(const struct conf_item *item, struct wanted_result *wanted,
                           struct base_error *error_r)
{
    struct base_text rest = base_text_of(item->text);

    wanted->method = base_text_split(&rest, '=');
    wanted->result = rest;
    if (rest.data == NULL || !is_keyword(wanted->method) || !is_keyword(wanted->result)) {
        conf_error_at(error_r, item->where,
                      "`trusted-result`: \"%s\" is no method with its result: write it as "
                      "\"dmarc=fail\", in lower case",
                      item->text);
        return false;
    }
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (!base_text_equals(wanted->method, base_text_of(known[i].method)) ||
            is_word_among(known[i].results, wanted->result))
            continue;
        conf_error_at(error_r, item->where,
                      "`trusted-result`: \"%s\" is never found: %s gives one of: %s", item->text,
                      known[i].method, known[i].results);
        return false;
    }
    return true;
}

static void *compile_results(const struct policy_condition *condition, const void *value,
                             struct base_error *error_r)
{
    const struct conf_list *list = value;
    struct wanted_results *wanted =
        base_mem_alloc_zero(1, sizeof(*wanted) + list->count * sizeof(wanted->items[0]));

    (void)condition;
    wanted->count = list->count;
    for (size_t i = 0; i < list->count; i++) {
        if (compile_result(&list->items[i], &wanted->items[i], error_r))
            continue;
        base_mem_free(wanted);
        return NULL;
    }
    return wanted;
}

static void destroy_results(void *compiled)
{
    base_mem_free(compiled);
}

static bool is_wanted(const struct wanted_results *wanted, const struct authres_result *result)
{
    for (size_t i = 0; i < wanted->count; i++)
        if (base_text_equals(wanted->items[i].method, result->method) &&
            base_text_equals(wanted->items[i].result, result->result))
            return true;
    return false;
}

static bool matches_result(const struct policy_rule_condition *condition,
                           const struct policy_rule_facts *facts)
{
    const struct policy_authres_trusted *it = facts->trusted_results;

    for (; it != NULL; it = it->next)
        for (const struct authres_result *result = it->field.results; result != NULL;
             result = result->next)
            if (is_wanted(condition->compiled, result))
                return true;
    return false;
}

static void doubt_result(const struct policy_rule_condition *condition,
                         const struct policy_options *options, struct base_buf *out)
{
    (void)condition;
    if (options->trusted_authserv_ids.count == 0 || options->trusted_networks.count == 0)
        base_buf_append_cstr(out, "`trusted-result` is read of nobody: say of whom with "
                                  "`trusted-authserv-ids` and `trusted-networks`");
}

static const struct policy_condition rows[] = {
    {.option = POLICY_CONDITION_OPTION("trusted-result", CONF_LIST, trusted_result, NULL),
     .known_from = POLICY_STAGE_EOH,
     .compile = compile_results,
     .destroy = destroy_results,
     .matches = matches_result,
     .doubt = doubt_result},
};

const struct conf_option_group policy_conditions_trusted = POLICY_CONDITION_GROUP(rows);
