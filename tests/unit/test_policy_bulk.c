/* The bulk-sender meter: which provider a domain belongs to, what is counted and when, warnings,
 * one-click unsubscription, and the conditions on all of it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <time.h>

#include "base/arena.h"
#include "base/json.h"
#include "base/log.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/one_click.h"
#include "policy/bulk/providers.h"
#include "policy/decision_bulk.h"
#include "policy/header.h"
#include "policy/rate/engine.h"
#include "tests/unit/policy_world.h"

#define DAY_S     INT64_C(86400)
#define ONE_CLICK "List-Unsubscribe=One-Click"

static void start(struct world *world, const char *conf)
{
    world->env.rates = rate_engine_create(&(struct rate_engine_options){.clock = &world->clock});
    world_configure(world, conf);
    world_connect(world, "192.0.2.1", "");
}

static void stop(struct world *world)
{
    policy_session_destroy(&world->session);
    rate_store_destroy(&world->env.rates);
}

/* --- providers -------------------------------------------------------------------------------- */

static void test_providers(void **state)
{
    static const char conf[] =
        "bulk-limit = 7000\n"
        "bulk-provider \"google\" { domains = { \"school.example\", \".school.example\" } }\n"
        "bulk-provider \"gmx\" { domains = { \"gmx.example\", \"m\xc3\xbcsli.example\", "
        "\"aol.com\" } limit = 10 }\n";
    static const struct {
        const char *domain;
        const char *provider;
        int64_t limit;
    } cases[] = {
        {"gmail.com", "google", 7000},
        {"googlemail.com", "google", 7000},
        {"mail.gmail.com", NULL, 0},
        {"notgmail.com", NULL, 0},
        {"hotmail.co.uk", "microsoft", 7000},
        {"live.com", "microsoft", 7000},
        {"yahoo.de", "yahoo", 7000},
        {"yahoo.co.jp", NULL, 0},
        {"me.com", "apple", 7000},
        {"school.example", "google", 7000},
        {"a.b.school.example", "google", 7000},
        {"gmx.example", "gmx", 10},
        {"sub.gmx.example", NULL, 0},
        {"xn--msli-0ra.example", "gmx", 10},
        /* What is written goes before what is built in. */
        {"aol.com", "gmx", 10},
        {"com", NULL, 0},
    };
    struct world *world = *state;

    world_configure(world, conf);
    const struct bulk_providers *providers = policy_snapshot_bulk_providers(world->snapshot);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dns_name name;

        assert_int_equal(dns_name_make(&name, base_text_of(cases[i].domain)), DNS_NAME_OK);
        const struct bulk_provider *found = bulk_providers_find(providers, &name);
        const char *got = found == NULL ? "none" : found->name;
        const char *want = cases[i].provider == NULL ? "none" : cases[i].provider;

        if (strcmp(got, want) != 0)
            fail_msg("%s: %s, not %s", cases[i].domain, got, want);
        if (found != NULL)
            assert_int_equal(found->limit, cases[i].limit);
    }
    assert_null(bulk_providers_by_name(providers, BASE_TEXT("nobody")));
    assert_int_equal(bulk_providers_by_name(providers, BASE_TEXT("gmx"))->limit, 10);
}

static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } cases[] = {
        {"bulk-provider \"Big Mail\" { domains = { \"a.example\" } }", "lower-case"},
        {"bulk-provider \"big\" { limit = 5 }", "has neither `domains` nor `mx`"},
        {"bulk-provider \"big\" { domains = { \"a b\" } }", "\"a b\" is not a domain"},
        {"bulk-provider \"a\" { domains = { \"x.example\" } }\n"
         "bulk-provider \"b\" { domains = { \"X.example\" } }",
         "both"},
        {"bulk-provider \"a\" { mx = { \"x y\" } }", "\"x y\" is not a domain"},
        {"bulk-provider \"a\" { mx = { \"mx.example\" } }\n"
         "bulk-provider \"b\" { mx = { \"MX.example\" } }",
         "is that of \"a\" too"},
        {"bulk-limit = 0", "bulk-limit"},
        {"rule \"r\" { stage = rcpt bulk = yes action = reject }", "bulk"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct policy_snapshot *snapshot = world_snapshot(world, cases[i].conf, &error);

        if (snapshot != NULL)
            fail_msg("%s: was accepted", cases[i].conf);
        if (strstr(error.text, cases[i].want) == NULL || strstr(error.text, "test.conf:") == NULL)
            fail_msg("%s: %s", cases[i].conf, error.text);
    }
}

