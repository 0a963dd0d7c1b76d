/* policy/snapshot and policy/options: what is refused at load, and what the negotiation is told. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/options.h"
#include "tests/unit/policy_world.h"

static int setup(void **state)
{
    static struct world world;

    world_init(&world);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    return 0;
}

static void test_refused(void **state)
{
    /* The first two lines are authserv-id and key-dir. */
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"trusted-networks = { \"192.0.2.1/24\" }", "test.conf:3: trusted-networks: "},
        {"\nsigning-networks = { \"nonsense\" }", "test.conf:4: signing-networks: \"nonsense\""},
        {"keep-authres-from = { \"::/129\" }", "test.conf:3: keep-authres-from: "},
        {"local-domains = { \"exa mple.org\" }", "test.conf:3: local-domains: "},
        {"authserv-ids = { \"mx example.org\" }", "test.conf:3: authserv-ids: "},
        {"inbound-daemons = { \"ORIGINATING\" }", "test.conf:3: inbound-daemons: "},
        {"originating-daemons = { \"Sub\" }\ninbound-daemons = { \"A\", \"sub\" }",
         "test.conf:4: inbound-daemons: \"sub\""},
        {"message-memory = 256KiB", "test.conf:3: message-memory: "},
        {"header-octets = 2MiB", "message-memory: "},
        {"header-fields = 9", "header-fields"},
        {"recipients-kept = 0", "recipients-kept"},
        {"authres-fields = 0", "authres-fields"},
        {"mode = obsrve", "observe"},
        {"sign \"example.org\" { keys = { \"absent\" } }", "absent"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct policy_snapshot *snapshot = world_snapshot(world, cases[i].text, &error);
        if (snapshot != NULL)
            fail_msg("taken: %s", cases[i].text);
        if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].text, error.text);
    }
}

static void test_authserv_id_is_checked(void **state)
{
    static const struct policy_snapshot_options options = {.want_keys = false};
    size_t count = 0;
    const struct conf_table *const *tables = policy_tables(&count);
    struct base_error error = {""};
    struct conf_snapshot *conf =
        conf_read_text("authserv-id = \"a b\"\n", "x.conf", tables, count, &error);

    (void)state;
    assert_non_null(conf);
    assert_null(policy_snapshot_create(conf, &options, &error));
    assert_non_null(strstr(error.text, "x.conf:1: authserv-id: \"a b\""));
    conf_snapshot_unref(&conf);
}

static void test_defaults(void **state)
{
    size_t count = 0;
    const struct conf_table *const *tables = policy_tables(&count);
    struct base_error error = {""};
    struct conf_snapshot *conf = conf_read_text(NULL, "none", tables, count, &error);

    (void)state;
    assert_non_null(conf);
    const struct policy_options *options = policy_options_get(conf);
    assert_null(options->authserv_id);
    assert_int_equal(options->mode, POLICY_MODE_ENFORCE);
    assert_int_equal(options->originating_daemons.count, 1);
    assert_string_equal(options->originating_daemons.items[0].text, "ORIGINATING");
    assert_int_equal(options->signing_networks.count, 0);
    assert_int_equal(options->trusted_networks.count, 0);
    assert_string_equal(options->key_dir, "/etc/postseal/keys");
    assert_int_equal(options->header_fields, 1000);
    assert_int_equal(options->header_octets, 256 * 1024);
    assert_int_equal(options->message_memory, 2 * 1024 * 1024);
    assert_int_equal(options->recipients_kept, 10000);
    assert_int_equal(options->authres_fields, 200);
    conf_snapshot_unref(&conf);
}

static void test_needs(void **state)
{
    struct world *world = *state;
    struct policy_needs needs;

    world_configure(world, "");
    needs = policy_snapshot_needs(world->snapshot);
    assert_true(needs.deciding_stages & (1u << POLICY_STAGE_EOM));
    assert_true(needs.has_body);
    world_configure(world, WORLD_SIGN);
    needs = policy_snapshot_needs(world->snapshot);
    assert_true(needs.has_body);
}

static void test_generations_and_references(void **state)
{
    struct world *world = *state;

    world_configure(world, "");
    uint64_t first = policy_snapshot_generation(world->snapshot);
    struct policy_snapshot *old = policy_snapshot_ref(world->snapshot);
    world_configure(world, WORLD_SIGN);
    assert_int_equal(policy_snapshot_generation(world->snapshot), first + 1);
    /* A session keeps the one that it began with. */
    struct policy_session *session = policy_session_create(&world->env, old);
    policy_snapshot_unref(&old);
    assert_null(old);
    assert_int_equal(policy_snapshot_generation(policy_session_snapshot(session)), first);
    assert_non_null(policy_snapshot_conf(policy_session_snapshot(session)));
    policy_session_destroy(&session);
    policy_snapshot_unref(&old);
    /* One that is refused takes no number. */
    struct base_error error;
    assert_null(world_snapshot(world, "trusted-networks = { \"x\" }", &error));
    world_configure(world, "");
    assert_int_equal(policy_snapshot_generation(world->snapshot), first + 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_authserv_id_is_checked),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_needs),
        cmocka_unit_test(test_generations_and_references),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
