/* policy/spf over libspf2 as it is shipped: octets drive a generator of requests, records and DNS.
 * Each question is answered when it is asked, from the octets that are left: a record by the
 * grammar (RFC 7208 section 12), well-formed or nearly so, or raw octets; addresses that match or
 * do not; faults; octets changed in what came out. Two inputs of five are tame: their start record
 * follows the grammar, so that evaluation is reached often however the octets drift. What must hold
 * for every input: a well-formed record is read, the number of questions is bounded, the verdict is
 * the one of the deciding term, and what is said about it is in order. What was run is counted and
 * printed in the end. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dns/lookups.h"
#include "dns/rdata.h"
#include "dns/resolver.h"
#include "policy/spf/record.h"
#include "policy/spf/spf.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The start, ten terms, ten hosts of each of them; ptr and %{p}: PTR and ten names; exp=. */
#define QUESTIONS_MAX     (1 + 10 + 10 * 10)
#define QUESTIONS_PTR     11
#define QUESTIONS_EXPLAIN 1

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

/* --- what the octets choose ------------------------------------------------------------------ */

struct world {
    struct dns_resolver resolver;
    const uint8_t *at;
    const uint8_t *end;
    struct spf_client client;
    unsigned questions;
    bool has_ptr;
    /* While what is made must follow the grammar. */
    bool is_tame;
    bool has_redirect;
    bool has_exp;
};

static uint8_t next(struct world *world)
{
    return world->at < world->end ? *world->at++ : 0;
}

static const char *pick(struct world *world, const char *const words[], size_t count)
{
    return words[next(world) % count];
}

/* A length octet and as many octets, as far as there are. */
static struct base_text take(struct world *world)
{
    size_t length = next(world);
    size_t left = (size_t)(world->end - world->at);

    if (length > left)
        length = left;
    struct base_text text = {(const char *)world->at, length};
    world->at += length;
    return text;
}

/* One in sixteen: something that the grammar does not have. */
static bool is_odd(struct world *world)
{
    return next(world) >= 0xf0 && !world->is_tame;
}

/* Two of five, by all of the octets: a fuzzer that looks for new paths cannot drift away. */
static bool is_tame_input(const uint8_t *data, size_t size)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ data[i]) * 16777619U;
    return (hash >> 8) % 5 < 2;
}

/* --- records --------------------------------------------------------------------------------- */

static void put_macro(struct world *world, struct base_buf *out)
{
    static const char good[] = "slodipvhSLODIPVH";
    static const char odd[] = "crtCRTaxz0%{ ";
    static const char delimiters[] = ".-+,/_=";
    uint8_t shape = next(world);

    if (is_odd(world))
        base_buf_appendf(out, "%%%c", "%_-{}x1"[shape % 7]);
    base_buf_append_cstr(out, "%{");
    base_buf_append_char(out, is_odd(world) ? odd[shape % (sizeof(odd) - 1)]
                                            : good[shape % (sizeof(good) - 1)]);
    if ((shape & 0x10) != 0)
        base_buf_appendf(out, "%u", is_odd(world) ? next(world) * 70000U : 1U + next(world) % 5U);
    if ((shape & 0x20) != 0)
        base_buf_append_char(out, 'r');
    for (unsigned i = 0; (shape & 0x40) != 0 && i <= (shape & 3U); i++)
        base_buf_append_char(out, delimiters[next(world) % (sizeof(delimiters) - 1)]);
    if ((shape & 0x80) == 0 || !is_odd(world))
        base_buf_append_char(out, '}');
}

static void put_domain_spec(struct world *world, struct base_buf *out)
{
    static const char *const labels[] = {"a.", "b.", "_spf.", "x-y.", "%%.", "%_", "%-.", "a/b:c="};
    /* The last one is no domain-end by itself. */
    static const char *const ends[] = {"example.org",  "example.net", "%{d}", "%{o}",      "%{d1}",
                                       "example.org.", "%{h}",        "%{p}", "%{d2}.com", "org"};
    unsigned pieces = next(world) % 4;

    if (is_odd(world)) {
        base_buf_append_text(out, take(world));
        return;
    }
    for (unsigned i = 0; i < pieces; i++) {
        if (next(world) % 2 == 0) {
            base_buf_append_cstr(out, pick(world, labels, COUNT(labels)));
        } else {
            put_macro(world, out);
            base_buf_append_char(out, '.');
        }
    }
    base_buf_append_cstr(out, pick(world, ends, COUNT(ends) - (world->is_tame ? 1 : 0)));
}

