/* RFC 7208 sections 4.6 (evaluation), 4.6.4 (limits), 5 and 6.1, by libspf2 over lowered records.
 *
 * libspf2 is asked to judge the sender "u@0.g". Each name that it then looks up is an alias "N.g"
 * that stands for exactly one term, one MX host or the start, so that every look-up tells which
 * term is being evaluated: limits are counted here, over all includes and redirects at once. ip4
 * and ip6 terms that cannot match are dropped, the first that matches ends the record; a lowered
 * record thus has at most eleven terms that ask DNS and one that does not, and stays far below the
 * 511 octets that libspf2 has for a compiled record. Names, addresses and text of strangers never
 * reach it. */
#include "policy/spf/lower.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/panic.h"
#include "policy/spf/context.h"
#include "policy/spf/macro.h"
#include "policy/spf/ptr.h"

/* Last: it brings its own idea of a few standard headers. */
#include <spf2/spf.h>

/* Room for one lowered record: eleven terms of at most 40 octets, and one address. */
#define LOWERED_MAX 640
/* All aliases: 1 start, 11 terms in each of 11 records (10 includes), a redirect each, and 10 hosts
 * for each of 10 MX terms; more is a bug of this file. */
#define ALIAS_MAX 400

static SPF_dns_rr_t *answer_none(SPF_dns_server_t *server, const char *name, ns_type type,
                                 SPF_dns_stat_t status)
{
    SPF_dns_rr_t *rr = SPF_dns_rr_new_init(server, name, type, 0, status);

    if (rr == NULL)
        base_panic("spf: libspf2 is out of memory");
    return rr;
}

/* An answer of `count` entries of `size` octets each, zeroed, to be filled in. */
static SPF_dns_rr_t *answer_some(SPF_dns_server_t *server, const char *name, ns_type type,
                                 size_t count, size_t size)
{
    SPF_dns_rr_t *rr = answer_none(server, name, type, NETDB_SUCCESS);

    for (size_t i = 0; i < count; i++) {
        if (SPF_dns_rr_buf_realloc(rr, (int)i, size) != SPF_E_SUCCESS)
            base_panic("spf: libspf2 is out of memory");
        memset(rr->rr[i], 0, size);
    }
    rr->num_rr = (int)count;
    return rr;
}

static SPF_dns_rr_t *answer_text(SPF_dns_server_t *server, const char *name, const char *text)
{
    size_t size = strlen(text) + 1;
    SPF_dns_rr_t *rr = answer_some(server, name, ns_t_txt, 1, size);

    memcpy(rr->rr[0]->txt, text, size);
    return rr;
}

/* The address that libspf2 knows as the client's: libspf2 lets every loopback client pass without a
 * look, so it is given another one, and matches are computed here for it (see answer_match). */
static void surrogate(const struct spf_context *context, unsigned char octets[16])
{
    static const unsigned char ip4[4] = {192, 0, 2, 1};
    static const unsigned char ip6[16] = {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0,
                                          0,    0,    0,    0,    0, 0, 0, 1};
    const struct spf_client *client = &context->request->client;

    if (client->is_ipv6)
        memcpy(octets, spf_client_is_loopback(client) ? ip6 : client->octets, 16);
    else
        memcpy(octets, spf_client_is_loopback(client) ? ip4 : client->octets, 4);
}

static size_t alias_add(struct spf_context *context, enum spf_alias_kind kind,
                        struct spf_record *record, struct spf_term *term)
{
    struct spf_alias *alias;

    if (context->alias_count == context->alias_capacity) {
        size_t capacity = context->alias_capacity == 0 ? 16 : context->alias_capacity * 2;
        struct spf_alias *grown =
            base_arena_alloc(context->request->arena, capacity * sizeof(*grown));

        if (grown == NULL || capacity > 2 * ALIAS_MAX) {
            spf_context_stop(context, SPF_VERDICT_TEMPERROR, "no memory left", NULL);
            return 0;
        }
        if (context->alias_count > 0)
            memcpy(grown, context->aliases, context->alias_count * sizeof(*grown));
        context->aliases = grown;
        context->alias_capacity = capacity;
    }
    alias = &context->aliases[context->alias_count];
    *alias = (struct spf_alias){.kind = kind, .record = record, .term = term};
    return context->alias_count++;
}

/* A prefix length as libspf2 may see it: its own "no mask" is 0, so that /0 is never written, and
 * answer_match() stands for it. */
