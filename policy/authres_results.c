/* RFC 8601 sections 2.2 to 2.7, the registry's property names, and RFC 9989 section 9.1. Every
 * value that a stranger chose is quoted, or left out if it is too long. */
#include "policy/authres_results.h"

#include <unistd.h>

#include "base/arena.h"
#include "policy/address.h"
#include "policy/authres_field.h"
#include "policy/evaluation.h"
#include "policy/exceptions.h"
#include "policy/networks.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* Octets of the whole field: ten signatures with everything are far below it. */
#define FIELD_MAX    16384
#define B_LENGTH_MIN 8

struct builder {
    struct base_arena *arena;
    struct authres_field field;
    struct authres_result **result_tail;
    struct authres_property **property_tail;
    bool is_over;
};

static void add_result(struct builder *builder, const char *method, const char *result,
                       const char *reason)
{
    struct authres_result *made = base_arena_alloc(builder->arena, sizeof(*made));

    if (made == NULL) {
        builder->is_over = true;
        return;
    }
    made->method = base_text_of(method);
    made->result = base_text_of(result);
    if (reason != NULL)
        made->reason = base_text_of(reason);
    *builder->result_tail = made;
    builder->result_tail = &made->next;
    builder->property_tail = &made->properties;
}

/* Of the result added last; left out when there is no value. */
static void add_property(struct builder *builder, const char *ptype, const char *property,
                         struct base_text value)
{
    struct authres_property *made;

    value = authres_whole_value(value);
    if (value.length == 0 || builder->is_over)
        return;
    made = base_arena_alloc(builder->arena, sizeof(*made));
    if (made == NULL) {
        builder->is_over = true;
        return;
    }
    made->ptype = base_text_of(ptype);
    made->property = base_text_of(property);
    made->value = value;
    *builder->property_tail = made;
    builder->property_tail = &made->next;
}

/* Section 2.7.3. Only if it is wanted, or somebody had to know. */
static void add_iprev(struct builder *builder, struct policy_session *session)
{
    const struct policy_iprev *iprev;

    if (!session->snapshot->options->iprev && !session->client_evaluation.has_iprev)
        return;
    iprev = policy_evaluation_iprev(session);
    session->decision.iprev = iprev;
    if (iprev == NULL)
        return;
    add_result(builder, "iprev", policy_iprev_result_text(iprev->result), iprev->reason);
    add_property(builder, "policy", "iprev", session->decision.client_address);
}

/* RFC 8601 section 2.3, ptype "policy": a local policy that overrides the result, and on what. */
static void add_forwarder(struct builder *builder, const struct policy_session *session)
{
    if (policy_networks_contain(session->snapshot->trusted_forwarders, &session->client))
        add_property(builder, "policy", "trusted-forwarder", session->decision.client_address);
}

static void add_spf(struct builder *builder, struct policy_session *session)
{
    const struct spf_outcome *spf = policy_evaluation_spf(session);
    const struct spf_outcome *helo = policy_evaluation_helo_spf(session);

    if (spf == NULL)
        return;
    if (session->sender.kind != POLICY_ADDRESS_NULL) {
        add_result(builder, "spf", spf_verdict_text(spf->verdict), spf->reason);
        add_property(builder, "smtp", "mailfrom", session->decision.mail_from);
        add_forwarder(builder, session);
    }
    add_result(builder, "spf", spf_verdict_text(helo->verdict), helo->reason);
    add_property(builder, "smtp", "helo", session->decision.helo);
    add_forwarder(builder, session);
}

static bool is_shared(const struct dkim_verdicts *verdicts, size_t index, size_t length)
{
    struct base_text b = {verdicts->items[index].b.data, length};

    for (size_t i = 0; i < verdicts->count; i++)
        if (i != index && base_text_starts_with(verdicts->items[i].b, b))
            return true;
    return false;
}

/* RFC 6008 section 4: the first eight characters, or as many as it takes to tell the signature from
 * the others. */