/* --- RFC 8058 --------------------------------------------------------------------------------- */

static void test_one_click(void **state)
{
    static const struct {
        const char *uris[2];
        const char *post[2];
        bool want;
    } cases[] = {
        {{" <https://a.example/u?x=1>"}, {" " ONE_CLICK}, true},
        {{" <mailto:u@a.example>,\n <HTTPS://a.example/u>"}, {" list-unsubscribe=one-click"}, true},
        {{" (why (not\\)) <https://no.example>) <https://a.example>"}, {" " ONE_CLICK}, true},
        {{" <https:\n //a.exam\n ple/u>"}, {"\n " ONE_CLICK " "}, true},
        {{" <mailto:u@a.example>"}, {" " ONE_CLICK}, false},
        {{" <http://a.example/u>"}, {" " ONE_CLICK}, false},
        {{" <https://>"}, {" " ONE_CLICK}, false},
        {{" <https:///u>"}, {" " ONE_CLICK}, false},
        {{" https://a.example/u"}, {" " ONE_CLICK}, false},
        {{" <https://a.example/u"}, {" " ONE_CLICK}, false},
        {{" (<https://a.example/u>)"}, {" " ONE_CLICK}, false},
        {{" (<https://a.example/u>\\"}, {" " ONE_CLICK}, false},
        {{""}, {" " ONE_CLICK}, false},
        {{" <https://a.example/u>"}, {" List-Unsubscribe=Two-Click"}, false},
        {{" <https://a.example/u>"}, {""}, false},
        {{" <https://a.example/u>"}, {NULL}, false},
        {{NULL}, {" " ONE_CLICK}, false},
        {{" <https://a.example/u>", " <https://b.example/u>"}, {" " ONE_CLICK}, false},
        {{" <https://a.example/u>"}, {" " ONE_CLICK, " " ONE_CLICK}, false},
    };
    const struct policy_header_caps caps = {.max_fields = 10, .max_octets = 10000};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_arena *arena = base_arena_create(65536, NULL);
        struct policy_header header;

        policy_header_init(&header, arena);
        for (size_t j = 0; j < 2; j++) {
            if (cases[i].uris[j] != NULL)
                policy_header_append(&header, &caps, BASE_TEXT("List-unsubscribe"),
                                     base_text_of(cases[i].uris[j]));
            if (cases[i].post[j] != NULL)
                policy_header_append(&header, &caps, BASE_TEXT("List-Unsubscribe-Post"),
                                     base_text_of(cases[i].post[j]));
        }
        if (bulk_one_click_is_offered(&header) != cases[i].want)
            fail_msg("case %zu: not %d", i, cases[i].want);
        base_arena_destroy(&arena);
    }
}

/* --- the meter -------------------------------------------------------------------------------- */

struct sum {
    const char *author;
    const char *provider;
    int64_t used;
};

static void add(void *context, const struct rate_status *status)
{
    struct sum *sum = context;
    struct bulk_place place;

    if (bulk_meter_read(status, &place) &&
        base_text_equals(place.author, base_text_of(sum->author)) &&
        base_text_equals(place.provider, base_text_of(sum->provider)))
        sum->used += status->used[0];
}

static int64_t used(struct world *world, const char *author, const char *provider)
{
    struct sum sum = {.author = author, .provider = provider};

    rate_store_list(world->env.rates, add, &sum);
    return sum.used;
}

/* A message up to its header; `count` recipients at the domain. */
static void begin(struct world *world, const char *domain, unsigned count)
{
    world_mail(world, "<alice@example.org>", "alice");
    for (unsigned i = 0; i < count; i++) {
        char path[128];

        snprintf(path, sizeof(path), "<u%u@%s>", i, domain);
        assert_int_equal(policy_session_rcpt(world->session, base_text_of(path))->action,
                         POLICY_ACTION_CONTINUE);
    }
}

static const struct policy_verdict *send_all(struct world *world, const char *author,
                                             const char *domain, unsigned count)
{
    const struct policy_verdict *verdict;

    begin(world, domain, count);
    world_field(world, "From", author);
    verdict = world_finish(world);
    policy_session_accepted(world->session);
    return verdict;
}

