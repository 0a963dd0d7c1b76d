/* See decision_bulk.h. */
#include "policy/decision_bulk.h"

#include "base/json.h"
#include "policy/decision.h"

const char *const policy_one_click_words[] = {"none", "present", "signed", NULL};
const char *const policy_author_aligned_words[] = {"none", "dkim", "spf", "both", NULL};

bool policy_bulk_count_is_over(const struct policy_bulk_count *count)
{
    return count->used + count->recipients >= count->limit;
}

void policy_decision_json_bulk(const struct policy_decision *decision, struct base_json *object)
{
    const struct policy_bulk *bulk = decision->bulk;
    struct base_json *json;
    struct base_json *providers;

    if (bulk == NULL) {
        base_json_set_null(object, "bulk");
        return;
    }
    json = base_json_object();
    providers = base_json_array();
    base_json_set_text(json, "author_domain",
                       (struct base_text){bulk->author.text, bulk->author.length});
    base_json_set_cstr(json, "one_click_unsubscribe", policy_one_click_words[bulk->one_click]);
    base_json_set_cstr(json, "author_aligned", policy_author_aligned_words[bulk->aligned]);
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next) {
        struct base_json *provider = base_json_object();

        base_json_set_cstr(provider, "provider", it->provider);
        base_json_set_int(provider, "recipients", it->recipients);
        base_json_set_int(provider, "used", it->used + it->recipients);
        base_json_set_int(provider, "limit", it->limit);
        base_json_set_bool(provider, "bulk", policy_bulk_count_is_over(it));
        base_json_append(providers, provider);
    }
    base_json_set(json, "providers", providers);
    base_json_set(object, "bulk", json);
}
