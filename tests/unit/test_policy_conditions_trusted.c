/* `trusted-result`: what other servers found, as a condition. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "policy/decision.h"
#include "policy/rules.h"
#include "tests/unit/enforce_world.h"

static int setup(void **state)
{
    static struct world world;

    world_init(&world);
    enforce_set_zone(&world, ENFORCE_ZONE);
    *state = &world;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    return 0;
}

#define TRUST                                \
    "trusted-networks = { \"192.0.2.9\" }\n" \
    "trusted-authserv-ids = { \"mx2.example.org\" }\n"
#define FIELD(id, results) "Authentication-Results: " id "; " results "\n"
#define OURS(results)      FIELD("mx2.example.org", results)

static void test_matches(void **state)
{
    static const struct {
        const char *wanted;
        const char *client;
        const char *fields;
        bool want;
    } rows[] = {
        {"\"dmarc=fail\"", "192.0.2.9", OURS("dmarc=fail header.from=x.example"), true},
        {"\"dmarc=fail\"", "192.0.2.9", OURS("DMARC=Fail"), true},
        {"\"dmarc=fail\"", "192.0.2.9", OURS("dmarc=pass"), false},
        {"\"dmarc=pass\"", "192.0.2.9", OURS("dkim=pass"), false},
        {"\"dmarc=fail\", \"spf=pass\"", "192.0.2.9", OURS("spf=pass"), true},
        {"\"dmarc=fail\", \"spf=pass\"", "192.0.2.9", OURS("dmarc=pass; spf=fail"), false},
        /* Any of several signatures, any of several fields. */
        {"\"dkim=fail\"", "192.0.2.9", OURS("dkim=pass; dkim=fail"), true},
        {"\"spf=fail\"", "192.0.2.9", OURS("dkim=pass") OURS("spf=fail"), true},
        {"\"x-virus=found\"", "192.0.2.9", OURS("x-virus=found"), true},
        {"\"dmarc=fail\"", "192.0.2.9", OURS("none"), false},
        {"\"dmarc=fail\"", "192.0.2.9", "", false},
        /* Who is not ours says nothing; nor does a stranger in our name. */
        {"\"dmarc=fail\"", "192.0.2.9", FIELD("mx3.example.org", "dmarc=fail"), false},
        {"\"dmarc=fail\"", "192.0.2.8", OURS("dmarc=fail"), false},
        {"\"dmarc=fail\"", "192.0.2.9", OURS("spf=fail reason=\"dmarc=fail\""), false},
    };
    struct world *world = *state;
    char conf[1024];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct enforce_message message = {.client = rows[i].client, .fields = rows[i].fields};

        snprintf(conf, sizeof(conf),
                 TRUST "rule \"r\" { stage = eom  trusted-result = { %s }  action = reject }\n",
                 rows[i].wanted);
        world_configure(world, conf);
        enum policy_action action = enforce_send(world, &message)->action;

        if ((action == POLICY_ACTION_REJECT) != rows[i].want)
            fail_msg("row %zu: %s", i, policy_action_text(action));
    }
}

static void test_log(void **state)
{
    struct world *world = *state;
    const struct enforce_message message = {.fields = OURS("spf=pass smtp.mailfrom=a; dmarc=fail")
                                                OURS("arc=none")};
    struct base_log_line line;

    world_configure(world, TRUST);
    (void)enforce_send(world, &message);
    base_log_line_begin(&line);
    policy_decision_log(policy_session_decision(world->session), &line);
    if (strstr(base_buf_cstr(&line.text), " trusted=\"spf=pass dmarc=fail arc=none\"") == NULL)
        fail_msg("%s", base_buf_cstr(&line.text));
}

static void test_faults(void **state)
{
    static const struct {
        const char *value;
        const char *want;
    } rows[] = {
        {"\"dmarc\"", "test.conf:3: `trusted-result`: \"dmarc\" is no method with its result"},
        {"\"spf=pass\", \"=fail\"", "\"=fail\" is no method"},
        {"\"dmarc=\"", "\"dmarc=\" is no method"},
        {"\"DMARC=fail\"", "\"DMARC=fail\" is no method"},
        {"\"dmarc=fail;spf=pass\"", "is no method"},
        {"\"dmarc=softfail\"", "\"dmarc=softfail\" is never found: dmarc gives one of: none"},
        {"\"spf=reject\"", "\"spf=reject\" is never found"},
    };
    struct world *world = *state;
    char conf[512];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        snprintf(conf, sizeof(conf),
                 "rule \"r\" { stage = eom  trusted-result = { %s }  action = mark }\n",
                 rows[i].value);
        assert_null(world_snapshot(world, conf, &error));
        if (strstr(error.text, rows[i].want) == NULL)
            fail_msg("row %zu: %s", i, error.text);
    }
    struct base_error error = {""};

    assert_null(world_snapshot(
        world, "rule \"r\" { stage = mail  trusted-result = { \"spf=fail\" }  action = reject }\n",
        &error));
    if (strstr(error.text, "eoh") == NULL)
        fail_msg("%s", error.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_matches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_log, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