enum how {
    ABORT,
    AGAIN,
    CLOSE,
    HEADER,
    NOT_TOLD,
    REJECTED,
    TEMPFAILED,
    DISCARDED,
    HOWS
};

static void spoil(struct world *world, enum how how)
{
    static const char *const authors[] = {
        [REJECTED] = "a@no.example.org",
        [TEMPFAILED] = "a@later.example.org",
        [DISCARDED] = "a@away.example.org",
    };

    begin(world, "gmail.com", 3);
    world_field(world, "From", how >= REJECTED ? authors[how] : "a@example.org");
    if (how == HEADER)
        policy_session_eoh(world->session);
    if (how >= NOT_TOLD)
        (void)world_finish(world);
    if (how >= REJECTED)
        policy_session_accepted(world->session);
    if (how == AGAIN)
        world_mail(world, "<alice@example.org>", "alice");
    if (how == CLOSE) {
        world_configure(world, "");
        world_connect(world, "192.0.2.1", "");
    }
    policy_session_reset(world->session);
}

/* What was accepted, and nothing else. */
static void test_counted(void **state)
{
    static const char rules[] =
        "rule \"a\" { stage = eom author-domain = { \"no.example.org\" } action = reject }\n"
        "rule \"b\" { stage = eom author-domain = { \"later.example.org\" } action = tempfail }\n"
        "rule \"c\" { stage = eom author-domain = { \"away.example.org\" } action = discard }\n";
    struct world *world = *state;

    start(world, rules);
    (void)send_all(world, "a@example.org", "gmail.com", 2);
    (void)send_all(world, "a@news.example.org", "googlemail.com", 3);
    (void)send_all(world, "a@example.org", "outlook.com", 4);
    (void)send_all(world, "a@example.org", "elsewhere.example", 9);
    (void)send_all(world, "a@b.example.co.uk", "gmail.com", 1);
    (void)send_all(world, "a@example.org, b@other.example", "gmail.com", 7);
    for (enum how how = ABORT; how < HOWS; how++) {
        world_configure(world, rules);
        world_connect(world, "192.0.2.1", "");
        spoil(world, how);
    }
    assert_int_equal(used(world, "example.org", "google"), 5);
    assert_int_equal(used(world, "example.org", "microsoft"), 4);
    /* By the public suffix list. */
    assert_int_equal(used(world, "example.co.uk", "google"), 1);
    assert_int_equal(used(world, "other.example", "google"), 0);
    /* Not ours: a stranger's mail to one of our users there. */
    world_mail(world, "<x@example.org>", "");
    (void)policy_session_rcpt(world->session, BASE_TEXT("<u@gmail.com>"));
    world_field(world, "From", "x@example.org");
    (void)world_finish(world);
    policy_session_accepted(world->session);
    assert_null(policy_session_decision(world->session)->bulk);
    assert_int_equal(used(world, "example.org", "google"), 5);
    base_clock_advance(&world->clock, (DAY_S - 1) * BASE_NS_PER_S);
    assert_int_equal(used(world, "example.org", "google"), 5);
    base_clock_advance(&world->clock, (DAY_S / 16 + 1) * BASE_NS_PER_S);
    assert_int_equal(used(world, "example.org", "google"), 0);
    stop(world);
}

/* At random times: never less than the last 24 hours have, never more than those and the sixteenth
 * before; after a rest of both, nothing. */
static void test_rolling(void **state)
{
    enum {
        SENT = 2000,
    };
    static int64_t times[SENT];
    static int64_t counts[SENT];
    const int64_t day_ns = DAY_S * BASE_NS_PER_S;
    struct bulk_place place = {.author = BASE_TEXT("example.org"), .provider = BASE_TEXT("google")};
    struct world *world = *state;
    uint64_t random = 20261122;

    start(world, "");
    for (int i = 0; i < SENT; i++) {
        int64_t now_ns;
        int64_t least = 0;
        int64_t most = 0;
        int64_t got;

        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        base_clock_advance(&world->clock, (int64_t)(random >> 33) % (day_ns / 100));
        now_ns = base_clock_mono_ns(&world->clock);
        for (int j = 0; j < i; j++) {
            least += now_ns - times[j] < day_ns ? counts[j] : 0;
            most += now_ns - times[j] < day_ns + day_ns / 16 ? counts[j] : 0;
        }
        times[i] = now_ns;
        counts[i] = (int64_t)(random >> 20) % 3 == 0 ? 1 : (int64_t)(random >> 40) % 500;
        got = bulk_meter_count(world->env.rates, &place, counts[i]);
        if (got < least || got > most)
            fail_msg("message %d: %d, not %d to %d", i, (int)got, (int)least, (int)most);
    }
    base_clock_advance(&world->clock, day_ns + day_ns / 16);
    assert_int_equal(bulk_meter_used(world->env.rates, &place), 0);
    /* As much as can be counted: nothing wraps around. */
    for (int i = 0; i < 5; i++)
        (void)bulk_meter_count(world->env.rates, &place, 1000000000);
    assert_int_equal(bulk_meter_used(world->env.rates, &place), 2000000000);
    assert_int_equal(bulk_meter_warn(world->env.rates, &place, 2000000000, 1000000000), 100);
    stop(world);
}

