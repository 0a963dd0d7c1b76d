/* RFC 7208 section 4: check_host(). Initial processing (4.3) is here; records and their evaluation
 * are in record.c and lower.c. */
#include "policy/spf/spf.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/arena.h"
#include "policy/spf/context.h"
#include "policy/spf/explain.h"
#include "policy/spf/lower.h"
#include "policy/spf/macro.h"

const char *spf_verdict_text(enum spf_verdict verdict)
{
    static const char *const texts[] = {
        [SPF_VERDICT_NONE] = "none",           [SPF_VERDICT_NEUTRAL] = "neutral",
        [SPF_VERDICT_PASS] = "pass",           [SPF_VERDICT_FAIL] = "fail",
        [SPF_VERDICT_SOFTFAIL] = "softfail",   [SPF_VERDICT_TEMPERROR] = "temperror",
        [SPF_VERDICT_PERMERROR] = "permerror",
    };

    return texts[verdict];
}

void spf_client_set(struct spf_client *client, const unsigned char *octets, size_t length)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    memset(client, 0, sizeof(*client));
    if (length == 16 && memcmp(octets, mapped, sizeof(mapped)) == 0) {
        octets += sizeof(mapped);
        length = 4;
    }
    client->is_ipv6 = length == 16;
    memcpy(client->octets, octets, length);
}

bool spf_client_is_loopback(const struct spf_client *client)
{
    static const unsigned char loopback6[16] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

    if (client->is_ipv6)
        return memcmp(client->octets, loopback6, sizeof(loopback6)) == 0;
    return client->octets[0] == 127;
}

bool spf_client_matches(const struct spf_client *client, const unsigned char *octets,
                        unsigned prefix)
{
    unsigned whole = prefix / 8;
    unsigned bits = prefix % 8;

    if (memcmp(client->octets, octets, whole) != 0)
        return false;
    return bits == 0 || ((client->octets[whole] ^ octets[whole]) >> (8 - bits)) == 0;
}

void spf_context_stop(struct spf_context *context, enum spf_verdict verdict, const char *reason,
                      const struct dns_name *domain)
{
    if (context->is_stopped)
        return;
    context->is_stopped = true;
    context->stop_verdict = verdict;
    context->stop_reason = reason;
    context->stop_domain = domain;
    context->stop_term = context->term;
}

void spf_context_count_void(struct spf_context *context)
{
    if (context->term == NULL || context->term->is_void)
        return;
    context->term->is_void = true;
    if (++context->voids > context->request->max_voids)
        spf_context_stop(context, SPF_VERDICT_PERMERROR, "too many look-ups found nothing",
                         &context->record->domain);
}

bool spf_is_never_match(const struct spf_context *context, struct base_text domain_spec)
{
    return context->has_utf8_local_part && spf_macro_has_local_part(domain_spec);
}

/* 7.3: a name of more than 253 octets loses labels on the left. */
bool spf_expand_name(struct spf_context *context, struct base_text domain_spec,
                     const struct dns_name *domain, struct dns_name *name_r)
{
    struct base_buf text;
    struct base_text name;

    if (spf_is_never_match(context, domain_spec))
        return false;
    base_buf_init(&text, context->request->arena, 16384);
    if (!spf_macro_expand(context, domain_spec, domain, &text))
        return false;
    name = base_buf_text(&text);
    if (name.length > 0 && name.data[name.length - 1] == '.')
        name.length--;
    while (name.length > DNS_NAME_MAX) {
        const char *dot = memchr(name.data, '.', name.length);

        if (dot == NULL)
            return false;
        name.length -= (size_t)(dot + 1 - name.data);
        name.data = dot + 1;
    }
    return dns_name_make(name_r, name) == DNS_NAME_OK;
}

/* 4.3: a domain that is malformed, has one label only or is an address literal has no policy. */
static const char *domain_fault(struct spf_context *context)
{
    enum dns_name_fault fault = dns_name_make(&context->domain, context->request->domain);

    if (fault != DNS_NAME_OK)
        return dns_name_fault_text(fault);
    if (context->domain.label_count < 2)
        return "the domain has a single label";
    if (context->domain.text[0] == '[')
        return "the domain is an address literal";
    return NULL;
}

static void context_init(struct spf_context *context, const struct spf_request *request)
{
    const struct spf_client *client = &request->client;

    memset(context, 0, sizeof(*context));
    context->request = request;
    context->local_part =
        request->local_part.length > 0 ? request->local_part : BASE_TEXT("postmaster");
    for (size_t i = 0; i < context->local_part.length; i++)
        context->has_utf8_local_part |= (context->local_part.data[i] & 0x80) != 0;
    (void)inet_ntop(client->is_ipv6 ? AF_INET6 : AF_INET, client->octets, context->client_text,
                    sizeof(context->client_text));
}

bool spf_term_is_ip_match(const struct spf_context *context, const struct spf_term *term)
{
    bool is_ip6 = term->mechanism == SPF_MECHANISM_IP6;

    return is_ip6 == context->request->client.is_ipv6 &&
           spf_client_matches(&context->request->client, term->address,
                              is_ip6 ? term->prefix6 : term->prefix4);
}

/* The term of `record` that decided, by what was found during the evaluation; marks what was
 * reached. The verdict is libspf2's; this is the reason why (the tests prove that both agree).
 * Recursion is as deep as includes nest: ten at most. */
