#include "policy/decision_inbound.h"

#include "base/json.h"
#include "base/log.h"
#include "policy/authres_field.h"
#include "policy/authres_trusted.h"
#include "policy/decision.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dnslist.h"
#include "policy/exceptions.h"
#include "policy/iprev.h"
#include "policy/mailing_list.h"
#include "policy/rules.h"
#include "policy/spf/spf.h"

/* Octets of what other servers found. */
#define LOGGED_RESULTS_MAX 1024

static void log_dkim(const struct policy_decision *decision, struct base_log_line *line)
{
    struct base_buf list;

    if (decision->dkim == NULL)
        return;
    base_buf_init(&list, NULL, 4096);
    for (size_t i = 0; i < decision->dkim->count; i++) {
        if (i > 0)
            base_buf_append_char(&list, ',');
        base_buf_append_cstr(&list, dkim_result_text(decision->dkim->items[i].result));
        base_buf_append_char(&list, '/');
        base_buf_append_text(&list, decision->dkim->items[i].domain);
    }
    base_log_line_add(line, "dkim", list.length == 0 ? BASE_TEXT("none") : base_buf_text(&list));
    base_buf_deinit(&list);
}

static bool is_observed(const struct policy_rule_hit *hit)
{
    return hit->mode == POLICY_RULE_OBSERVE && !hit->is_over;
}

static bool is_over(const struct policy_rule_hit *hit)
{
    return hit->is_over;
}

static void append_names(const struct policy_rule_hit *hits,
                         bool (*is_wanted)(const struct policy_rule_hit *hit),
                         struct base_buf *list)
{
    for (; hits != NULL; hits = hits->next) {
        if (!is_wanted(hits))
            continue;
        if (list->length > 0)
            base_buf_append_char(list, ',');
        base_buf_append_cstr(list, hits->name);
    }
}

/* The names of such rules, joined by commas. */
static void log_rules(const struct policy_decision *decision, const char *key,
                      bool (*is_wanted)(const struct policy_rule_hit *hit),
                      struct base_log_line *line)
{
    struct base_buf list;

    base_buf_init(&list, NULL, 1024);
    append_names(decision->session_hits, is_wanted, &list);
    append_names(decision->hits, is_wanted, &list);
    if (list.length > 0)
        base_log_line_add(line, key, base_buf_text(&list));
    base_buf_deinit(&list);
}

/* What the public suffix list would have given. */
static void log_list(const struct dmarc_outcome *by_list, struct base_log_line *line)
{
    char storage[16 + DNS_NAME_ESCAPED_SIZE];
    char name[DNS_NAME_ESCAPED_SIZE];
    struct base_buf words;

    if (by_list == NULL)
        return;
    base_buf_init_fixed(&words, storage, sizeof(storage));
    base_buf_appendf(&words, "%s/%s", dmarc_result_text(by_list->result),
                     dns_name_escape(&by_list->organizational_domain, name));
    base_log_line_add(line, "dmarc-psl", base_buf_text(&words));
}

/* "spf=pass dmarc=fail", as far as there is room. */
static void log_trusted(const struct policy_authres_trusted *trusted, struct base_log_line *line)
{
    struct base_buf words;

    if (trusted == NULL)
        return;
    base_buf_init(&words, NULL, LOGGED_RESULTS_MAX);
    for (; trusted != NULL; trusted = trusted->next)
        for (const struct authres_result *it = trusted->field.results; it != NULL; it = it->next)
            base_buf_appendf(&words, "%s%.*s=%.*s", words.length == 0 ? "" : " ",
                             (int)it->method.length, it->method.data, (int)it->result.length,
                             it->result.data);
    base_log_line_add(line, "trusted",
                      words.length == 0 ? BASE_TEXT("none") : base_buf_text(&words));
    base_buf_deinit(&words);
}

/* Lists that the client is on, as zone/code. */
static void log_dnslists(const struct policy_decision *decision, bool is_allowing,
                         struct base_log_line *line)
{
    struct base_buf list;