/* More providers than one call of the store asks for. */
static void test_many_providers(void **state)
{
    struct world *world = *state;
    struct base_buf conf;

    base_buf_init(&conf, NULL, 65536);
    base_buf_append_cstr(&conf, "rule \"r\" { stage = eom direction = outbound bulk = yes "
                                "one-click-unsubscribe = { none } action = reject }\n");
    for (int i = 0; i < 40; i++)
        base_buf_appendf(&conf,
                         "bulk-provider \"p%d\" { domains = { \"p%d.example\" } limit = %d }\n", i,
                         i, i == 39 ? 3 : 100);
    start(world, base_buf_cstr(&conf));
    base_buf_deinit(&conf);
    for (int round = 0; round < 3; round++) {
        world_mail(world, "<alice@example.org>", "alice");
        for (int i = 0; i < 40; i++) {
            char path[64];

            snprintf(path, sizeof(path), "<u@p%d.example>", i);
            (void)policy_session_rcpt(world->session, base_text_of(path));
        }
        world_field(world, "From", "a@example.org");
        /* The last provider alone has its limit reached. */
        assert_int_equal(world_finish(world)->action,
                         round < 2 ? POLICY_ACTION_CONTINUE : POLICY_ACTION_REJECT);
        policy_session_accepted(world->session);
    }
    for (int i = 0; i < 40; i++) {
        char name[16];

        snprintf(name, sizeof(name), "p%d", i);
        assert_int_equal(used(world, "example.org", name), 2);
    }
    stop(world);
}

/* Where a domain's mail goes. */
static void test_mx(void **state)
{
    static const char zone[] = "$ORIGIN .\n$TTL 300\n"
                               "customer.example. MX 20 other.example.\n"
                               "customer.example. MX 10 a.b.mx.example.\n"
                               "second.example. MX 10 other.example.\n"
                               "second.example. MX 20 mx.example.\n"
                               "null.example. MX 0 .\n"
                               "special.example. MX 1 x.special.mx.example.\n"
                               "$FAULT broken.example. MX TIMEOUT\n"
                               "local.example. MX 1 mx.example.\n"
                               /* Alike preferred, and two of them a provider's. */
                               "tie.example. MX 5 z.special.mx.example.\n"
                               "tie.example. MX 5 a.other.example.\n"
                               "tie.example. MX 5 m.mx.example.\n"
                               "tie.example. MX 4 .\n"
                               "tie.example. MX 4 other.example.\n"
                               "even.example. MX 5 z.special.mx.example.\n"
                               "even.example. MX 5 a.other.example.\n"
                               "even.example. MX 5 m.mx.example.\n"
                               "even.example. MX 5 n.special.mx.example.\n"
                               "highest.example. MX 65535 mx.example.\n";
    static const struct {
        const char *domain;
        const char *provider;
    } cases[] = {
        {"customer.example", "google"}, {"second.example", NULL},
        {"null.example", NULL},         {"broken.example", NULL},
        {"none.example", NULL},         {"special.example", "special"},
        {"local.example", NULL},        {"gmail.com", "google"},
        {"tie.example", NULL},          {"even.example", "google"},
        {"highest.example", "google"},
    };
    struct world *world = *state;
    struct base_error error = {""};

    dns_resolver_destroy(&world->resolver);
    world->resolver = dns_zone_create(base_text_of(zone), "test.zone", &error);
    if (world->resolver == NULL)
        fail_msg("%s", error.text);
    world->env.resolver = world->resolver;
    start(world, "local-domains = { \"local.example\" }\n"
                 "bulk-provider \"google\" { mx = { \"mx.example\" } }\n"
                 "bulk-provider \"special\" { mx = { \"special.mx.example\" } }\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct policy_bulk *bulk;

        (void)send_all(world, "a@example.org", cases[i].domain, 2);
        bulk = policy_session_decision(world->session)->bulk;
        assert_non_null(bulk);
        if ((bulk->counts != NULL) != (cases[i].provider != NULL))
            fail_msg("%s: %s", cases[i].domain, bulk->counts == NULL ? "none" : "one");
        if (bulk->counts == NULL)
            continue;
        assert_string_equal(bulk->counts->provider, cases[i].provider);
        assert_int_equal(bulk->counts->recipients, 2);
    }
    stop(world);
    /* Without `mx` nothing is asked. */
    start(world, "");
    (void)send_all(world, "a@example.org", "customer.example", 1);
    assert_null(policy_session_decision(world->session)->bulk->counts);
    stop(world);
}

