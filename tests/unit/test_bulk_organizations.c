/* The names that the bulk-sender meter counts by: by walks that nobody waits for, without one
 * domain being counted under two names. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "policy/bulk/late.h"
#include "policy/bulk/meter.h"
#include "policy/bulk/organizations.h"
#include "policy/bulk/providers.h"
#include "policy/decision_bulk.h"
#include "policy/dmarc/psl.h"
#include "policy/rate/engine.h"
#include "tests/unit/policy_world.h"
#include "tests/unit/slow_resolver.h"

#define S   BASE_NS_PER_S
#define DAY (INT64_C(86400) * S)

static const char zone[] = "$ORIGIN .\n$TTL 300\n"
                           "_dmarc.example.org. TXT \"v=DMARC1; p=none\"\n"
                           "customer.example. MX 1 mx.example.\n"
                           "_dmarc.own.example.org. TXT \"v=DMARC1; p=none; psd=n\"\n"
                           "_dmarc.group.example.net. TXT \"v=DMARC1; p=none; psd=y\"\n"
                           "$FAULT _dmarc.broken.example.org. TXT SERVFAIL\n"
                           "$FAULT _dmarc.later.example. TXT TIMEOUT\n";

struct scene {
    struct base_clock clock;
    struct slow_resolver slow;
    struct dmarc_psl *psl;
    struct bulk_organizations *organizations;
};

static void open_scene(struct scene *scene)
{
    struct base_error error;

    scene->clock = base_clock_manual(WORLD_TIME);
    slow_init(&scene->slow, zone);
    scene->psl = dmarc_psl_create(&error);
    assert_non_null(scene->psl);
    scene->organizations = bulk_organizations_create(&(struct bulk_organizations_options){
        .resolver = &scene->slow.resolver, .clock = &scene->clock});
}

static void close_scene(struct scene *scene)
{
    bulk_organizations_destroy(&scene->organizations);
    dmarc_psl_destroy(&scene->psl);
    slow_deinit(&scene->slow);
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return name;
}

static void prefetch(struct scene *scene, const char *text)
{
    struct dns_name name = name_of(text);

    bulk_organizations_prefetch(scene->organizations, &name);
}

/* "" for not known. */
static void require(struct scene *scene, const char *text, const char *want)
{
    struct dns_name name = name_of(text);
    struct dns_name found;
    bool is_known = bulk_organizations_find(scene->organizations, scene->psl, &name, &found);

    if (strcmp(is_known ? found.text : "", want) != 0)
        fail_msg("%s: \"%s\", not \"%s\"", text, is_known ? found.text : "", want);
}

static void test_names(void **state)
{
    static const struct {
        const char *domain;
        const char *want;
    } cases[] = {
        {"example.org", "example.org"},
        {"a.b.example.org", "example.org"},
        {"own.example.org", "own.example.org"},
        {"x.own.example.org", "own.example.org"},
        {"a.b.group.example.net", "b.group.example.net"},
        /* Nobody does DMARC there: the list decides. */
        {"news.shop.example.co.uk", "example.co.uk"},
        {"com", "com"},
        /* DNS fails: not known. */
        {"broken.example.org", ""},
        {"x.later.example", ""},
    };
    struct scene scene;

    (void)state;
    open_scene(&scene);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        require(&scene, cases[i].domain, "");
        prefetch(&scene, cases[i].domain);
        require(&scene, cases[i].domain, cases[i].want);
    }
    close_scene(&scene);
}