static void append_prefix(const struct spf_context *context, const struct spf_term *term,
                          struct base_buf *out)
{
    if (context->request->client.is_ipv6) {
        if (term->prefix6 > 0 && term->prefix6 < 128)
            base_buf_appendf(out, "//%u", term->prefix6);
    } else if (term->prefix4 > 0 && term->prefix4 < 32) {
        base_buf_appendf(out, "/%u", term->prefix4);
    }
}

static void append_client(const struct spf_context *context, char qualifier, struct base_buf *out)
{
    unsigned char octets[16];

    surrogate(context, octets);
    if (!context->request->client.is_ipv6) {
        base_buf_appendf(out, " %cip4:%u.%u.%u.%u", qualifier, octets[0], octets[1], octets[2],
                         octets[3]);
        return;
    }
    base_buf_appendf(out, " %cip6:", qualifier);
    for (size_t i = 0; i < 16; i += 2)
        base_buf_appendf(out, "%s%x", i == 0 ? "" : ":",
                         (unsigned)octets[i] << 8 | (unsigned)octets[i + 1]);
}

/* Appends one directive; true when nothing after it can be reached. */
static bool lower_term(struct spf_context *context, struct spf_record *record,
                       struct spf_term *term, struct base_buf *out)
{
    /* "ptr" is decided here and handed on as an "exists". */
    static const char *const forms[] = {
        [SPF_MECHANISM_A] = "a",
        [SPF_MECHANISM_MX] = "mx",
        [SPF_MECHANISM_PTR] = "exists",
        [SPF_MECHANISM_EXISTS] = "exists",
        [SPF_MECHANISM_INCLUDE] = "include",
    };
    size_t alias;

    switch (term->mechanism) {
    case SPF_MECHANISM_ALL:
        base_buf_appendf(out, " %call", term->qualifier);
        return true;
    case SPF_MECHANISM_IP4:
    case SPF_MECHANISM_IP6:
        if (!spf_term_is_ip_match(context, term))
            return false;
        append_client(context, term->qualifier, out);
        return true;
    case SPF_MECHANISM_A:
    case SPF_MECHANISM_MX:
    case SPF_MECHANISM_PTR:
    case SPF_MECHANISM_EXISTS:
    case SPF_MECHANISM_INCLUDE:
    case SPF_MECHANISM_REDIRECT:
    default:
        break;
    }
    alias = alias_add(context, SPF_ALIAS_TERM, record, term);
    base_buf_appendf(out, " %c%s:%zu.g", term->qualifier, forms[term->mechanism], alias);
    if (term->mechanism == SPF_MECHANISM_A || term->mechanism == SPF_MECHANISM_MX)
        append_prefix(context, term, out);
    return false;
}

/* 4.6.4; a lowered record has no room for more. */
static unsigned max_terms(const struct spf_context *context)
{
    unsigned max = context->request->max_terms;

    return max < SPF_TERMS_MAX ? max : SPF_TERMS_MAX;
}

/* The whole record. Terms past the limit are not written: the one that passes it stops the
 * evaluation when it is reached. */
static void lower_record(struct spf_context *context, struct spf_record *record,
                         struct base_buf *out)
{
    unsigned asking = 0;
    bool is_closed = false;

    base_buf_append_cstr(out, "v=spf1");
    for (struct spf_term *term = record->first; term != NULL && !is_closed; term = term->next) {
        is_closed = lower_term(context, record, term, out);
        if (term->mechanism != SPF_MECHANISM_ALL && term->mechanism != SPF_MECHANISM_IP4 &&
            term->mechanism != SPF_MECHANISM_IP6)
            is_closed |= ++asking > max_terms(context);
    }
    /* 6.1: "all" anywhere makes redirect be ignored. */
    if (!is_closed && record->redirect != NULL && !record->has_all)
        base_buf_appendf(out, " redirect=%zu.g",
                         alias_add(context, SPF_ALIAS_TERM, record, record->redirect));
    if (out->is_over)
        base_panic("spf: a lowered record is too long");
}

/* Fetches, selects and parses the record at `domain` (4.4 to 4.6). NULL: stopped, or (at the start)
 * there is none. */