/* A thousand mail exchangers, and as many recipients as are kept: it is read once. */
static void test_mx_hostile(void **state)
{
    struct world *world = *state;
    struct base_error error = {""};
    struct base_buf zone;
    const struct policy_bulk *bulk;
    clock_t begin;

    base_buf_init(&zone, NULL, 1 << 20);
    base_buf_append_cstr(&zone, "$ORIGIN .\n$TTL 300\n");
    for (int i = 0; i < 999; i++)
        base_buf_appendf(&zone, "hostile.example. MX 10 %d.%060d.%060d.other.example.\n", i, 0, 0);
    base_buf_append_cstr(&zone, "hostile.example. MX 10 zzz.mx.example.\n");
    dns_resolver_destroy(&world->resolver);
    world->resolver = dns_zone_create(base_buf_text(&zone), "test.zone", &error);
    base_buf_deinit(&zone);
    if (world->resolver == NULL)
        fail_msg("%s", error.text);
    world->env.resolver = world->resolver;
    start(world, "bulk-provider \"google\" { mx = { \"mx.example\" } }\n");
    begin = clock();
    (void)send_all(world, "a@example.org", "hostile.example", 10000);
    bulk = policy_session_decision(world->session)->bulk;
    assert_non_null(bulk->counts);
    assert_int_equal(bulk->counts->recipients, 10000);
    /* Each for itself they took three seconds. */
    assert_true(clock() - begin < 2 * CLOCKS_PER_SEC);
    stop(world);
}

/* --- warnings --------------------------------------------------------------------------------- */

/* Each step: hours that pass, recipients that are accepted, the warning that is due. */
static void test_warnings(void **state)
{
    static const struct {
        int64_t hours;
        int64_t recipients;
        unsigned want;
    } steps[] = {
        {0, 49, 0},
        {0, 1, 50},
        {0, 29, 0},
        {0, 1, 80},
        {0, 19, 0},
        {0, 1, 100},
        {0, 500, 0},
        {20, 200, 0},
        /* The first 600 have expired: a day later it is said again, and no lower one is. */
        {6, 1, 100},
        {1, 1, 0},
        /* On the way down lower ones are no news. */
        {20, 60, 0},
        /* All have expired. */
        {30, 40, 0},
        {0, 60, 100},
    };
    struct world *world = *state;
    struct bulk_place place = {.author = BASE_TEXT("example.org"), .provider = BASE_TEXT("google")};
    struct bulk_place other = {.author = BASE_TEXT("example.org"), .provider = BASE_TEXT("apple")};

    start(world, "");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct rate_reservation reservation = {NULL};
        int64_t before;
        unsigned got;

        base_clock_advance(&world->clock, steps[i].hours * 3600 * BASE_NS_PER_S);
        before = bulk_meter_charge(world->env.rates, &reservation, &place, steps[i].recipients);
        rate_store_commit(world->env.rates, &reservation);
        assert_int_equal(bulk_meter_used(world->env.rates, &place), before + steps[i].recipients);
        got = bulk_meter_warn(world->env.rates, &place, before + steps[i].recipients, 100);
        if (got != steps[i].want)
            fail_msg("step %zu: %u, not %u; %d used", i, got, steps[i].want, (int)before);
    }
    /* Each place for itself. */
    assert_int_equal(bulk_meter_warn(world->env.rates, &other, 100, 100), 100);
    assert_int_equal(bulk_meter_warn(world->env.rates, &other, 100, 100), 0);
    stop(world);
}