static struct base_text short_b(const struct dkim_verdicts *verdicts, size_t index)
{
    struct base_text b = verdicts->items[index].b;
    size_t length = B_LENGTH_MIN;

    if (b.length <= length)
        return b;
    while (length < b.length && is_shared(verdicts, index, length))
        length++;
    /* One and the same signature, twice. */
    return (struct base_text){b.data, length == b.length ? B_LENGTH_MIN : length};
}

static void add_dkim(struct builder *builder, struct policy_session *session)
{
    const struct dkim_verdicts *verdicts = policy_evaluation_dkim(session);

    if (verdicts == NULL)
        return;
    if (verdicts->count == 0)
        add_result(builder, "dkim", "none", NULL);
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct dkim_verdict *verdict = &verdicts->items[i];

        add_result(builder, "dkim", dkim_result_text(verdict->result), verdict->reason);
        add_property(builder, "header", "d", verdict->domain);
        add_property(builder, "header", "i", verdict->identity);
        add_property(builder, "header", "s", verdict->selector);
        add_property(builder, "header", "a", verdict->algorithm);
        add_property(builder, "header", "b", short_b(verdicts, i));
    }
}

static void add_dmarc(struct builder *builder, struct policy_session *session)
{
    const struct dmarc_outcome *dmarc = policy_evaluation_dmarc(session);

    if (dmarc == NULL) {
        /* Without a single author domain DMARC does not apply: said, never passed. */
        add_result(builder, "dmarc", "permerror", session->author.reason);
        return;
    }
    add_result(builder, "dmarc", dmarc_result_text(dmarc->result), dmarc->reason);
    add_property(builder, "header", "from",
                 (struct base_text){dmarc->author_domain.text, dmarc->author_domain.length});
    if (dmarc->has_record)
        add_property(builder, "policy", "published-domain-policy",
                     base_text_of(dmarc_policy_text(dmarc->policy)));
    if (session->decision.exception != NULL)
        add_property(builder, "policy", "exception",
                     base_text_of(session->decision.exception->name));
}

struct base_text policy_authres_own_id(struct policy_session *session)
{
    char host[256] = "";

    if (session->snapshot->options->authserv_id != NULL)
        return base_text_of(session->snapshot->options->authserv_id);
    if (session->mta_name.length > 0)
        return session->mta_name;
    if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        return BASE_TEXT("localhost");
    return policy_session_copy(session->message, base_text_of(host), sizeof(host));
}

/* Section 2.7.4: the login that the MTA has checked. */
static void add_auth(struct builder *builder, const struct policy_session *session)
{
    if (!session->snapshot->options->authres_auth || session->decision.login.length == 0)
        return;
    add_result(builder, "auth", "pass", NULL);
    add_property(builder, "smtp", "auth", session->decision.login);
    add_property(builder, "smtp", "mailfrom", session->decision.mail_from);
}

static void add_inbound(struct builder *builder, struct policy_session *session)
{
    add_iprev(builder, session);
    add_spf(builder, session);
    add_dkim(builder, session);
    add_dmarc(builder, session);
}

bool policy_authres_insert(struct policy_session *session)
{
    struct builder builder = {.arena = session->message};
    struct base_buf value;

    builder.result_tail = &builder.field.results;
    add_auth(&builder, session);
    if (!session->evaluation.is_on && builder.field.results == NULL)
        return !builder.is_over;
    builder.field.authserv_id = policy_authres_own_id(session);
    if (session->env.resolver != NULL && session->env.resolver->is_test_zone)
        builder.field.comment = BASE_TEXT("test zone");
    if (session->evaluation.is_on)
        add_inbound(&builder, session);
    base_buf_init(&value, session->message, FIELD_MAX);
    authres_field_write(&builder.field, &value);
    if (builder.is_over || value.is_over)
        return false;
    session->decision.authres = base_buf_text(&value);
    return policy_edits_insert(&session->edits, &session->header,
                               BASE_TEXT("Authentication-Results"), base_buf_text(&value));
}
