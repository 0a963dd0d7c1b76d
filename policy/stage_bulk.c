/* See stage_bulk.h. */
#include "policy/stage_bulk.h"

#include <string.h>

#include "base/arena.h"
#include "dns/lookups.h"
#include "policy/bulk/late.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/one_click.h"
#include "policy/bulk/providers.h"
#include "policy/bulk/warning.h"
#include "policy/decision_bulk.h"
#include "policy/dkim/signing.h"
#include "policy/domains.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_bulk_author.h"

/* Domains of one message whose mail exchangers are asked for. */
#define MX_QUESTIONS_MAX 100
/* Of rules. */
#define LOOKS_MAX 4

/* As far as rules have said by now. */
static bool will_sign(const struct policy_session *session)
{
    return session->signing != NULL && session->no_sign_rule == NULL;
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

/* By the most preferred mail exchanger (RFC 5321 section 5.1), if DNS has answered by now. DNS
 * gives those that are preferred alike in any order: the first one by its name that is a
 * provider's, so that a domain does not change providers from one message to the next. */
static const struct bulk_provider *find_by_answer(const struct policy_session *session,
                                                  const struct dns_answer *answer)
{
    const struct bulk_provider *provider = NULL;
    struct dns_name first = {0};
    uint16_t best = UINT16_MAX;

    for (size_t i = 0; i < answer->count; i++)
        if (answer->records[i].preference < best)
            best = answer->records[i].preference;
    for (size_t i = 0; i < answer->count; i++) {
        const struct dns_record *record = &answer->records[i];
        const struct bulk_provider *found;
        struct dns_name host;

        if (record->preference != best || record->value.length == 0 ||
            dns_name_make(&host, record->value) != DNS_NAME_OK)
            continue;
        found = bulk_providers_find_mx(session->snapshot->bulk_providers, &host);
        if (found == NULL || (provider != NULL && strcmp(host.text, first.text) >= 0))
            continue;
        provider = found;
        first = host;
    }
    return provider;
}

/* Ten thousand recipients of one domain with a thousand mail exchangers are looked up once. */
struct known {
    size_t count;
    struct {
        const struct dns_answer *answer;
        const struct bulk_provider *provider;
    } at[MX_QUESTIONS_MAX];
};

static const struct bulk_provider *find_by_mx(const struct policy_session *session,
                                              const struct dns_name *domain, struct known *known)
{
    const struct dns_answer *answer = dns_lookups_get(session->bulk_lookups, domain, DNS_TYPE_MX);
    const struct bulk_provider *provider;

    for (size_t i = 0; i < known->count; i++)
        if (known->at[i].answer == answer)
            return known->at[i].provider;
    provider = find_by_answer(session, answer);
    if (known->count < MX_QUESTIONS_MAX) {
        known->at[known->count].answer = answer;
        known->at[known->count++].provider = provider;
    }
    return provider;
}

/* *is_open: its mail exchangers are asked for, and not known yet. */
static const struct bulk_provider *find_provider(const struct policy_session *session,
                                                 const struct dns_name *domain, struct known *known,
                                                 bool *is_open)
{
    const struct bulk_provider *provider =
        bulk_providers_find(session->snapshot->bulk_providers, domain);

    if (provider != NULL || session->bulk_lookups == NULL)
        return provider;
    if (dns_lookups_is_answered(session->bulk_lookups, domain, DNS_TYPE_MX))
        return find_by_mx(session, domain, known);
    *is_open = true;
    return NULL;
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
    struct known known = {.count = 0};

    bulk->counts = NULL;
    bulk->is_mx_open = false;
    for (; it != NULL; it = it->next) {
        struct policy_address address;
        const struct bulk_provider *provider = NULL;
        struct policy_bulk_count *count;

        (void)policy_address_parse(it->address, &address);
        if (address.kind == POLICY_ADDRESS_DOMAIN)
            provider = find_provider(session, &address.domain, &known, &bulk->is_mx_open);
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
    policy_session_bulk_prefetch(session);
    policy_session_bulk_author(session, bulk);
    bulk->one_click = read_one_click(session);
    count_recipients(session, bulk);
    return bulk;
}

/* DNS may have answered since. A rule asks each time, and there may be many, and ten thousand
 * recipients: after some looks it is the end of the message that looks once more. */
static void look_again(struct policy_session *session, struct policy_bulk *bulk)
{
    struct dns_name before = bulk->author;

    bulk->looks++;
    if (bulk->is_guessed || bulk->is_alignment_guessed)
        policy_session_bulk_author(session, bulk);
    if (!dns_name_equals(&before, &bulk->author))
        session->is_bulk_asked = false;
    if (bulk->is_mx_open) {
        count_recipients(session, bulk);
        session->is_bulk_asked = false;
    }
}

/* Without asking the store. What was guessed before is looked at again. */
static struct policy_bulk *get(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;
    struct policy_bulk *bulk = decision->bulk;

    if (bulk == NULL && session->has_message && session->is_header_done &&
        decision->direction == POLICY_DIRECTION_OUTBOUND &&
        session->author.outcome == POLICY_AUTHOR_ONE) {
        decision->bulk = make(session);
    } else if (bulk != NULL && session->has_message && bulk->looks < LOOKS_MAX) {
        look_again(session, bulk);
    }
    return decision->bulk;
}

void policy_session_bulk_header(struct policy_session *session)
{
    const struct policy_recipient *it = session->decision.kept_recipients;
    bool is_wanted = session->bulk_lookups != NULL;

    if (session->decision.direction != POLICY_DIRECTION_OUTBOUND ||
        session->author.outcome != POLICY_AUTHOR_ONE)
        return;
    for (; it != NULL && !is_wanted; it = it->next) {
        struct policy_address address;

        (void)policy_address_parse(it->address, &address);
        is_wanted = address.kind == POLICY_ADDRESS_DOMAIN &&
                    bulk_providers_find(session->snapshot->bulk_providers, &address.domain) != NULL;
    }
    if (is_wanted)
        policy_session_bulk_prefetch(session);
}

/* All of a message in one call: a store that several hosts share is far away. */
static void ask_store(struct policy_session *session, struct policy_bulk *bulk,
                      struct rate_reservation *reservation, bool want_charge)
{
    struct bulk_charge *charges;
    size_t count = 0;

    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next)
        count++;
    charges = count == 0 ? NULL : base_arena_alloc(session->message, count * sizeof(*charges));
    if (charges == NULL)
        return;
    count = 0;
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next)
        charges[count++] = (struct bulk_charge){.place = place_of(bulk, it),
                                                .recipients = want_charge ? it->recipients : 0};
    bulk_meter_charge_all(session->env.rates, reservation, charges, count);
    count = 0;
    for (struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next)
        it->used = charges[count++].used;
}