static struct spf_record *fetch_record(struct spf_context *context, const struct dns_name *domain,
                                       bool is_start)
{
    const struct dns_answer *answer =
        dns_lookups_get(context->request->lookups, domain, DNS_TYPE_TXT);
    struct spf_record *record = NULL;
    struct base_text text;
    const char *fault;

    if (dns_status_is_temporary(answer->status)) {
        spf_context_stop(context, SPF_VERDICT_TEMPERROR, dns_status_text(answer->status), domain);
        return NULL;
    }
    switch (spf_record_select(answer, &text)) {
    case SPF_SELECTION_NONE:
        /* 5.2, 6.1: none from an include or a redirect is permerror. */
        spf_context_stop(context, is_start ? SPF_VERDICT_NONE : SPF_VERDICT_PERMERROR,
                         answer->status == DNS_STATUS_NXDOMAIN ? "the domain does not exist"
                                                               : "no SPF record",
                         domain);
        return NULL;
    case SPF_SELECTION_SEVERAL:
        spf_context_stop(context, SPF_VERDICT_PERMERROR, "more than one SPF record", domain);
        return NULL;
    case SPF_SELECTION_ONE:
    default:
        break;
    }
    if (!spf_record_parse(context->request->arena, domain, text, &record, &fault)) {
        spf_context_stop(context, fault == NULL ? SPF_VERDICT_TEMPERROR : SPF_VERDICT_PERMERROR,
                         fault == NULL ? "no memory left" : fault, domain);
        return NULL;
    }
    return record;
}

static SPF_dns_rr_t *answer_record(struct spf_context *context, SPF_dns_server_t *server,
                                   const char *name, struct spf_record *record)
{
    char storage[LOWERED_MAX];
    struct base_buf lowered;

    base_buf_init_fixed(&lowered, storage, sizeof(storage));
    lower_record(context, record, &lowered);
    if (context->is_stopped)
        return answer_none(server, name, ns_t_txt, TRY_AGAIN);
    return answer_text(server, name, base_buf_cstr(&lowered));
}

static void expand_target(struct spf_context *context, const struct spf_record *record,
                          struct spf_term *term)
{
    struct dns_name *name;

    if (term->domain_spec.data == NULL) {
        term->target = &record->domain;
        return;
    }
    name = base_arena_alloc(context->request->arena, sizeof(*name));
    if (name != NULL && spf_expand_name(context, term->domain_spec, &record->domain, name))
        term->target = name;
}

/* One client address of the answer: what libspf2 compares, with the term's prefix, with the client.
 * For /0 and for a surrogate client that comparison is ours. */
static SPF_dns_rr_t *answer_addresses(struct spf_context *context, SPF_dns_server_t *server,
                                      const char *name, struct spf_term *term,
                                      const struct dns_answer *answer)
{
    const struct spf_client *client = &context->request->client;
    size_t size = client->is_ipv6 ? 16 : 4;
    unsigned prefix = client->is_ipv6 ? term->prefix6 : term->prefix4;
    bool is_ours = prefix == 0 || spf_client_is_loopback(client);
    SPF_dns_rr_t *rr;
    bool is_match = false;

    for (size_t i = 0; i < answer->count; i++)
        is_match |= spf_client_matches(client, (const unsigned char *)answer->records[i].value.data,
                                       prefix);
    term->is_match |= is_match;
    if (is_ours && !is_match)
        return answer_none(server, name, client->is_ipv6 ? ns_t_aaaa : ns_t_a, NO_DATA);
    rr = answer_some(server, name, client->is_ipv6 ? ns_t_aaaa : ns_t_a,
                     is_ours ? 1 : answer->count, sizeof(SPF_dns_rr_data_t));
    for (int i = 0; i < rr->num_rr; i++) {
        unsigned char octets[16];

        if (is_ours)
            surrogate(context, octets);
        else
            memcpy(octets, answer->records[i].value.data, size);
        memcpy(client->is_ipv6 ? (void *)&rr->rr[i]->aaaa : (void *)&rr->rr[i]->a, octets, size);
    }
    return rr;
}

static SPF_dns_rr_t *answer_exists(SPF_dns_server_t *server, const char *name, bool is_match)
{
    SPF_dns_rr_t *rr;

    if (!is_match)
        return answer_none(server, name, ns_t_a, NO_DATA);
    rr = answer_some(server, name, ns_t_a, 1, sizeof(SPF_dns_rr_data_t));
    rr->rr[0]->a.s_addr = htonl(0x7f000002);
    return rr;
}