/* The answer is waited for by nobody, and found when it is there. */
static void test_slow(void **state)
{
    struct scene scene;
    unsigned asked;

    (void)state;
    open_scene(&scene);
    scene.slow.is_silent = true;
    prefetch(&scene, "a.example.org");
    asked = scene.slow.asked;
    assert_int_equal(asked, 3);
    prefetch(&scene, "a.example.org");
    require(&scene, "a.example.org", "");
    base_clock_advance(&scene.clock, BULK_WALK_NS - 1);
    require(&scene, "a.example.org", "");
    scene.slow.is_silent = false;
    require(&scene, "a.example.org", "example.org");
    assert_int_equal(scene.slow.open, 0);
    /* Known for a day; then it is asked again, and holds until there is an answer. */
    base_clock_advance(&scene.clock, BULK_KNOWN_NS - 1);
    prefetch(&scene, "a.example.org");
    assert_int_equal(scene.slow.asked, asked);
    base_clock_advance(&scene.clock, 1);
    scene.slow.is_silent = true;
    prefetch(&scene, "a.example.org");
    assert_int_equal(scene.slow.asked, 2 * asked);
    require(&scene, "a.example.org", "example.org");
    /* Given up: what was known stays, and DNS has its rest. */
    base_clock_advance(&scene.clock, BULK_WALK_NS);
    require(&scene, "a.example.org", "example.org");
    assert_int_equal(scene.slow.open, 0);
    prefetch(&scene, "a.example.org");
    assert_int_equal(scene.slow.asked, 2 * asked);
    base_clock_advance(&scene.clock, BULK_FAILED_NS);
    prefetch(&scene, "a.example.org");
    assert_int_equal(scene.slow.asked, 3 * asked);
    close_scene(&scene);
}

/* A guess holds for a day, whatever DNS says in between. */
static void test_bound(void **state)
{
    struct dns_name domain = name_of("x.own.example.org");
    struct dns_name guess = name_of("example.org");
    struct dns_name other = name_of("org");
    struct scene scene;

    (void)state;
    open_scene(&scene);
    scene.slow.is_silent = true;
    prefetch(&scene, domain.text);
    bulk_organizations_bind(scene.organizations, &domain, &guess);
    assert_int_equal(scene.slow.open, 0);
    scene.slow.is_silent = false;
    prefetch(&scene, domain.text);
    require(&scene, domain.text, "example.org");
    bulk_organizations_bind(scene.organizations, &domain, &other);
    require(&scene, domain.text, "example.org");
    base_clock_advance(&scene.clock, BULK_KNOWN_NS);
    prefetch(&scene, domain.text);
    require(&scene, domain.text, "own.example.org");
    close_scene(&scene);
}

/* Ever new domains: bounded walks and names, and no wrong one. */
static void test_many(void **state)
{
    struct scene scene;
    unsigned known = 0;

    (void)state;
    open_scene(&scene);
    scene.slow.is_silent = true;
    for (unsigned i = 0; i < 3 * BULK_ORGANIZATIONS_MAX; i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "d%u.example.org", i);
        prefetch(&scene, text);
        assert_true(scene.slow.open <= 3 * BULK_WALKS_MAX);
    }
    scene.slow.is_silent = false;
    for (unsigned i = 0; i < 3 * BULK_ORGANIZATIONS_MAX; i++) {
        char text[64];
        struct dns_name name;
        struct dns_name found;

        (void)snprintf(text, sizeof(text), "d%u.example.org", i);
        name = name_of(text);
        prefetch(&scene, text);
        if (!bulk_organizations_find(scene.organizations, scene.psl, &name, &found))
            continue;
        known++;
        assert_string_equal(found.text, "example.org");
    }
    assert_true(known > BULK_ORGANIZATIONS_MAX);
    close_scene(&scene);
}

/* --- what is counted late ----------------------------------------------------------------------
 */

struct sums {
    char text[400];
};

static void add(void *context, const struct rate_status *status)
{
    struct sums *sums = context;
    struct bulk_place place;
    size_t length = strlen(sums->text);

    if (bulk_meter_read(status, &place) && status->used[0] > 0)
        (void)snprintf(sums->text + length, sizeof(sums->text) - length, "%.*s %.*s %d;",
                       (int)place.author.length, place.author.data, (int)place.provider.length,
                       place.provider.data, (int)status->used[0]);
}

static void require_counts(struct rate_store *store, const char *want)
{
    struct sums sums = {""};

    rate_store_list(store, add, &sums);
    assert_string_equal(sums.text, want);
}