/* redirect= and exp= stand once at most (section 6). */
static void put_modifier(struct world *world, struct base_buf *out, const char *name, bool *has_one)
{
    if (world->is_tame && *has_one)
        name = "x-y.z_1=";
    *has_one = true;
    base_buf_append_cstr(out, name);
    put_domain_spec(world, out);
}

static void put_prefixes(struct world *world, struct base_buf *out)
{
    uint8_t shape = next(world);
    bool is_wild = is_odd(world);

    if ((shape & 1) != 0)
        base_buf_appendf(out, "/%u", is_wild ? next(world) : next(world) % 33U);
    if ((shape & 2) != 0)
        base_buf_appendf(out, "//%u", is_wild ? next(world) * 255U : next(world) % 129U);
}

static void put_ip4(struct world *world, struct base_buf *out)
{
    const unsigned char *octets = world->client.octets;
    uint8_t shape = next(world);

    if ((shape & 1) != 0 && !world->client.is_ipv6)
        base_buf_appendf(out, "ip4:%u.%u.%u.%u", octets[0], octets[1], octets[2], octets[3]);
    else
        base_buf_appendf(out, "ip4:10.%u.%u.%u", next(world), shape, next(world));
    if ((shape & 2) != 0)
        base_buf_appendf(out, "/%u", is_odd(world) ? next(world) : next(world) % 33U);
}

static void put_ip6(struct world *world, struct base_buf *out)
{
    const unsigned char *octets = world->client.octets;
    uint8_t shape = next(world);

    base_buf_append_cstr(out, "ip6:");
    for (size_t i = 0; i < 16; i += 2)
        base_buf_appendf(out, "%s%x", i == 0 ? "" : ":",
                         (shape & 1) != 0 ? (unsigned)octets[i] << 8 | octets[i + 1] : next(world));
    if ((shape & 2) != 0)
        base_buf_appendf(out, "/%u", is_odd(world) ? next(world) : next(world) % 129U);
}

static void put_named(struct world *world, struct base_buf *out, const char *name, bool is_optional)
{
    base_buf_append_cstr(out, name);
    if (is_optional && next(world) % 2 == 0)
        return;
    base_buf_append_char(out, ':');
    put_domain_spec(world, out);
}

static void put_term(struct world *world, struct base_buf *out)
{
    static const char *const qualifiers[] = {"", "+", "-", "~", "?", ""};

    base_buf_append_cstr(out, is_odd(world) ? "  " : " ");
    if (is_odd(world)) {
        base_buf_append_text(out, take(world));
        return;
    }
    uint8_t kind = next(world) % 16;
    if (kind < 11)
        base_buf_append_cstr(out, pick(world, qualifiers, COUNT(qualifiers)));
    switch (kind) {
    case 0:
        base_buf_append_cstr(out, "all");
        break;
    case 1:
    case 2:
        put_named(world, out, "a", true);
        put_prefixes(world, out);
        break;
    case 3:
    case 4:
        put_named(world, out, "mx", true);
        put_prefixes(world, out);
        break;
    case 5:
        put_ip4(world, out);
        break;
    case 6:
        put_ip6(world, out);
        break;
    case 7:
        put_named(world, out, "ptr", true);
        break;
    case 8:
        put_named(world, out, "exists", false);
        break;
    case 9:
    case 10:
        put_named(world, out, "include", false);
        break;
    case 11:
        put_modifier(world, out, "redirect=", &world->has_redirect);
        break;
    case 12:
        put_modifier(world, out, "exp=", &world->has_exp);
        break;
    case 13:
        base_buf_append_cstr(out, "x-y.z_1=");
        put_domain_spec(world, out);
        break;
    default:
        put_ip4(world, out);
        break;
    }
}