static SPF_dns_rr_t *answer_hosts(struct spf_context *context, SPF_dns_server_t *server,
                                  const char *name, const struct spf_alias *alias,
                                  const struct dns_answer *answer)
{
    /* alias_add() may move what `alias` points at. */
    const struct spf_alias mx = *alias;
    SPF_dns_rr_t *rr;

    if (answer->count > SPF_MX_MAX) {
        spf_context_stop(context, SPF_VERDICT_PERMERROR, "more than 10 MX hosts",
                         &mx.record->domain);
        return answer_none(server, name, ns_t_mx, TRY_AGAIN);
    }
    rr = answer_some(server, name, ns_t_mx, answer->count, 32);
    for (size_t i = 0; i < answer->count; i++) {
        struct dns_name *host = base_arena_alloc(context->request->arena, sizeof(*host));
        size_t number = alias_add(context, SPF_ALIAS_MX_HOST, mx.record, mx.term);

        if (host == NULL)
            spf_context_stop(context, SPF_VERDICT_TEMPERROR, "no memory left", NULL);
        if (context->is_stopped)
            break;
        /* A name that cannot be asked for stays the root, which has no address. */
        if (dns_name_make(host, answer->records[i].value) == DNS_NAME_OK)
            context->aliases[number].host = host;
        (void)snprintf(rr->rr[i]->mx, 32, "%zu.g", number);
    }
    return rr;
}

static SPF_dns_rr_t *look_up_host(struct spf_context *context, SPF_dns_server_t *server,
                                  const char *name, ns_type type, const struct spf_alias *alias,
                                  const struct dns_name *host)
{
    struct spf_term *term = alias->term;
    const struct dns_answer *answer;
    enum dns_type asked = context->request->client.is_ipv6 ? DNS_TYPE_AAAA : DNS_TYPE_A;

    if (alias->kind == SPF_ALIAS_TERM && term->mechanism == SPF_MECHANISM_MX)
        asked = DNS_TYPE_MX;
    else if (term->mechanism == SPF_MECHANISM_EXISTS)
        asked = DNS_TYPE_A;
    answer = dns_lookups_get(context->request->lookups, host, asked);
    if (dns_status_is_temporary(answer->status)) {
        spf_context_stop(context, SPF_VERDICT_TEMPERROR, dns_status_text(answer->status), host);
        return answer_none(server, name, type, TRY_AGAIN);
    }
    if (answer->count == 0) {
        spf_context_count_void(context);
        return answer_none(server, name, type, NO_DATA);
    }
    if (asked == DNS_TYPE_MX)
        return answer_hosts(context, server, name, alias, answer);
    if (term->mechanism == SPF_MECHANISM_EXISTS) {
        term->is_match = true;
        return answer_exists(server, name, true);
    }
    return answer_addresses(context, server, name, term, answer);
}

static SPF_dns_rr_t *look_up_record(struct spf_context *context, SPF_dns_server_t *server,
                                    const char *name, struct spf_alias *alias)
{
    struct spf_term *term = alias->term;
    struct spf_record *record;

    /* RFC 8616 section 4: such a term does not match. */
    if (spf_is_never_match(context, term->domain_spec))
        return answer_text(server, name, "v=spf1 ?all");
    /* 4.3: check_host() of a malformed name, or one of a single label, is none. */
    if (term->target == NULL || term->target->label_count < 2) {
        spf_context_stop(context, SPF_VERDICT_PERMERROR, "a name to include is malformed",
                         &alias->record->domain);
        return answer_none(server, name, ns_t_txt, TRY_AGAIN);
    }
    record = fetch_record(context, term->target, false);
    if (record == NULL)
        return answer_none(server, name, ns_t_txt, TRY_AGAIN);
    term->child = record;
    return answer_record(context, server, name, record);
}

/* A term is evaluated: counted (4.6.4), expanded, asked. */
static SPF_dns_rr_t *look_up_term(struct spf_context *context, SPF_dns_server_t *server,
                                  const char *name, ns_type type, struct spf_alias *alias)
{
    struct spf_term *term = alias->term;

    term->is_reached = true;
    term->number = ++context->terms;
    if (context->terms > max_terms(context)) {
        spf_context_stop(context, SPF_VERDICT_PERMERROR, "too many terms that ask DNS",
                         &alias->record->domain);
        return answer_none(server, name, type, TRY_AGAIN);
    }
    expand_target(context, alias->record, term);
    if (context->is_stopped)
        return answer_none(server, name, type, TRY_AGAIN);
    if (term->mechanism == SPF_MECHANISM_INCLUDE || term->mechanism == SPF_MECHANISM_REDIRECT)
        return look_up_record(context, server, name, alias);
    if (term->target == NULL)
        return answer_none(server, name, type, NO_DATA);
    if (term->mechanism == SPF_MECHANISM_PTR) {
        term->is_match = spf_ptr_matches(context, term->target);
        return answer_exists(server, name, term->is_match);
    }
    return look_up_host(context, server, name, type, alias, term->target);
}