static void test_late(void **state)
{
    static const struct bulk_provider google = {.name = "google", .limit = 10};
    struct dns_name domain = name_of("x.own.example.org");
    struct dns_name broken = name_of("broken.example.org");
    struct scene scene;
    struct rate_store *store;
    struct bulk_late *late;

    (void)state;
    open_scene(&scene);
    store = rate_engine_create(&(struct rate_engine_options){.clock = &scene.clock});
    late = bulk_late_create(&scene.clock, scene.organizations, store);
    scene.slow.is_silent = true;
    assert_true(bulk_late_add(late, &domain, &google, 3, "one"));
    assert_true(bulk_late_add(late, &domain, &google, 2, "two"));
    assert_int_equal(bulk_late_count(late), 1);
    bulk_late_settle(late, scene.psl, false);
    assert_int_equal(bulk_late_count(late), 1);
    require_counts(store, "");
    scene.slow.is_silent = false;
    bulk_late_settle(late, scene.psl, false);
    assert_int_equal(bulk_late_count(late), 0);
    require_counts(store, "own.example.org google 5;");
    /* DNS fails: by the list, when it was waited for long enough, and so for a day. */
    assert_true(bulk_late_add(late, &broken, &google, 4, "three"));
    bulk_late_settle(late, scene.psl, false);
    base_clock_advance(&scene.clock, BULK_WALK_NS - 1);
    bulk_late_settle(late, scene.psl, false);
    require_counts(store, "own.example.org google 5;");
    base_clock_advance(&scene.clock, 1);
    bulk_late_settle(late, scene.psl, false);
    require(&scene, "broken.example.org", "example.org");
    bulk_late_destroy(&late);
    rate_store_destroy(&store);
    /* At the end of the process, and what no longer finds room. */
    store = rate_engine_create(&(struct rate_engine_options){.clock = &scene.clock});
    late = bulk_late_create(&scene.clock, scene.organizations, store);
    scene.slow.is_silent = true;
    for (unsigned i = 0; i <= BULK_LATE_MAX; i++) {
        char text[64];

        (void)snprintf(text, sizeof(text), "d%u.example.co.uk", i);
        domain = name_of(text);
        assert_int_equal(bulk_late_add(late, &domain, &google, 1, "four"), i < BULK_LATE_MAX);
    }
    bulk_late_settle(late, scene.psl, true);
    require_counts(store, "example.co.uk google 1000;");
    assert_true(bulk_late_add(late, &broken, &google, 1, "left"));
    bulk_late_destroy(&late);
    rate_store_destroy(&store);
    close_scene(&scene);
}

/* A threshold each, the first that was reached first; what has no room is for the caller. */
static void test_late_warnings(void **state)
{
    static const struct {
        int64_t used;
        bool is_new;
    } reached[] = {{50, true}, {60, false}, {80, true}, {85, false}, {100, true}, {101, false}};
    const struct bulk_place place = {.author = BASE_TEXT("example.org"),
                                     .provider = BASE_TEXT("google")};
    struct scene scene;
    struct rate_store *store;
    struct bulk_late *late;
    size_t count = 0;

    (void)state;
    open_scene(&scene);
    store = rate_engine_create(&(struct rate_engine_options){.clock = &scene.clock});
    late = bulk_late_create(&scene.clock, scene.organizations, store);
    for (size_t i = 0; i < sizeof(reached) / sizeof(reached[0]); i++) {
        assert_true(bulk_late_warn(late, &place, reached[i].used, 100, "id"));
        count += reached[i].is_new;
        assert_int_equal(bulk_late_count(late), count);
    }
    /* Nothing is counted, and nothing asked of DNS. */
    bulk_late_settle(late, scene.psl, false);
    assert_int_equal(bulk_late_count(late), 0);
    assert_int_equal(scene.slow.asked, 0);
    require_counts(store, "");
    /* They were said. */
    assert_int_equal(bulk_meter_warn(store, &place, 100, 100), 0);
    for (unsigned i = 0; i <= BULK_LATE_MAX; i++) {
        char text[64];
        struct bulk_place other = {.provider = BASE_TEXT("google")};

        (void)snprintf(text, sizeof(text), "d%u.example", i);
        other.author = base_text_of(text);
        assert_int_equal(bulk_late_warn(late, &other, 50, 100, "id"), i < BULK_LATE_MAX);
    }
    bulk_late_destroy(&late);
    rate_store_destroy(&store);
    close_scene(&scene);
}

/* Eight sessions, and who settles: nothing is lost, whatever is known when. */
struct crowd {
    struct bulk_organizations *organizations;
    struct bulk_late *late;
    struct rate_store *store;
    const struct dmarc_psl *psl;
};