static void put_record(struct world *world, struct base_buf *out)
{
    uint8_t shape = next(world);
    unsigned terms = shape >= 0xfc ? 600 : shape % 16U;

    if (is_odd(world)) {
        /* Raw octets; sometimes they are chosen as the record. */
        if ((shape & 1) != 0)
            base_buf_append_cstr(out, "v=spf1 ");
        base_buf_append_text(out, take(world));
        return;
    }
    world->has_redirect = world->has_exp = false;
    base_buf_append_cstr(out, "v=spf1");
    for (unsigned i = 0; i < terms; i++)
        put_term(world, out);
    if ((shape & 0x20) != 0)
        base_buf_append_cstr(out, " -all");
}

/* Octets of what was made are changed, taken out, put in. */
static void mutate(struct world *world, struct base_buf *text)
{
    struct base_buf old = *text;
    size_t from = 0;

    base_buf_init(text, NULL, 60000);
    for (unsigned i = next(world) % 4; i > 0 && from < old.length; i--) {
        size_t kept = next(world) * (old.length - from) / 256;
        uint8_t how = next(world);

        base_buf_append(text, old.data + from, kept);
        from += kept;
        if (how % 3 != 0)
            base_buf_append_char(text, (char)next(world));
        if (how % 3 != 1)
            from++;
    }
    if (from < old.length)
        base_buf_append(text, old.data + from, old.length - from);
    base_buf_deinit(&old);
}

static void put_explanation(struct world *world, struct base_buf *out)
{
    for (unsigned i = next(world) % 40; i > 0; i--) {
        if (next(world) % 2 == 0)
            base_buf_append_cstr(out, "See ");
        else
            put_macro(world, out);
    }
}

/* --- DNS ------------------------------------------------------------------------------------- */

#define RECORDS_MAX 12
#define RDATA_MAX   65535

struct dns_pending {
    struct dns_answer *answer;
};

struct rdata {
    struct base_buf octets;
    size_t ends[RECORDS_MAX];
    size_t count;
};

/* Character-strings of 255 octets. */
static void put_strings(struct base_buf *out, struct base_text text)
{
    do {
        size_t length = text.length > 255 ? 255 : text.length;

        base_buf_append_char(out, (char)length);
        base_buf_append(out, text.data, length);
        text.data += length;
        text.length -= length;
    } while (text.length > 0);
}

static void put_text(struct world *world, struct base_buf *out)
{
    struct base_buf text;
    uint8_t kind = next(world);

    base_buf_init(&text, NULL, 60000);
    if (kind < 200 || world->is_tame)
        put_record(world, &text);
    else if (kind < 240)
        put_explanation(world, &text);
    else
        base_buf_append_text(&text, take(world));
    if (is_odd(world))
        mutate(world, &text);
    put_strings(out, base_buf_text(&text));
    base_buf_deinit(&text);
}

static void put_host(struct world *world, struct base_buf *out)
{
    static const char *const names[] = {"a.example.org", "b.example.org", "example.org",
                                        "c.example.net", "d.e.example.org"};
    unsigned char wire[DNS_WIRE_NAME_MAX];
    struct dns_name name;

    if (is_odd(world)) {
        if (dns_name_make(&name, take(world)) != DNS_NAME_OK)
            must(name.length == 0, "what is no name is the root");
    } else {
        char text[64];

        snprintf(text, sizeof(text), "%u.%s", next(world) % 20U, pick(world, names, COUNT(names)));
        must(dns_name_make(&name, base_text_of(text)) == DNS_NAME_OK, text);
    }
    base_buf_append(out, wire, dns_wire_name_make(wire, &name));
}

static void put_address(struct world *world, struct base_buf *out, size_t length)
{
    unsigned char octets[16] = {0};
    uint8_t shape = next(world);

    memcpy(octets, world->client.octets, length);
    if ((shape & 3) != 0)
        octets[shape % length] ^= next(world);
    base_buf_append(out, octets, length);
}