static size_t count_text(const char *text, const char *wanted)
{
    size_t count = 0;

    for (const char *at = strstr(text, wanted); at != NULL; at = strstr(at + 1, wanted))
        count++;
    return count;
}

static void test_log(void **state)
{
    struct world *world = *state;
    char path[] = "/tmp/test_policy_bulk.XXXXXX";
    int fd = mkstemp(path);
    int saved = dup(STDERR_FILENO);
    static char text[65536];
    ssize_t length;

    assert_true(fd >= 0 && saved >= 0);
    start(world, "bulk-limit = 10\n");
    assert_true(dup2(fd, STDERR_FILENO) >= 0);
    for (int i = 0; i < 14; i++)
        (void)send_all(world, "a@news.example.org", "gmail.com", 1);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    length = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(length >= 0);
    text[length] = '\0';
    close(fd);
    close(saved);
    unlink(path);
    assert_int_equal(count_text(text, "event=bulk-warning"), 3);
    assert_int_equal(count_text(text, "author-domain=example.org provider=google percent=50 "
                                      "recipients=5 limit=10"),
                     1);
    assert_int_equal(count_text(text, "percent=80 recipients=8 limit=10"), 1);
    assert_int_equal(count_text(text, "percent=100 recipients=10 limit=10"), 1);
    stop(world);
}

/* --- conditions ------------------------------------------------------------------------------- */

#define UNSIGNED_LISTS "sign-headers = { \"from\", \"list-unsubscribe\" } "

static void test_conditions(void **state)
{
    static const struct {
        const char *name;
        const char *sign;
        const char *conditions;
        const char *sender;
        const char *author;
        bool has_one_click;
        bool want;
    } cases[] = {
        {"signed", "", "one-click-unsubscribe = { signed }", "<a@example.org>", "a@example.org",
         true, true},
        {"not there", "", "one-click-unsubscribe = { none }", "<a@example.org>", "a@example.org",
         false, true},
        {"there, not none", "", "one-click-unsubscribe = { none, present }", "<a@example.org>",
         "a@example.org", true, false},
        {"one of two in h=", UNSIGNED_LISTS, "one-click-unsubscribe = { present }",
         "<a@example.org>", "a@example.org", true, true},
        {"no key", "", "one-click-unsubscribe = { present }", "<a@example.org>", "a@other.example",
         true, true},
        {"both", "", "author-aligned = { both }", "<b@bounce.example.org>", "a@news.example.org",
         true, true},
        {"dkim", "", "author-aligned = { dkim }", "<b@other.example>", "a@example.org", true, true},
        {"dkim, null sender", "", "author-aligned = { dkim }", "<>", "a@example.org", true, true},
        {"spf", "", "author-aligned = { spf }", "<b@x.other.example>", "a@other.example", true,
         true},
        {"none", "", "author-aligned = { none }", "<b@example.org>", "a@other.example", true, true},
        {"not none", "", "author-aligned = { none }", "<b@example.org>", "a@example.org", true,
         false},
        {"no single author", "", "one-click-unsubscribe = { none }", "<a@example.org>",
         "a@example.org, b@other.example", false, false},
        {"not bulk", "", "bulk = no", "<a@example.org>", "a@example.org", true, true},
        {"not yet bulk", "", "bulk = yes", "<a@example.org>", "a@example.org", true, false},
    };
    struct world *world = *state;

    world->env.rates = rate_engine_create(&(struct rate_engine_options){.clock = &world->clock});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct policy_verdict *verdict;
        char conf[512];

        snprintf(conf, sizeof(conf),
                 "sign \"example.org\" { keys = { \"s1\" } %s }\n"
                 "rule \"r\" { stage = eom direction = outbound %s action = reject }\n",
                 cases[i].sign, cases[i].conditions);
        world_configure(world, conf);
        world_connect(world, "192.0.2.1", "");
        world_mail(world, cases[i].sender, "alice");
        (void)policy_session_rcpt(world->session, BASE_TEXT("<u@gmail.com>"));
        world_field(world, "From", cases[i].author);
        if (cases[i].has_one_click) {
            world_field(world, "List-Unsubscribe", " <https://example.org/u>");
            world_field(world, "List-Unsubscribe-Post", " " ONE_CLICK);
        }
        verdict = world_finish(world);
        if ((verdict->action == POLICY_ACTION_REJECT) != cases[i].want)
            fail_msg("%s: %d", cases[i].name, (int)verdict->action);
    }
    stop(world);
}