const struct policy_bulk *policy_session_bulk(struct policy_session *session)
{
    struct rate_reservation reservation = {NULL};
    struct policy_bulk *bulk = get(session);

    if (bulk == NULL || session->is_bulk_asked || session->env.rates == NULL)
        return bulk;
    session->is_bulk_asked = true;
    ask_store(session, bulk, &reservation, false);
    rate_store_give_back(session->env.rates, &reservation);
    return bulk;
}

/* A name that may turn out to be another is not counted under: nothing would take it back. */
static bool is_late(const struct policy_session *session, const struct policy_bulk *bulk)
{
    return bulk->is_guessed && session->env.bulk_late != NULL;
}

void policy_session_bulk_reserve(struct policy_session *session)
{
    struct policy_bulk *bulk = get(session);

    if (bulk == NULL || session->env.rates == NULL)
        return;
    if (bulk->looks == LOOKS_MAX)
        look_again(session, bulk);
    if (session->no_sign_rule != NULL) {
        policy_session_bulk_author(session, bulk);
        bulk->one_click = read_one_click(session);
    }
    bulk->is_late = is_late(session, bulk);
    if (!bulk->is_late)
        ask_store(session, bulk, &session->rates, true);
}

/* When DNS has told the author's name. */
static bool count_late(const struct policy_session *session, const struct policy_bulk_count *it)
{
    const struct bulk_provider provider = {.name = it->provider, .limit = it->limit};

    return bulk_late_add(session->env.bulk_late, &session->author.domain, &provider, it->recipients,
                         session->decision.id);
}

/* The reply waits: the store is asked whether it was said before when nobody does. */
static void warn(const struct policy_session *session, const struct bulk_place *place, int64_t used,
                 int64_t limit)
{
    if (bulk_meter_threshold(used, limit) == 0)
        return;
    if (session->env.bulk_late == NULL ||
        !bulk_late_warn(session->env.bulk_late, place, used, limit, session->decision.id))
        bulk_warning_check(session->env.rates, place, used, limit, session->decision.id);
}

void policy_session_bulk_accepted(struct policy_session *session)
{
    const struct policy_bulk *bulk = session->decision.bulk;

    if (bulk == NULL || session->env.rates == NULL)
        return;
    for (const struct policy_bulk_count *it = bulk->counts; it != NULL; it = it->next) {
        struct bulk_place place = place_of(bulk, it);

        int64_t used = it->used;

        if (bulk->is_late && count_late(session, it))
            continue;
        if (bulk->is_late)
            used = bulk_meter_count(session->env.rates, &place, it->recipients);
        warn(session, &place, used + it->recipients, it->limit);
    }
}