static void put_rdata(struct world *world, struct rdata *rdata, enum dns_type type)
{
    switch (type) {
    case DNS_TYPE_TXT:
        put_text(world, &rdata->octets);
        break;
    case DNS_TYPE_A:
        put_address(world, &rdata->octets, 4);
        break;
    case DNS_TYPE_AAAA:
        put_address(world, &rdata->octets, 16);
        break;
    case DNS_TYPE_MX:
        base_buf_append(&rdata->octets, "\0", 1);
        base_buf_append_char(&rdata->octets, (char)next(world));
        put_host(world, &rdata->octets);
        break;
    case DNS_TYPE_PTR:
        put_host(world, &rdata->octets);
        break;
    case DNS_TYPE_NS:
    case DNS_TYPE_CNAME:
    case DNS_TYPE_SOA:
    case DNS_TYPE_SPF:
    default:
        must(false, "SPF asks for no other type");
        break;
    }
    rdata->ends[rdata->count++] = rdata->octets.length;
}

static struct dns_answer *make_answer(struct world *world, enum dns_type type)
{
    static const enum dns_status statuses[] = {DNS_STATUS_NODATA, DNS_STATUS_NXDOMAIN,
                                               DNS_STATUS_SERVFAIL, DNS_STATUS_TIMEOUT,
                                               DNS_STATUS_BOGUS};
    struct base_text records[RECORDS_MAX];
    struct rdata rdata = {.count = 0};
    uint8_t shape = next(world);
    size_t wanted = type == DNS_TYPE_TXT && shape < 0xe0 ? 1 : 1U + shape % RECORDS_MAX;
    struct dns_answer *answer;

    if (world->is_tame)
        wanted = 1;
    else if (shape % 8 == 7)
        return dns_answer_create_empty(statuses[next(world) % COUNT(statuses)], 60);
    base_buf_init(&rdata.octets, NULL, (size_t)RECORDS_MAX * (RDATA_MAX + 300));
    while (rdata.count < wanted)
        put_rdata(world, &rdata, type);
    for (size_t i = 0, from = 0; i < rdata.count; from = rdata.ends[i++])
        records[i] = (struct base_text){rdata.octets.data + from, rdata.ends[i] - from};
    answer = dns_answer_create(type, records, rdata.count, 60, false);
    base_buf_deinit(&rdata.octets);
    return answer;
}

static struct dns_pending *ask(struct dns_resolver *resolver, const struct dns_name *name,
                               enum dns_type type)
{
    struct world *world = (struct world *)resolver;
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    must(name->length == strlen(name->text) && name->length > 0, "a name has no NUL");
    world->questions++;
    world->has_ptr |= type == DNS_TYPE_PTR;
    pending->answer = make_answer(world, type);
    /* Only the first answer is the start record. */
    world->is_tame = false;
    return pending;
}

static struct dns_answer *wait_for(struct dns_pending *pending, int64_t timeout_ns)
{
    (void)timeout_ns;
    return dns_answer_ref(pending->answer);
}

static void drop(struct dns_pending **pending)
{
    dns_answer_unref(&(*pending)->answer);
    base_mem_free(*pending);
    *pending = NULL;
}

static const struct dns_resolver_ops ops = {
    .name = "fuzz", .ask = ask, .wait = wait_for, .drop = drop};

/* --- one evaluation -------------------------------------------------------------------------- */

static void choose_client(struct world *world)
{
    static const unsigned char clients[][16] = {
        {192, 0, 2, 1},
        {127, 0, 0, 1},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 198, 51, 100, 7},
        {0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9},
        {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
    };
    size_t index = next(world) % COUNT(clients);

    spf_client_set(&world->client, clients[index], index < 2 ? 4 : 16);
}

static enum spf_verdict verdict_of(char qualifier)
{
    switch (qualifier) {
    case '-':
        return SPF_VERDICT_FAIL;
    case '~':
        return SPF_VERDICT_SOFTFAIL;
    case '?':
        return SPF_VERDICT_NEUTRAL;
    default:
        return SPF_VERDICT_PASS;
    }
}

static bool is_error(enum spf_verdict verdict)
{
    return verdict == SPF_VERDICT_NONE || verdict == SPF_VERDICT_TEMPERROR ||
           verdict == SPF_VERDICT_PERMERROR;
}