/* "N.g" */
static bool alias_find(const struct spf_context *context, const char *name, size_t *index_r)
{
    uint64_t index;
    struct base_text rest = base_text_of(name);
    struct base_text digits = base_text_split(&rest, '.');

    if (!base_text_to_uint(digits, SIZE_MAX, &index) || !base_text_equals(rest, BASE_TEXT("g")) ||
        index >= context->alias_count)
        return false;
    *index_r = (size_t)index;
    return true;
}

static SPF_dns_rr_t *look_up(SPF_dns_server_t *server, const char *name, ns_type type,
                             int should_cache)
{
    struct spf_context *context = server->hook;
    struct spf_alias *alias;
    size_t index;

    (void)should_cache;
    if (context->is_stopped)
        return answer_none(server, name, type, TRY_AGAIN);
    if (!alias_find(context, name, &index))
        return answer_none(server, name, type, HOST_NOT_FOUND);
    alias = &context->aliases[index];
    context->term = alias->term;
    context->record = alias->record;
    switch (alias->kind) {
    case SPF_ALIAS_START:
        context->root = fetch_record(context, &context->domain, true);
        if (context->root == NULL)
            return answer_none(server, name, type, NO_DATA);
        return answer_record(context, server, name, context->root);
    case SPF_ALIAS_MX_HOST:
        if (alias->host == NULL)
            return answer_none(server, name, type, NO_DATA);
        return look_up_host(context, server, name, type, alias, alias->host);
    case SPF_ALIAS_TERM:
    default:
        return look_up_term(context, server, name, type, alias);
    }
}

static enum spf_verdict verdict_of(SPF_result_t result)
{
    switch (result) {
    case SPF_RESULT_NEUTRAL:
        return SPF_VERDICT_NEUTRAL;
    case SPF_RESULT_PASS:
        return SPF_VERDICT_PASS;
    case SPF_RESULT_FAIL:
        return SPF_VERDICT_FAIL;
    case SPF_RESULT_SOFTFAIL:
        return SPF_VERDICT_SOFTFAIL;
    case SPF_RESULT_NONE:
        return SPF_VERDICT_NONE;
    case SPF_RESULT_TEMPERROR:
        return SPF_VERDICT_TEMPERROR;
    case SPF_RESULT_INVALID:
    case SPF_RESULT_PERMERROR:
    default:
        return SPF_VERDICT_PERMERROR;
    }
}

static void set_client(const struct spf_context *context, SPF_request_t *query)
{
    unsigned char octets[16];
    struct in6_addr ip6;
    struct in_addr ip4;

    surrogate(context, octets);
    memcpy(&ip6, octets, sizeof(ip6));
    memcpy(&ip4, octets, sizeof(ip4));
    if (context->request->client.is_ipv6)
        SPF_request_set_ipv6(query, ip6);
    else
        SPF_request_set_ipv4(query, ip4);
}

enum spf_verdict spf_lower_evaluate(struct spf_context *context)
{
    SPF_dns_server_t dns = {.lookup = look_up, .name = "postseal", .hook = context};
    SPF_server_t *server = SPF_server_new_dns(&dns, 0);
    SPF_request_t *query = server == NULL ? NULL : SPF_request_new(server);
    SPF_response_t *response = NULL;
    enum spf_verdict verdict = SPF_VERDICT_PERMERROR;

    if (query == NULL)
        base_panic("spf: libspf2 is out of memory");
    /* Ours are the limits that count; its own counter restarts in every include. */
    SPF_server_set_max_dns_mech(server, 1000);
    (void)alias_add(context, SPF_ALIAS_START, NULL, NULL);
    set_client(context, query);
    SPF_request_set_helo_dom(query, "h.g");
    SPF_request_set_env_from(query, "u@0.g");
    (void)SPF_request_query_mailfrom(query, &response);
    if (response != NULL) {
        verdict = verdict_of(SPF_response_result(response));
        SPF_response_free(response);
    }
    SPF_request_free(query);
    SPF_server_free(server);
    context->term = NULL;
    return context->is_stopped ? context->stop_verdict : verdict;
}