    base_buf_init(&list, NULL, 2048);
    for (size_t i = 0; i < decision->dnslist_count; i++) {
        const struct policy_dnslist_outcome *outcome = &decision->dnslists[i];

        if (outcome->result != POLICY_DNSLIST_HIT || outcome->is_allowing != is_allowing)
            continue;
        base_buf_appendf(&list, "%s%s/%s", list.length > 0 ? "," : "", outcome->zone,
                         outcome->code);
    }
    if (list.length > 0)
        base_log_line_add(line, is_allowing ? "dnswl" : "dnsbl", base_buf_text(&list));
    base_buf_deinit(&list);
}

void policy_decision_log_inbound(const struct policy_decision *decision, struct base_log_line *line)
{
    if (decision->spf != NULL)
        base_log_line_add_cstr(line, "spf", spf_verdict_text(decision->spf->verdict));
    if (decision->helo_spf != NULL)
        base_log_line_add_cstr(line, "helo-spf", spf_verdict_text(decision->helo_spf->verdict));
    log_dkim(decision, line);
    if (decision->dmarc != NULL) {
        base_log_line_add_cstr(line, "dmarc", dmarc_result_text(decision->dmarc->result));
        if (decision->dmarc->has_record)
            base_log_line_add_cstr(line, "dmarc-policy",
                                   dmarc_policy_text(decision->dmarc->policy));
        log_list(decision->dmarc->by_list, line);
    }
    log_trusted(decision->trusted_results, line);
    if (decision->iprev != NULL)
        base_log_line_add_cstr(line, "iprev", policy_iprev_result_text(decision->iprev->result));
    log_dnslists(decision, false, line);
    log_dnslists(decision, true, line);
    log_rules(decision, "observed", is_observed, line);
    log_rules(decision, "overdue", is_over, line);
    if (decision->overrides != NULL)
        base_log_line_add_cstr(line, "override", decision->overrides->comment);
    if (decision->recipients_refused > 0)
        base_log_line_add_int(line, "refused", decision->recipients_refused);
}

struct base_json *policy_spf_json(const struct spf_outcome *outcome, const char *identity)
{
    struct base_json *object;

    if (outcome == NULL)
        return NULL;
    object = base_json_object();
    base_json_set_cstr(object, "result", spf_verdict_text(outcome->verdict));
    base_json_set_cstr(object, "identity", identity);
    base_json_set_text_or_null(object, "domain", outcome->domain);
    base_json_set_cstr(object, "reason", outcome->reason);
    base_json_set_text_or_null(object, "reason_domain", outcome->reason_domain);
    base_json_set_text_or_null(object, "term", outcome->term);
    base_json_set_text_or_null(object, "term_domain", outcome->term_domain);
    base_json_set_text_or_null(object, "explanation", outcome->explanation);
    base_json_set_int(object, "terms", outcome->terms);
    base_json_set_int(object, "voids", outcome->voids);
    base_json_set_bool(object, "only_all", outcome->is_only_all);
    return object;
}

static struct base_json *flags_json(unsigned flags)
{
    struct base_json *array = base_json_array();
    const char *text;

    for (unsigned i = 0; (text = dkim_flag_text(i)) != NULL; i++)
        if ((flags & 1U << i) != 0)
            base_json_append_text(array, base_text_of(text));
    return array;
}

/* {"header.from": "example.org"} */
static struct base_json *properties_json(const struct authres_property *property)
{
    struct base_json *object = base_json_object();

    for (; property != NULL; property = property->next) {
        struct base_buf name;

        base_buf_init(&name, NULL, POLICY_AUTHRES_TRUSTED_OCTETS);
        base_buf_append_text(&name, property->ptype);
        base_buf_append_char(&name, '.');
        base_buf_append_text(&name, property->property);
        base_json_set_text(object, base_buf_cstr(&name), property->value);
        base_buf_deinit(&name);
    }
    return object;
}

static struct base_json *trusted_json(const struct policy_authres_trusted *trusted)
{
    struct base_json *array = base_json_array();

    for (; trusted != NULL; trusted = trusted->next) {
        const struct authres_result *result = trusted->field.results;

        for (; result != NULL; result = result->next) {
            struct base_json *object = base_json_object();

            base_json_set_text(object, "authserv_id", trusted->field.authserv_id);
            base_json_set_text(object, "method", result->method);
            base_json_set_text(object, "result", result->result);
            base_json_set_text_or_null(object, "reason", result->reason);
            base_json_set(object, "properties", properties_json(result->properties));
            base_json_append(array, object);
        }
    }
    return array;
}