/* The whole: free below the limit, from it on only with what providers require. */
static void test_required(void **state)
{
    static const char conf[] =
        WORLD_SIGN "bulk-provider \"google\" { limit = 5 }\n"
                   "rule \"unsubscribe\" { stage = eoh direction = outbound bulk = yes\n"
                   "  one-click-unsubscribe = { none, present } action = reject }\n";
    struct world *world = *state;
    const struct policy_verdict *verdict;

    start(world, conf);
    assert_int_equal(send_all(world, "a@example.org", "gmail.com", 4)->action,
                     POLICY_ACTION_CONTINUE);
    /* The fifth makes a bulk sender; it is refused, and so is every other. */
    for (int i = 0; i < 2; i++) {
        verdict = send_all(world, "a@example.org", "gmail.com", 1);
        assert_int_equal(verdict->action, POLICY_ACTION_REJECT);
        assert_non_null(strstr(verdict->text, "RFC 8058"));
        /* Nothing kept it from being signed but that. */
        assert_null(policy_session_decision(world->session)->unsigned_reason);
    }
    assert_int_equal(used(world, "example.org", "google"), 4);
    assert_int_equal(send_all(world, "a@example.org", "aol.com", 1)->action,
                     POLICY_ACTION_CONTINUE);
    begin(world, "gmail.com", 2);
    world_field(world, "From", "a@example.org");
    world_field(world, "List-Unsubscribe", " <https://example.org/u>");
    world_field(world, "List-Unsubscribe-Post", " " ONE_CLICK);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    policy_session_accepted(world->session);
    assert_int_equal(used(world, "example.org", "google"), 6);
    stop(world);
}

static void test_json(void **state)
{
    struct world *world = *state;
    const struct policy_decision *decision;
    struct base_json *json;
    const struct base_json *row;
    int64_t number;

    start(world, WORLD_SIGN "bulk-limit = 6\n");
    for (int i = 0; i < 2; i++)
        (void)send_all(world, "a@news.example.org", "gmail.com", 3);
    decision = policy_session_decision(world->session);
    json = policy_decision_json(decision, NULL, NULL);
    row = base_json_get(json, "bulk");
    assert_true(base_text_equals(base_json_text(base_json_get(row, "author_domain")),
                                 BASE_TEXT("example.org")));
    assert_true(
        base_text_equals(base_json_text(base_json_get(row, "author_aligned")), BASE_TEXT("both")));
    row = base_json_at(base_json_get(row, "providers"), 0);
    assert_true(base_json_int(base_json_get(row, "recipients"), &number) && number == 3);
    assert_true(base_json_int(base_json_get(row, "used"), &number) && number == 6);
    assert_true(policy_bulk_count_is_over(decision->bulk->counts));
    base_json_destroy(&json);
    stop(world);
}

/* A rule keeps it from being signed. */
static void test_no_sign(void **state)
{
    struct world *world = *state;
    const struct policy_bulk *bulk;

    start(world, WORLD_SIGN "rule \"r\" { stage = eom direction = outbound action = no-sign }\n");
    begin(world, "gmail.com", 1);
    world_field(world, "From", "a@example.org");
    world_field(world, "List-Unsubscribe", " <https://example.org/u>");
    world_field(world, "List-Unsubscribe-Post", " " ONE_CLICK);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    bulk = policy_session_decision(world->session)->bulk;
    assert_int_equal(bulk->one_click, POLICY_ONE_CLICK_PRESENT);
    assert_int_equal(bulk->aligned, POLICY_AUTHOR_ALIGNED_SPF);
    stop(world);
}

static int set_up(void **state)
{
    struct world *world = base_mem_alloc_zero(1, sizeof(*world));

    world_init(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;

    world_deinit(world);
    base_mem_free(world);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_providers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_faults, set_up, tear_down),
        cmocka_unit_test(test_one_click),
        cmocka_unit_test_setup_teardown(test_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_rolling, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many_providers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mx, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mx_hostile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_warnings, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_conditions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_required, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_json, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_sign, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