static struct spf_term *deciding_term(const struct spf_context *context, struct spf_record *record)
{
    for (struct spf_term *term = record->first; term != NULL; term = term->next) {
        const struct spf_term *inner;

        switch (term->mechanism) {
        case SPF_MECHANISM_ALL:
            term->is_match = true;
            break;
        case SPF_MECHANISM_IP4:
        case SPF_MECHANISM_IP6:
            term->is_match = spf_term_is_ip_match(context, term);
            break;
        case SPF_MECHANISM_INCLUDE:
            inner = term->child == NULL ? NULL : deciding_term(context, term->child);
            term->is_match = inner != NULL && inner->qualifier == '+';
            break;
        case SPF_MECHANISM_A:
        case SPF_MECHANISM_MX:
        case SPF_MECHANISM_PTR:
        case SPF_MECHANISM_EXISTS:
        case SPF_MECHANISM_REDIRECT:
        default:
            if (!term->is_reached)
                return NULL;
            break;
        }
        term->is_reached = true;
        if (term->is_match)
            return term;
    }
    if (record->redirect != NULL && record->redirect->child != NULL)
        return deciding_term(context, record->redirect->child);
    return NULL;
}

/* Of an evaluation that was stopped: marks the terms before that point which asked nothing. False
 * when the point is in `record`. */
static bool mark_reached(const struct spf_context *context, struct spf_record *record)
{
    for (struct spf_term *term = record->first; term != NULL; term = term->next) {
        bool is_asking = term->mechanism != SPF_MECHANISM_ALL &&
                         term->mechanism != SPF_MECHANISM_IP4 &&
                         term->mechanism != SPF_MECHANISM_IP6;

        if (is_asking && !term->is_reached)
            return false;
        if (term->child != NULL && !mark_reached(context, term->child))
            return false;
        if (term == context->stop_term)
            return false;
        if (term->child != NULL) {
            const struct spf_term *inner = deciding_term(context, term->child);

            term->is_match = inner != NULL && inner->qualifier == '+';
        } else if (!is_asking) {
            term->is_reached = true;
            term->is_match =
                term->mechanism == SPF_MECHANISM_ALL || spf_term_is_ip_match(context, term);
        }
        if (term->is_match)
            return true;
    }
    if (record->redirect == NULL || !record->redirect->is_reached)
        return true;
    return record->redirect->child != NULL && mark_reached(context, record->redirect->child);
}

/* The record whose result is the whole result: where the redirects end. */
static struct spf_record *last_record(struct spf_record *record)
{
    while (record->redirect != NULL && record->redirect->child != NULL)
        record = record->redirect->child;
    return record;
}

static struct spf_record *record_of(struct spf_record *record, const struct spf_term *sought)
{
    for (; record != NULL; record = record->redirect == NULL ? NULL : record->redirect->child)
        for (const struct spf_term *term = record->first; term != NULL; term = term->next)
            if (term == sought)
                return record;
    return NULL;
}

static struct base_text name_text(const struct dns_name *name)
{
    return name == NULL ? (struct base_text){NULL, 0}
                        : (struct base_text){name->text, name->length};
}

static void fill_outcome(struct spf_context *context, struct spf_outcome *outcome)
{
    struct spf_record *root = context->root;
    const struct spf_term *term;

    outcome->terms = context->terms;
    outcome->voids = context->voids;
    outcome->record = root;
    if (context->is_stopped) {
        outcome->reason = context->stop_reason;
        outcome->reason_domain = name_text(context->stop_domain);
        if (root != NULL)
            (void)mark_reached(context, root);
        return;
    }
    if (root == NULL)
        return;
    outcome->is_only_all = root->first != NULL && root->first->next == NULL &&
                           root->first->mechanism == SPF_MECHANISM_ALL &&
                           root->first->qualifier == '-';
    term = deciding_term(context, root);
    if (term != NULL) {
        outcome->term = term->text;
        outcome->term_domain = name_text(&record_of(root, term)->domain);
    }
    outcome->context = context;
    if (context->request->want_explanation)
        spf_explain_host(outcome);
}

void spf_explain_host(struct spf_outcome *outcome)
{
    struct spf_context *context = outcome->context;

    if (outcome->verdict != SPF_VERDICT_FAIL || context == NULL || context->is_explained)
        return;
    context->is_explained = true;
    spf_explain(context, last_record(context->root), outcome);
}

void spf_check_host(const struct spf_request *request, struct spf_outcome *outcome)
{
    /* In the arena: texts of the outcome point into it. */
    struct spf_context *context = base_arena_alloc(request->arena, sizeof(*context));

    memset(outcome, 0, sizeof(*outcome));
    outcome->domain = request->domain;
    if (context == NULL) {
        outcome->verdict = SPF_VERDICT_TEMPERROR;
        outcome->reason = "no memory left";
        return;
    }
    context_init(context, request);
    outcome->reason = domain_fault(context);
    if (outcome->reason != NULL) {
        outcome->verdict = SPF_VERDICT_NONE;
        return;
    }
    outcome->verdict = spf_lower_evaluate(context);
    fill_outcome(context, outcome);
    /* Whatever came out, a part of it may have been left out. */
    if (base_arena_is_exhausted(request->arena))
        *outcome = (struct spf_outcome){
            .verdict = SPF_VERDICT_TEMPERROR,
            .domain = request->domain,
            .reason = "no memory left",
        };
}