static struct base_json *iprev_json(const struct policy_iprev *iprev)
{
    struct base_json *object;
    struct base_json *names;

    if (iprev == NULL)
        return NULL;
    object = base_json_object();
    names = base_json_array();
    base_json_set_cstr(object, "result", policy_iprev_result_text(iprev->result));
    base_json_set_cstr(object, "reason", iprev->reason);
    for (size_t i = 0; i < iprev->count; i++) {
        char escaped[DNS_NAME_ESCAPED_SIZE];

        base_json_append_text(names, base_text_of(dns_name_escape(&iprev->names[i], escaped)));
    }
    base_json_set(object, "names", names);
    return object;
}

static struct base_json *dnslists_json(const struct policy_decision *decision)
{
    struct base_json *array = base_json_array();

    for (size_t i = 0; i < decision->dnslist_count; i++) {
        const struct policy_dnslist_outcome *outcome = &decision->dnslists[i];
        struct base_json *object;

        if (outcome->result == POLICY_DNSLIST_UNKNOWN)
            continue;
        object = base_json_object();
        base_json_set_cstr(object, "zone", outcome->zone);
        base_json_set_cstr(object, "kind", outcome->is_allowing ? "dnswl" : "dnsbl");
        base_json_set_cstr(object, "result", policy_dnslist_result_text(outcome->result));
        base_json_set_cstr(object, "code", outcome->code[0] == '\0' ? NULL : outcome->code);
        base_json_set_text_or_null(object, "text", outcome->text);
        base_json_append(array, object);
    }
    return array;
}

static struct base_json *mailing_list_json(const struct policy_mailing_list *list)
{
    struct base_json *object;

    if (list == NULL)
        return NULL;
    object = base_json_object();
    base_json_set_text_or_null(object, "list_id", list->list_id);
    base_json_set_cstr(object, "precedence", list->precedence);
    base_json_set_bool(object, "resigned", list->is_resigned);
    return object;
}

struct base_json *policy_dkim_json(const struct dkim_verdicts *verdicts)
{
    struct base_json *array = base_json_array();

    for (size_t i = 0; verdicts != NULL && i < verdicts->count; i++) {
        const struct dkim_verdict *verdict = &verdicts->items[i];
        struct base_json *object = base_json_object();

        base_json_set_cstr(object, "result", dkim_result_text(verdict->result));
        base_json_set_cstr(object, "reason", verdict->reason);
        base_json_set_text_or_null(object, "d", verdict->domain);
        base_json_set_text_or_null(object, "s", verdict->selector);
        base_json_set_text_or_null(object, "i", verdict->identity);
        base_json_set_text_or_null(object, "a", verdict->algorithm);
        base_json_set_int(object, "bits", verdict->bits);
        base_json_set(object, "flags", flags_json(verdict->flags));
        base_json_append(array, object);
    }
    return array;
}

static void set_name(struct base_json *object, const char *key, bool is_known,
                     const struct dns_name *name)
{
    char escaped[DNS_NAME_ESCAPED_SIZE];

    base_json_set_cstr(object, key, is_known ? dns_name_escape(name, escaped) : NULL);
}

static void set_list(struct base_json *object, const struct dmarc_outcome *by_list)
{
    struct base_json *list;

    if (by_list == NULL) {
        base_json_set_null(object, "psl");
        return;
    }
    list = base_json_object();
    base_json_set_cstr(list, "result", dmarc_result_text(by_list->result));
    base_json_set_cstr(list, "disposition", dmarc_policy_text(by_list->disposition));
    base_json_set_cstr(list, "policy",
                       by_list->has_record ? dmarc_policy_text(by_list->policy) : NULL);
    set_name(list, "organizational_domain", true, &by_list->organizational_domain);
    set_name(list, "policy_domain", by_list->has_record, &by_list->policy_domain);
    base_json_set(object, "psl", list);
}

