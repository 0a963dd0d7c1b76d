/* See stage_bulk.h. Domains are compared by the public suffix list: a walk of DNS for our own
 * users' mail would hold it up, and what a provider calls a sender's domain is what this gives. */
#include "policy/stage_bulk.h"

#include "base/arena.h"
#include "base/log.h"
#include "dns/lookups.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/one_click.h"
#include "policy/bulk/providers.h"
#include "policy/decision_bulk.h"
#include "policy/dkim/signing.h"
#include "policy/dmarc/psl.h"
#include "policy/domains.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* Domains of one message whose mail exchangers are asked for. */
#define MX_QUESTIONS_MAX 100

/* Without a list each domain is its own. */
static void organizational(const struct policy_session *session, const struct dns_name *name,
                           struct dns_name *organizational_r)
{
    *organizational_r = *name;
    if (session->snapshot->bulk_psl != NULL)
        dmarc_psl_organizational(session->snapshot->bulk_psl, name, organizational_r);
}

static bool is_aligned(const struct policy_session *session, const struct dns_name *author,
                       const struct dns_name *other)
{
    struct dns_name name;

    organizational(session, other, &name);
    return dns_name_equals(author, &name);
}

/* As far as rules have said by now. */
static bool will_sign(const struct policy_session *session)
{
    return session->signing != NULL && session->no_sign_rule == NULL;
}

static enum policy_author_aligned read_alignment(const struct policy_session *session,
                                                 const struct dns_name *author)
{
    bool is_dkim =
        will_sign(session) && is_aligned(session, author, dkim_signing_domain(session->signing));
    bool is_spf = session->sender.kind == POLICY_ADDRESS_DOMAIN &&
                  is_aligned(session, author, &session->sender.domain);

    if (is_dkim && is_spf)
        return POLICY_AUTHOR_ALIGNED_BOTH;
    if (is_dkim)
        return POLICY_AUTHOR_ALIGNED_DKIM;
    return is_spf ? POLICY_AUTHOR_ALIGNED_SPF : POLICY_AUTHOR_ALIGNED_NONE;
}

static enum policy_one_click read_one_click(const struct policy_session *session)
{
    static const struct base_text names[] = {{"list-unsubscribe", 16},
                                             {"list-unsubscribe-post", 21}};

    if (!bulk_one_click_is_offered(&session->header))
        return POLICY_ONE_CLICK_NONE;
    return will_sign(session) && dkim_signing_covers(session->signing, &session->header, names,
                                                     sizeof(names) / sizeof(names[0]))
               ? POLICY_ONE_CLICK_SIGNED
               : POLICY_ONE_CLICK_PRESENT;
}

static struct policy_bulk_count *count_of(struct policy_session *session, struct policy_bulk *bulk,
                                          const struct bulk_provider *provider)
{
    struct policy_bulk_count *it = bulk->counts;

    while (it != NULL && it->provider != provider->name)
        it = it->next;
    if (it != NULL)
        return it;
    it = base_arena_alloc(session->message, sizeof(*it));
    if (it == NULL)
        return NULL;
    *it = (struct policy_bulk_count){
        .provider = provider->name, .limit = provider->limit, .next = bulk->counts};
    bulk->counts = it;
    return it;
}

/* By the most preferred mail exchanger (RFC 5321 section 5.1), if DNS has answered by now. */
static const struct bulk_provider *find_by_mx(const struct policy_session *session,
                                              const struct dns_name *domain)
{
    const struct dns_answer *answer;
    const struct dns_record *best = NULL;
    struct dns_name host;

    if (session->bulk_lookups == NULL)
        return NULL;
    answer = dns_lookups_get(session->bulk_lookups, domain, DNS_TYPE_MX);
    for (size_t i = 0; i < answer->count; i++)
        if (best == NULL || answer->records[i].preference < best->preference)
            best = &answer->records[i];
    if (best == NULL || best->value.length == 0 || dns_name_make(&host, best->value) != DNS_NAME_OK)
        return NULL;
    return bulk_providers_find_mx(session->snapshot->bulk_providers, &host);
}

static const struct bulk_provider *find_provider(const struct policy_session *session,
                                                 const struct dns_name *domain)
{
    const struct bulk_provider *provider =
        bulk_providers_find(session->snapshot->bulk_providers, domain);

    return provider != NULL ? provider : find_by_mx(session, domain);
}