enum {
    THREADS = 8,
    ROUNDS = 3000,
};

static void *take_part(void *context)
{
    static const struct bulk_provider google = {.name = "google", .limit = 1000000};
    const struct crowd *crowd = context;

    for (unsigned i = 0; i < ROUNDS; i++) {
        char text[64];
        struct dns_name name;
        struct dns_name found;

        (void)snprintf(text, sizeof(text), "d%u.example.org", i % 100);
        if (dns_name_make(&name, base_text_of(text)) != DNS_NAME_OK)
            return NULL;
        bulk_organizations_prefetch(crowd->organizations, &name);
        (void)bulk_organizations_find(crowd->organizations, crowd->psl, &name, &found);
        if (!bulk_late_add(crowd->late, &name, &google, 1, "id"))
            return NULL;
        if (i % 64 == 0)
            bulk_late_settle(crowd->late, crowd->psl, false);
    }
    return context;
}

static void test_crowd(void **state)
{
    pthread_t threads[THREADS];
    struct scene scene;
    struct crowd crowd;

    (void)state;
    open_scene(&scene);
    bulk_organizations_destroy(&scene.organizations);
    crowd = (struct crowd){
        .organizations = bulk_organizations_create(&(struct bulk_organizations_options){
            .resolver = scene.slow.zone, .clock = &scene.clock}),
        .store = rate_engine_create(&(struct rate_engine_options){.clock = &scene.clock}),
        .psl = scene.psl,
    };
    crowd.late = bulk_late_create(&scene.clock, crowd.organizations, crowd.store);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_part, &crowd), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *result = NULL;

        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
    bulk_late_settle(crowd.late, crowd.psl, false);
    require_counts(crowd.store, "example.org google 24000;");
    bulk_late_destroy(&crowd.late);
    bulk_organizations_destroy(&crowd.organizations);
    rate_store_destroy(&crowd.store);
    close_scene(&scene);
}

/* --- in a session ------------------------------------------------------------------------------
 */

struct sessions {
    struct world world;
    struct slow_resolver slow;
};

static void open_sessions(struct sessions *it, const char *conf)
{
    struct policy_env *env = &it->world.env;

    world_init(&it->world);
    slow_init(&it->slow, zone);
    env->resolver = &it->slow.resolver;
    env->rates = rate_engine_create(&(struct rate_engine_options){.clock = &it->world.clock});
    env->bulk_organizations = bulk_organizations_create(
        &(struct bulk_organizations_options){.resolver = env->resolver, .clock = &it->world.clock});
    env->bulk_late = bulk_late_create(&it->world.clock, env->bulk_organizations, env->rates);
    world_configure(&it->world, conf);
    world_connect(&it->world, "192.0.2.1", "");
}

static void close_sessions(struct sessions *it)
{
    policy_session_destroy(&it->world.session);
    bulk_late_destroy(&it->world.env.bulk_late);
    bulk_organizations_destroy(&it->world.env.bulk_organizations);
    rate_store_destroy(&it->world.env.rates);
    slow_deinit(&it->slow);
    world_deinit(&it->world);
}

static void settle(struct sessions *it)
{
    bulk_late_settle(it->world.env.bulk_late, policy_snapshot_bulk_psl(it->world.snapshot), false);
}

static const struct policy_bulk *send_one(struct sessions *it, const char *sender,
                                          const char *author)
{
    struct world *world = &it->world;

    world_mail(world, sender, "alice");
    assert_int_equal(policy_session_rcpt(world->session, BASE_TEXT("<u@gmail.com>"))->action,
                     POLICY_ACTION_CONTINUE);
    world_field(world, "From", author);
    (void)world_finish(world);
    policy_session_accepted(world->session);
    return policy_session_decision(world->session)->bulk;
}

/* The list says example.org, DNS own.example.org: whenever the answer comes, nothing is counted
 * under the other name. */