static void check_outcome(const struct world *world, const struct spf_outcome *outcome)
{
    unsigned max = QUESTIONS_MAX + QUESTIONS_EXPLAIN + (world->has_ptr ? QUESTIONS_PTR : 0);

    must(world->questions <= max, "the number of questions");
    must(outcome->terms <= SPF_TERMS_MAX + 1 && outcome->voids <= 3, "the counts");
    must(is_error(outcome->verdict) == (outcome->reason != NULL), "a reason for errors only");
    if (outcome->term.length > 0)
        must(outcome->verdict == verdict_of(outcome->term.data[0]), "the deciding term");
    else
        must(is_error(outcome->verdict) || outcome->verdict == SPF_VERDICT_NEUTRAL,
             "no verdict without a term");
    must((outcome->term.length > 0) == (outcome->term_domain.length > 0), "the term's domain");
    if (outcome->explanation.data != NULL)
        must(outcome->verdict == SPF_VERDICT_FAIL, "an explanation of a fail");
    for (size_t i = 0; i < outcome->explanation.length; i++)
        must(base_ascii_is_print(outcome->explanation.data[i]), "an explanation is printable");
}

/* --- what was run ---------------------------------------------------------------------------- */

#define TALLY_EVERY 1000000

struct tally {
    uint64_t evaluations;
    /* The start record was found and follows the grammar (section 12). */
    uint64_t valid;
    /* What came out is neither none nor an error. */
    uint64_t decided;
};

static struct tally *tally(void)
{
    static struct tally counts;

    return &counts;
}

static void print_tally(void)
{
    const struct tally *counts = tally();
    double all = counts->evaluations == 0 ? 1 : (double)counts->evaluations;

    fprintf(stderr,
            "evaluations: %llu, valid start records: %llu (%.1f %%), decided: %llu (%.1f %%)\n",
            (unsigned long long)counts->evaluations, (unsigned long long)counts->valid,
            100 * (double)counts->valid / all, (unsigned long long)counts->decided,
            100 * (double)counts->decided / all);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return atexit(print_tally);
}

static void count(const struct spf_outcome *outcome)
{
    struct tally *counts = tally();

    counts->evaluations++;
    counts->valid += outcome->record != NULL;
    counts->decided += !is_error(outcome->verdict);
    if (counts->evaluations % TALLY_EVERY == 0)
        print_tally();
}

static bool is_out_of_memory(const struct spf_outcome *outcome)
{
    return outcome->reason != NULL && strcmp(outcome->reason, "no memory left") == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool is_tame = is_tame_input(data, size);
    struct world world = {
        .resolver = {.ops = &ops}, .at = data, .end = data + size, .is_tame = is_tame};
    struct base_clock clock = base_clock_manual(1795348800);
    struct base_arena *arena = base_arena_create((size_t)2 << 20, NULL);
    struct dns_budget budget = {BASE_NS_PER_S};
    struct dns_lookups_options options = {
        .resolver = &world.resolver, .clock = &clock, .max_questions = 400};
    struct dns_lookups *lookups = dns_lookups_create(arena, &options);
    struct spf_request request = {.arena = arena,
                                  .lookups = lookups,
                                  .max_terms = SPF_TERMS_MAX,
                                  .max_voids = 2,
                                  .want_explanation = true,
                                  .receiver = BASE_TEXT("mx.example.com")};
    struct spf_outcome outcome;

    dns_lookups_set_budget(lookups, &budget);
    choose_client(&world);
    request.client = world.client;
    request.local_part = is_odd(&world) ? take(&world) : BASE_TEXT("strong-bad+tag");
    request.helo = is_odd(&world) ? take(&world) : BASE_TEXT("mx.example.net");
    request.domain = is_odd(&world) ? take(&world) : BASE_TEXT("mail.example.org");
    spf_check_host(&request, &outcome);
    check_outcome(&world, &outcome);
    if (is_tame && outcome.record == NULL && !is_out_of_memory(&outcome)) {
        fprintf(stderr, "reason: %s\n", outcome.reason == NULL ? "" : outcome.reason);
        must(false, "a record that follows the grammar is read");
    }
    count(&outcome);
    dns_lookups_destroy(&lookups);
    base_arena_destroy(&arena);
    return 0;
}