void policy_session_bulk_recipient(struct policy_session *session,
                                   const struct policy_address *recipient)
{
    const struct bulk_providers *providers = session->snapshot->bulk_providers;
    const struct dns_lookups_options options = {
        .resolver = session->env.resolver,
        .clock = session->env.clock,
        .max_questions = MX_QUESTIONS_MAX,
    };

    if (!bulk_providers_want_mx(providers) || options.resolver == NULL ||
        session->decision.direction != POLICY_DIRECTION_OUTBOUND ||
        recipient->kind != POLICY_ADDRESS_DOMAIN ||
        bulk_providers_find(providers, &recipient->domain) != NULL ||
        policy_domains_contain(session->snapshot->local_domains, &recipient->domain))
        return;
    if (session->bulk_lookups == NULL)
        session->bulk_lookups = dns_lookups_create(session->message, &options);
    if (session->bulk_lookups != NULL)
        dns_lookups_prefetch(session->bulk_lookups, &recipient->domain, DNS_TYPE_MX);
}

static void count_recipients(struct policy_session *session, struct policy_bulk *bulk)
{
    const struct policy_recipient *it = session->decision.kept_recipients;

    for (; it != NULL; it = it->next) {
        struct policy_address address;
        const struct bulk_provider *provider = NULL;
        struct policy_bulk_count *count;

        (void)policy_address_parse(it->address, &address);
        if (address.kind == POLICY_ADDRESS_DOMAIN)
            provider = find_provider(session, &address.domain);
        if (provider == NULL)
            continue;
        count = count_of(session, bulk, provider);
        if (count != NULL)
            count->recipients++;
    }
}

static struct bulk_place place_of(const struct policy_bulk *bulk,
                                  const struct policy_bulk_count *count)
{
    return (struct bulk_place){.author = {bulk->author.text, bulk->author.length},
                               .provider = base_text_of(count->provider)};
}

static struct policy_bulk *make(struct policy_session *session)
{
    struct policy_bulk *bulk = base_arena_alloc(session->message, sizeof(*bulk));

    if (bulk == NULL)
        return NULL;
    *bulk = (struct policy_bulk){.counts = NULL};
    organizational(session, &session->author.domain, &bulk->author);
    bulk->aligned = read_alignment(session, &bulk->author);
    bulk->one_click = read_one_click(session);
    count_recipients(session, bulk);
    return bulk;
}

/* Without asking the store. */
static struct policy_bulk *get(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;

    if (decision->bulk == NULL && session->has_message && session->is_header_done &&
        decision->direction == POLICY_DIRECTION_OUTBOUND &&
        session->author.outcome == POLICY_AUTHOR_ONE)
        decision->bulk = make(session);
    return decision->bulk;
}

const struct policy_bulk *policy_session_bulk(struct policy_session *session)
{
    struct policy_bulk *bulk = get(session);

    if (bulk == NULL || session->is_bulk_asked || session->env.rates == NULL)
        return bulk;
    session->is_bulk_asked = true;
    for (struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next) {
        struct bulk_place place = place_of(bulk, it);

        it->used = bulk_meter_used(session->env.rates, &place);
    }
    return bulk;
}

void policy_session_bulk_reserve(struct policy_session *session)
{
    struct policy_bulk *bulk = get(session);

    if (bulk == NULL || session->env.rates == NULL)
        return;
    if (session->no_sign_rule != NULL) {
        bulk->aligned = read_alignment(session, &bulk->author);
        bulk->one_click = read_one_click(session);
    }
    for (struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next) {
        struct bulk_place place = place_of(bulk, it);

        it->used = bulk_meter_charge(session->env.rates, &session->rates, &place, it->recipients);
    }
}

static void say(const struct policy_session *session, const struct policy_bulk *bulk,
                const struct policy_bulk_count *count, unsigned percent)
{
    struct base_log_line line;

    base_log_line_begin(&line);
    base_log_line_add_cstr(&line, "event", "bulk-warning");
    base_log_line_add_cstr(&line, "id", session->decision.id);
    base_log_line_add(&line, "author-domain",
                      (struct base_text){bulk->author.text, bulk->author.length});
    base_log_line_add_cstr(&line, "provider", count->provider);
    base_log_line_add_int(&line, "percent", (int64_t)percent);
    base_log_line_add_int(&line, "recipients", count->used + count->recipients);
    base_log_line_add_int(&line, "limit", count->limit);
    base_log_line_end(&line, BASE_LOG_WARNING);
}

void policy_session_bulk_accepted(struct policy_session *session)
{
    const struct policy_bulk *bulk = session->decision.bulk;

    if (bulk == NULL || session->env.rates == NULL)
        return;
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next) {
        struct bulk_place place = place_of(bulk, it);
        unsigned percent =
            bulk_meter_warn(session->env.rates, &place, it->used + it->recipients, it->limit);

        if (percent != 0)
            say(session, bulk, it, percent);
    }
}