static void test_no_two_names(void **state)
{
    struct sessions it;
    const struct policy_bulk *bulk;

    (void)state;
    open_sessions(&it, "");
    it.slow.is_silent = true;
    bulk = send_one(&it, "<a@own.example.org>", "a@own.example.org");
    assert_true(bulk->is_guessed && bulk->is_late);
    assert_string_equal(bulk->author.text, "example.org");
    require_counts(it.world.env.rates, "");
    it.slow.is_silent = false;
    bulk = send_one(&it, "<a@own.example.org>", "a@own.example.org");
    assert_false(bulk->is_guessed || bulk->is_late);
    assert_string_equal(bulk->author.text, "own.example.org");
    require_counts(it.world.env.rates, "own.example.org google 1;");
    settle(&it);
    require_counts(it.world.env.rates, "own.example.org google 2;");
    close_sessions(&it);
    /* Nothing is asked where the list is to decide. */
    open_sessions(&it, "dmarc-method = psl\n");
    it.slow.is_silent = true;
    bulk = send_one(&it, "<a@own.example.org>", "a@own.example.org");
    assert_false(bulk->is_guessed || bulk->is_late);
    require_counts(it.world.env.rates, "example.org google 1;");
    assert_int_equal(it.slow.asked, 0);
    close_sessions(&it);
}

/* The answer comes between the end of the header and that of the message. */
static void test_meanwhile(void **state)
{
    struct sessions it;
    struct world *world = &it.world;
    const struct policy_bulk *bulk;

    (void)state;
    open_sessions(&it, "bulk-limit = 1\nrule \"r\" { stage = eoh direction = outbound bulk = yes "
                       "author-aligned = { none } action = add-header header = \"X-None: 1\" }\n");
    it.slow.is_silent = true;
    world_mail(world, "<a@mail.example.org>", "alice");
    (void)policy_session_rcpt(world->session, BASE_TEXT("<u@gmail.com>"));
    world_field(world, "From", "a@own.example.org");
    (void)policy_session_eoh(world->session);
    bulk = policy_session_decision(world->session)->bulk;
    /* Guess is compared with guess. */
    assert_true(bulk->is_guessed && bulk->is_alignment_guessed);
    assert_int_equal(bulk->aligned, POLICY_AUTHOR_ALIGNED_SPF);
    it.slow.is_silent = false;
    (void)policy_session_eom(world->session, NULL, NULL);
    policy_session_accepted(world->session);
    assert_false(bulk->is_guessed || bulk->is_alignment_guessed || bulk->is_late);
    assert_int_equal(bulk->aligned, POLICY_AUTHOR_ALIGNED_NONE);
    require_counts(world->env.rates, "own.example.org google 1;");
    close_sessions(&it);
}

/* Mail exchangers that are not known at the end of the header, and are at that of the message. */
static void test_mx_meanwhile(void **state)
{
    struct sessions it;
    struct world *world = &it.world;

    (void)state;
    open_sessions(&it, "bulk-limit = 1\nbulk-provider \"mail\" { mx = { \"mx.example\" } }\n"
                       "rule \"r\" { stage = eoh direction = outbound bulk = yes "
                       "action = reject }\n");
    it.slow.is_silent = true;
    world_mail(world, "<a@example.org>", "alice");
    (void)policy_session_rcpt(world->session, BASE_TEXT("<u@customer.example>"));
    world_field(world, "From", "a@example.org");
    assert_int_equal(policy_session_eoh(world->session)->action, POLICY_ACTION_CONTINUE);
    it.slow.is_silent = false;
    (void)policy_session_eom(world->session, NULL, NULL);
    policy_session_accepted(world->session);
    require_counts(world->env.rates, "example.org mail 1;");
    world_mail(world, "<a@example.org>", "alice");
    (void)policy_session_rcpt(world->session, BASE_TEXT("<u@customer.example>"));
    world_field(world, "From", "a@example.org");
    assert_int_equal(policy_session_eoh(world->session)->action, POLICY_ACTION_REJECT);
    close_sessions(&it);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names),         cmocka_unit_test(test_slow),
        cmocka_unit_test(test_bound),         cmocka_unit_test(test_many),
        cmocka_unit_test(test_late),          cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_late_warnings), cmocka_unit_test(test_no_two_names),
        cmocka_unit_test(test_meanwhile),     cmocka_unit_test(test_mx_meanwhile),
    };

    base_log_set_level(BASE_LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