struct base_json *policy_dmarc_json(const struct dmarc_outcome *outcome)
{
    static const char *const tags[] = {
        [DMARC_TAKEN_FROM_P] = "p",
        [DMARC_TAKEN_FROM_SP] = "sp",
        [DMARC_TAKEN_FROM_NP] = "np",
        [DMARC_TAKEN_FROM_RUA] = "rua",
    };
    struct base_json *object;

    if (outcome == NULL)
        return NULL;
    object = base_json_object();
    base_json_set_cstr(object, "result", dmarc_result_text(outcome->result));
    base_json_set_cstr(object, "disposition", dmarc_policy_text(outcome->disposition));
    base_json_set_cstr(object, "policy",
                       outcome->has_record ? dmarc_policy_text(outcome->policy) : NULL);
    base_json_set_cstr(object, "policy_tag",
                       outcome->has_record ? tags[outcome->policy_tag] : NULL);
    set_name(object, "author_domain", true, &outcome->author_domain);
    set_name(object, "organizational_domain", outcome->has_organizational,
             &outcome->organizational_domain);
    set_name(object, "policy_domain", outcome->has_record, &outcome->policy_domain);
    base_json_set_bool(object, "spf_aligned", outcome->is_spf_aligned);
    base_json_set_bool(object, "dkim_aligned", outcome->is_dkim_aligned);
    base_json_set_cstr(object, "method", dmarc_method_text(outcome->method));
    set_list(object, outcome->by_list);
    base_json_set_cstr(object, "reason", outcome->reason);
    base_json_set_text_or_null(
        object, "record", outcome->has_record ? outcome->record.text : (struct base_text){NULL, 0});
    return object;
}

static void append_hits(struct base_json *array, const struct policy_rule_hit *hits)
{
    for (; hits != NULL; hits = hits->next) {
        struct base_json *object = base_json_object();

        base_json_set_cstr(object, "name", hits->name);
        base_json_set_cstr(object, "stage", policy_stage_text(hits->stage));
        base_json_set_cstr(object, "mode", policy_rule_mode_text(hits->mode));
        base_json_set_bool(object, "matched", !hits->is_over);
        base_json_set_cstr(object, "reason", hits->is_over ? "tempfail-for is over" : NULL);
        base_json_set_cstr(object, "action", policy_action_text(hits->action));
        base_json_append(array, object);
    }
}

static void set_or_null(struct base_json *object, const char *key, struct base_json *value)
{
    if (value == NULL)
        base_json_set_null(object, key);
    else
        base_json_set(object, key, value);
}

void policy_decision_json_inbound(const struct policy_decision *decision, struct base_json *object)
{
    struct base_json *rules = base_json_array();
    struct base_json *overrides = base_json_array();
    bool is_null_sender = decision->mail_from.length == 0;

    set_or_null(object, "spf",
                policy_spf_json(decision->spf, is_null_sender ? "helo" : "mailfrom"));
    set_or_null(object, "helo_spf", policy_spf_json(decision->helo_spf, "helo"));
    base_json_set(object, "dkim", policy_dkim_json(decision->dkim));
    set_or_null(object, "dmarc", policy_dmarc_json(decision->dmarc));
    base_json_set(object, "trusted_results", trusted_json(decision->trusted_results));
    set_or_null(object, "iprev", iprev_json(decision->iprev));
    base_json_set(object, "dns_lists", dnslists_json(decision));
    set_or_null(object, "mailing_list", mailing_list_json(decision->mailing_list));
    base_json_set_cstr(object, "exception",
                       decision->exception == NULL ? NULL : decision->exception->name);
    append_hits(rules, decision->session_hits);
    append_hits(rules, decision->hits);
    base_json_set(object, "rules", rules);
    for (const struct policy_override *it = decision->overrides; it != NULL; it = it->next) {
        struct base_json *override = base_json_object();

        base_json_set_cstr(override, "type", it->type);
        base_json_set_cstr(override, "comment", it->comment);
        base_json_append(overrides, override);
    }
    base_json_set(object, "overrides", overrides);
    base_json_set_text_or_null(object, "authentication_results", decision->authres);
    base_json_set_int(object, "recipients_refused", decision->recipients_refused);
}
