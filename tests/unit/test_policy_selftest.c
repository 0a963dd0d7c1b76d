/* policy/selftest, selftest_file, selftest_compare: files that are refused, each kind of
 * expectation met and missed, and what `require-tests` says. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/selftest.h"
#include "policy/selftest_file.h"
#include "tests/unit/policy_world.h"

struct scene {
    struct world world;
    char folder[64];
    char path[128];
};

static int setup(void **state)
{
    static struct scene scene;

    world_init(&scene.world);
    snprintf(scene.folder, sizeof(scene.folder), "/tmp/test_selftest.XXXXXX");
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.path, sizeof(scene.path), "%s/x.tests", scene.folder);
    *state = &scene;
    return 0;
}

static int teardown(void **state)
{
    struct scene *scene = *state;
    char command[128];

    world_deinit(&scene->world);
    snprintf(command, sizeof(command), "rm -rf '%s'", scene->folder);
    assert_int_equal(system(command), 0);
    return 0;
}

static void save(const struct scene *scene, const char *name, const char *text)
{
    char path[256];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", scene->folder, name);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

#define GIVEN "given \"x\" { ip = \"192.0.2.1\" from = \"a@example.net\" "

static const struct {
    const char *text;
    /* What the error says behind the path. */
    const char *want;
} faults[] = {
    {"", "no test in it"},
    {"given \"x\" { from = \"\" }", "x.tests:1: given \"x\" has no `ip`"},
    {"given \"x\" { ip = \"local\" }", "x.tests:1: given \"x\" has no `from`"},
    {"given \"x\" { ip = \"192.0.2\" from = \"\" }",
     "x.tests:1: ip: \"192.0.2\" is not an address"},
    {GIVEN "}", "x.tests:1: given \"x\" has no expect \"x\""},
    {"\nexpect \"y\" { action = reject }\n" GIVEN "}\nexpect \"x\" { action = reject }",
     "x.tests:2: expect \"y\" has no given \"y\""},
    {GIVEN "}\nexpect \"x\" { }", "x.tests:2: expect \"x\" is empty"},
    {GIVEN "}\nexpect \"x\" { action = rejct }", "\"reject\""},
    {GIVEN "}\nexpect \"x\" { acton = reject }", "action"},
    {GIVEN "}\nexpect \"x\" { action = reject }\n" GIVEN "}", "x.tests:3: "},
    {GIVEN "message = \"m\" header = { \"A: b\" } }", "a `message` and a `header` or `body`"},
    {GIVEN "message = \"m\" body = { \"A: b\" } }", "a `message` and a `header` or `body`"},
    {GIVEN "message = \"m\" header = { \"A: b\" } body = { \"c\" } }",
     "a `message` and a `header` or `body`"},
    {GIVEN "message = \"absent\" }\nexpect \"x\" { action = reject }",
     "x.tests:1: message: /tmp/test_selftest."},
    {GIVEN "time = \"noon\" }", "x.tests:1: time: \"noon\""},
    {GIVEN "times = 0 }", "x.tests:1: given \"x\": times"},
    {GIVEN "times = 10001 }", "x.tests:1: given \"x\": times"},
    {GIVEN "every = \"32d\" }", "x.tests:1: given \"x\": every"},
    {GIVEN "after = { \"y\" } }\nexpect \"x\" { action = reject }",
     "x.tests:1: given \"x\": after: \"y\": there is no such"},
    {GIVEN "after = { \"x\" } }\nexpect \"x\" { action = reject }", "cannot come after itself"},
    {"given \"y\" { ip = \"local\" from = \"\" after = { \"x\" } }\nexpect \"y\" { accepted = 1 "
     "}\n" GIVEN "after = { \"y\" } }\nexpect \"x\" { action = reject }",
     "x.tests:1: given \"y\": after: \"x\": that one has an `after` itself"},
    {"time = \"noon\"", "x.tests:1: time: \"noon\""},
    {GIVEN "zone = { \"a.example. IN A nonsense\" } }\nexpect \"x\" { action = reject }",
     "x.tests:1: given \"x\": zone:1"},
    {"zone-file = \"bad.zone\"\n" GIVEN "}\nexpect \"x\" { action = reject }", "bad.zone:2"},
    {GIVEN "zone-file = \"absent.zone\" }\nexpect \"x\" { action = reject }", "absent.zone"},
};

static void test_faults(void **state)
{
    struct scene *scene = *state;

    world_configure(&scene->world, "");
    save(scene, "bad.zone", "good.example. 300 IN A 192.0.2.1\nbad\n");
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct policy_selftest_sums sums = {0, 0};
        struct base_error error = {""};

        save(scene, "x.tests", faults[i].text);
        if (policy_selftest_run(scene->world.snapshot, scene->path, NULL, NULL, &sums, &error))
            fail_msg("taken: %s", faults[i].text);
        if (strstr(error.text, faults[i].want) == NULL)
            fail_msg("%s: %s", faults[i].text, error.text);
    }
}

static void test_no_file(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(&scene->world, "");
    assert_false(
        policy_selftest_run(scene->world.snapshot, "/nonexistent", NULL, NULL, &sums, &error));
    assert_non_null(strstr(error.text, "/nonexistent"));
}

#define CONFIGURATION                                                                           \
    "signing-networks = { \"10.0.0.0/8\" }\n" WORLD_SIGN                                        \
    "trusted-networks = { \"172.16.0.0/12\" }\n"                                                \
    "rule \"away\" { stage = rcpt recipient = { \"away@example.org\" } action = reject }\n"     \
    "rule \"watched\" { stage = mail spf = { fail } action = reject mode = observe }\n"         \
    "rule \"net\" { stage = connect client-net = { \"198.51.100.99\" } action = reject }\n"     \
    "rule \"spf\" { stage = eom spf = { fail } dkim = { none } action = reject code = \"554\" " \
    "text = \"go away\" }\n"                                                                    \
    "rate \"few\" { key = { login } count = recipients limit = \"1/1h\" action = tempfail }\n"  \
    "rule \"soft\" { stage = eom spf = { softfail } action = mark }\n"                          \
    "rule \"held\" { stage = mail spf = { temperror } sender-domain = { \"held.example\" } "    \
    "action = "                                                                                 \
    "tempfail tempfail-for = \"4h\" }\n"                                                        \
    "rule \"later\" { stage = mail spf = { temperror } sender-domain = { \"later.example\" } "  \
    "action = "                                                                                 \
    "tempfail }\n"

#define ZONE                                                                            \
    "zone = { \"fail.example. 300 TXT \\\"v=spf1 -all\\\"\", "                          \
    "\"pass.example. 300 TXT \\\"v=spf1 +all\\\"\", \"_dmarc.pass.example. 300 TXT "    \
    "\\\"v=DMARC1; p=quarantine\\\"\", \"soft.example. 300 TXT \\\"v=spf1 ~all\\\"\", " \
    "\"$FAULT later.example. TXT TIMEOUT\", \"$FAULT held.example. TXT SERVFAIL\" }\n"

/* The rate "few" is of it. */
#define LOGIN "login = \"a\" from = \"a@example.org\" rcpt = { \"b@example.org\" }"

/* A message, an expectation, and whether it is met. */
static const struct {
    const char *given;
    const char *expect;
    bool is_met;
} rows[] = {
    {"from = \"a@fail.example\"", "stage = eom", true},
    {"from = \"a@fail.example\"", "stage = mail", false},
    {"from = \"a@fail.example\"", "action = reject", true},
    {"from = \"a@fail.example\"", "action = tempfail", false},
    {"from = \"a@fail.example\"", "would = none", true},
    {"from = \"a@fail.example\"", "would = reject", false},
    {"from = \"a@fail.example\"", "code = \"554\"", true},
    {"from = \"a@fail.example\"", "code = \"550\"", false},
    {"from = \"a@fail.example\"", "enhanced-code = \"5.7.20\"", true},
    {"from = \"a@fail.example\"", "enhanced-code = \"5.7.23\"", false},
    {"from = \"a@fail.example\"", "text = \"go away\"", true},
    {"from = \"a@fail.example\"", "text = \"away\"", true},
    {"from = \"a@fail.example\"", "text = \"come\"", false},
    {"from = \"a@fail.example\"", "rule = \"spf\"", true},
    {"from = \"a@fail.example\"", "rule = \"watched\"", false},
    {"from = \"a@fail.example\"", "rule = \"\"", false},
    {"from = \"a@fail.example\"", "matched = { \"watched\", \"spf\" }", true},
    {"from = \"a@fail.example\"", "matched = { \"watched\", \"soft\" }", false},
    {"from = \"a@fail.example\"", "matched = { }", false},
    {"from = \"a@fail.example\"", "not-matched = { \"soft\" }", true},
    {"from = \"a@fail.example\"", "not-matched = { \"soft\", \"spf\" }", false},
    {"from = \"a@fail.example\" helo = \"x.example\" header = { \"From: a@b.example\" }",
     "spf = fail helo-spf = none dkim = none dmarc = none", true},
    {"from = \"a@fail.example\"", "dmarc = none", false},
    {"from = \"a@fail.example\"", "spf = softfail", false},
    {"from = \"a@fail.example\"", "helo-spf = pass", false},
    {"from = \"a@fail.example\"", "dkim = pass", false},
    {"from = \"a@fail.example\"", "dmarc = fail", false},
    {"from = \"a@fail.example\"", "direction = inbound", true},
    {"from = \"a@fail.example\"", "direction = outbound", false},
    {"from = \"a@fail.example\"", "author = one", false},
    {"from = \"a@fail.example\" header = { \"From: a@fail.example\" }", "author = one", true},
    {"from = \"a@fail.example\"", "added = { }", true},
    {"from = \"a@fail.example\"", "signed-by = { }", true},
    {"from = \"a@pass.example\" helo = \"pass.example\"", "helo-spf = pass", true},
    {"from = \"a@pass.example\"", "rule = \"\" action = continue matched = { }", true},
    {"from = \"a@pass.example\" header = { \"From: b@pass.example\" }",
     "authres = { \"(test zone); spf=pass\", \"dkim=none; dmarc=pass\" }", true},
    {"from = \"a@pass.example\" header = { \"From: b@pass.example\" }",
     "dmarc = pass dmarc-disposition = none authres = { \"dmarc=pass\", \"spf=pass "
     "smtp.mailfrom=a@pass.example\" } authres-without = { \"dkim=pass\" }",
     true},
    {"from = \"a@soft.example\" header = { \"From: b@pass.example\" }",
     "dmarc = fail dmarc-disposition = quarantine", true},
    {"from = \"a@soft.example\" header = { \"From: b@pass.example\" }",
     "dmarc-disposition = reject", false},
    {"from = \"a@pass.example\"", "authres = { \"spf=pass\", \"spf=fail\" }", false},
    {"from = \"a@pass.example\"", "authres = { }", false},
    {"from = \"a@pass.example\"", "authres-without = { \"spf=pass\" }", false},
    {"from = \"a@soft.example\"",
     "action = mark added = { \"X-Postseal-Disposition: quarantine\" }", true},
    {"from = \"a@soft.example\"", "not-added = { \"X-Postseal-Disposition: quarantine\" }", false},
    {"from = \"a@pass.example\"", "not-added = { \"X-Postseal-Disposition: quarantine\" }", true},
    {"from = \"a@pass.example\"", "added = { \"X-Postseal-Disposition: quarantine\" }", false},
    {"from = \"a@later.example\"", "stage = mail action = tempfail spf = temperror", true},
    {"from = \"a@pass.example\" rcpt = { \"away@example.org\", \"b@example.org\" }",
     "refused = { \"Away@example.org\" } action = continue", true},
    {"from = \"a@pass.example\" rcpt = { \"away@example.org\", \"b@example.org\" }",
     "refused = { \"b@example.org\" }", false},
    {"from = \"a@pass.example\" rcpt = { \"b@example.org\" }", "refused = { }", true},
    {"from = \"a@pass.example\" rcpt = { \"away@example.org\" }", "refused = { }", false},
    {"from = \"a@pass.example\" rcpt = { \"away@example.org\" }",
     "stage = rcpt action = reject rule = \"away\"", true},
    {"ip = \"198.51.100.99\" from = \"a@pass.example\"",
     "stage = connect rule = \"net\" matched = { \"net\" }", true},
    {"ip = \"10.1.1.1\" from = \"a@example.org\" header = { \"From: a@example.org\" } "
     "body = { \"x\" }",
     "direction = outbound signed-by = { \"example.org\" }", true},
    {"ip = \"10.1.1.1\" from = \"a@example.org\" header = { \"From: a@example.org\" }",
     "signed-by = { \"example.net\" }", false},
    {"ip = \"10.1.1.1\" from = \"a@example.org\" header = { \"From: a@example.org\" }",
     "signed-by = { }", false},
    {"ip = \"192.0.2.9\" login = \"a\" auth-mech = \"PLAIN\" from = \"a@example.org\" ",
     "direction = outbound dmarc = none", false},
    {"login = \"a\" from = \"a@example.org\" rcpt = { \"b@example.org\" }", "refused = { }", true},
    {"login = \"a\" from = \"a@example.org\" rcpt = { \"b@example.org\", \"c@example.org\" }",
     "refused = { \"c@example.org\" }", true},
    /* Several messages, and what rates count of them. */
    {LOGIN, "rates = { \"few: 1 of 1/1h, free, a\" } accepted = 1", true},
    {LOGIN, "rates = { \"few: 2 of\" }", false},
    {LOGIN, "rates = { }", false},
    {LOGIN, "rates-without = { \"over\", \"many\" }", true},
    {LOGIN, "rates-without = { \"few\" }", false},
    {LOGIN, "accepted = 0", false},
    {"from = \"a@pass.example\" rcpt = { \"b@example.org\" }", "rates = { }", true},
    {LOGIN " times = 3", "accepted = 1 stage = rcpt action = tempfail rule = \"few\"", true},
    {LOGIN " times = 3", "rates = { \"few: 1 of 1/1h, over, a\" } refused = { \"b@example.org\" }",
     true},
    {LOGIN " times = 3", "accepted = 2", false},
    {LOGIN " times = 3 every = \"2h\"", "accepted = 3 rates = { \"few: 1 of 1/1h, free, a\" }",
     true},
    {LOGIN " times = 3 every = \"40m\"", "accepted = 2 action = continue", true},
    {"from = \"a@pass.example\" rcpt = { \"away@example.org\" } times = 2", "accepted = 0", true},
    {"from = \"a@later.example\" times = 2 every = \"5h\"", "action = tempfail accepted = 0", true},
    {"from = \"a@held.example\" times = 2 every = \"3h\"", "action = tempfail rule = \"held\"",
     true},
    {"from = \"a@held.example\" times = 3 every = \"3h\"", "action = continue accepted = 1", true},
    {"ip = \"172.16.0.1\" from = \"<>\"", "direction = trusted spf = none", false},
    {"ip = \"172.16.0.1\" from = \"<>\"", "direction = trusted", true},
    {"from = \"a@own.example\" zone = { \"own.example. 300 TXT \\\"v=spf1 -all\\\"\" }",
     "spf = fail", true},
    {"from = \"a@file.example\" zone-file = \"one.zone\"", "spf = fail", true},
    {"from = \"a@own.example\"", "spf = none", true},
    {"from = \"a@pass.example\" message = \"m.eml\"",
     "author = one authres = { \"header.from=pass.example\" }", true},
};

static void print_case(void *context, const struct policy_selftest_case *it)
{
    (void)context;
    for (const struct policy_selftest_difference *at = it->first; at != NULL; at = at->next)
        print_error("%s: %s: want %.*s, got %.*s\n", it->name, at->option, (int)at->want.length,
                    at->want.data, (int)at->got.length, at->got.data);
}

struct outcome {
    unsigned calls;
    bool is_met;
    char got[256];
};

static void note(void *context, const struct policy_selftest_case *it)
{
    struct outcome *outcome = context;

    outcome->calls++;
    outcome->is_met = it->first == NULL;
    assert_string_equal(it->name, "x");
    assert_int_equal(it->where.line, 2);
    if (it->first != NULL) {
        assert_int_equal(it->first->where.line, 3);
        snprintf(outcome->got, sizeof(outcome->got), "%.*s", (int)it->first->got.length,
                 it->first->got.data);
        assert_true(it->first->want.length > 0 || strcmp(it->first->option, "rule") == 0);
    }
}

static void test_rows(void **state)
{
    struct scene *scene = *state;

    world_configure(&scene->world, CONFIGURATION);
    save(scene, "one.zone", "; a comment\nfile.example. 300 (\n TXT \"v=spf1 -all\" )\n");
    save(scene, "m.eml", "From: c@pass.example\n\nx\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_selftest_sums sums = {0, 0};
        struct outcome outcome = {0, false, ""};
        struct base_error error = {""};
        char text[2048];

        snprintf(text, sizeof(text), "%sgiven \"x\" { %s %s }\nexpect \"x\" { %s }\n", ZONE,
                 strstr(rows[i].given, "ip = ") == NULL ? "ip = \"192.0.2.1\"" : "", rows[i].given,
                 rows[i].expect);
        save(scene, "x.tests", text);
        if (!policy_selftest_run(scene->world.snapshot, scene->path, note, &outcome, &sums, &error))
            fail_msg("%s: %s", rows[i].given, error.text);
        assert_int_equal(outcome.calls, 1);
        assert_int_equal(sums.cases, 1);
        assert_int_equal(sums.failed, !outcome.is_met);
        if (outcome.is_met != rows[i].is_met)
            fail_msg("%s: %s: %s (%s)", rows[i].given, rows[i].expect,
                     outcome.is_met ? "met" : "not met", outcome.got);
    }
}

/* `mode = observe` holds back what the rules say. */
static void test_observed(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(&scene->world, "mode = observe\n" CONFIGURATION);
    save(scene, "x.tests",
         ZONE "given \"x\" { ip = \"192.0.2.1\" from = \"a@fail.example\" }\n"
              "expect \"x\" { action = continue would = reject }\n"
              "given \"y\" { ip = \"192.0.2.1\" from = \"a@pass.example\" }\n"
              "expect \"y\" { action = continue would = none }\n");
    assert_true(policy_selftest_run(scene->world.snapshot, scene->path, NULL, NULL, &sums, &error));
    assert_int_equal(sums.cases, 2);
    assert_int_equal(sums.failed, 0);
}

/* A time in the file, and one of the test: signatures say when they were made. */
static void test_time(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(&scene->world, CONFIGURATION);
    save(scene, "x.tests",
         "time = \"2026-11-22T12:00:00Z\"\n"
         "given \"x\" { ip = \"10.0.0.1\" from = \"<>\" header = { \"From: a@example.org\" } }\n"
         "expect \"x\" { added = { \"t=1795348800;\" } }\n"
         "given \"y\" { ip = \"10.0.0.1\" from = \"<>\" header = { \"From: a@example.org\" }\n"
         "time = \"2026-11-22T12:00:01Z\" }\n"
         "expect \"y\" { added = { \"t=1795348801;\" } }\n");
    assert_true(policy_selftest_run(scene->world.snapshot, scene->path, NULL, NULL, &sums, &error));
    assert_int_equal(sums.cases, 2);
    assert_int_equal(sums.failed, 0);
}

/* Messages of other tests before it: their counts, and none of their verdicts. */
static void test_after(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(&scene->world,
                    "rate \"login\" { key = { login } count = messages limit = \"5/1h\" action = "
                    "reject }\n"
                    "rate \"to\" { key = { recipient } count = messages limit = \"3/1h\" action = "
                    "tempfail mode = observe }\n");
    save(scene, "x.tests",
         "given \"one\" { ip = \"192.0.2.1\" login = \"a\" from = \"a@example.org\" rcpt = { "
         "\"b@example.net\" } times = 2 every = \"1m\" }\n"
         "expect \"one\" { accepted = 2 rates = { \"login: 2 of 5/1h\", \"to: 2 of 3/1h, free\" } "
         "}\n"
         "given \"two\" { ip = \"192.0.2.1\" login = \"a\" from = \"a@example.org\" rcpt = { "
         "\"c@example.net\" } after = { \"one\", \"one\" } }\n"
         "expect \"two\" { accepted = 1 rates = { \"login: 5 of 5/1h, free, a\" } }\n"
         "given \"three\" { ip = \"192.0.2.1\" login = \"a\" from = \"a@example.org\" rcpt = { "
         "\"b@example.net\" } after = { \"one\", \"one\" } times = 2 }\n"
         "expect \"three\" { accepted = 1 rule = \"login\" action = reject\n"
         "rates = { \"login: 5 of 5/1h, over, a\", \"to: 3 of 3/1h, over, observed, "
         "b@example.net\" } }\n"
         "given \"four\" { ip = \"192.0.2.1\" login = \"a\" from = \"a@example.org\" rcpt = { "
         "\"b@example.net\" } after = { \"one\", \"one\" } times = 2 every = \"1h\" }\n"
         "expect \"four\" { accepted = 2 }\n");
    if (!policy_selftest_run(scene->world.snapshot, scene->path, print_case, NULL, &sums, &error))
        fail_msg("%s", error.text);
    assert_int_equal(sums.cases, 4);
    assert_int_equal(sums.failed, 0);
}

/* A recipient that a rule accepted and a rate refuses frees nobody else of later rules. */
static void test_accepted_and_over(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(
        &scene->world,
        "rule \"friend\" { stage = rcpt recipient = { \"friend@example.org\" } action = "
        "accept }\n"
        "rule \"late\" { stage = eom action = reject }\n"
        "rate \"few\" { key = { recipient } count = messages limit = \"1/1h\" action = "
        "tempfail }\n");
    save(scene, "x.tests",
         "given \"alone\" { ip = \"192.0.2.1\" from = \"a@example.net\" rcpt = { "
         "\"friend@example.org\" } }\n"
         "expect \"alone\" { accepted = 1 rule = \"friend\" }\n"
         "given \"behind\" { ip = \"192.0.2.1\" from = \"a@example.net\" rcpt = { "
         "\"friend@example.org\", \"other@example.org\" } after = { \"alone\" } }\n"
         "expect \"behind\" { refused = { \"friend@example.org\" } stage = eom action = reject "
         "rule = "
         "\"late\" }\n");
    if (!policy_selftest_run(scene->world.snapshot, scene->path, print_case, NULL, &sums, &error))
        fail_msg("%s", error.text);
    assert_int_equal(sums.cases, 2);
    assert_int_equal(sums.failed, 0);
}

/* It is the domain that the error is of that is waited for: here that of SPF, whoever the author.
 */
static void test_held_by_spf(void **state)
{
    struct scene *scene = *state;
    struct policy_selftest_sums sums = {0, 0};
    struct base_error error = {""};

    world_configure(
        &scene->world,
        "rule \"held\" { stage = eom dmarc = { none } spf = { temperror } action = tempfail "
        "tempfail-for = \"4h\" }\n");
    save(scene, "x.tests",
         "zone = { \"$FAULT one.example. TXT SERVFAIL\", \"$FAULT two.example. TXT SERVFAIL\" }\n"
         "given \"one\" { ip = \"192.0.2.1\" from = \"a@one.example\" header = { \"From: "
         "a@x.example\" } "
         "}\n"
         "expect \"one\" { action = tempfail }\n"
         "given \"another author\" { after = { \"one\" } every = \"5h\" ip = \"192.0.2.1\" from = "
         "\"a@one.example\" header = { \"From: a@y.example\" } }\n"
         "expect \"another author\" { action = continue }\n"
         "given \"another sender\" { after = { \"one\" } every = \"5h\" ip = \"192.0.2.1\" from = "
         "\"a@two.example\" header = { \"From: a@x.example\" } }\n"
         "expect \"another sender\" { action = tempfail }\n");
    if (!policy_selftest_run(scene->world.snapshot, scene->path, print_case, NULL, &sums, &error))
        fail_msg("%s", error.text);
    assert_int_equal(sums.cases, 3);
    assert_int_equal(sums.failed, 0);
}

static void check_required(struct scene *scene, const char *more, const char *want)
{
    struct base_error error = {""};

    world_configure(&scene->world, more);
    if (policy_selftest_require(scene->world.snapshot, &error)) {
        if (want != NULL)
            fail_msg("%s: taken", more);
        return;
    }
    if (want == NULL || strstr(error.text, want) == NULL)
        fail_msg("%s: %s", more, error.text);
}

static void test_require(void **state)
{
    struct scene *scene = *state;
    char more[512];

    save(scene, "good.tests", GIVEN "}\nexpect \"x\" { action = continue }\n");
    save(scene, "bad.tests",
         GIVEN "}\nexpect \"x\" { action = reject }\n"
               "given \"y\" { ip = \"local\" from = \"\" }\nexpect \"y\" { action = continue }\n");
    check_required(scene, "", NULL);
    check_required(scene, "require-tests = { }", NULL);
    snprintf(more, sizeof(more), "require-tests = { \"%s/good.tests\" }", scene->folder);
    check_required(scene, more, NULL);
    snprintf(more, sizeof(more), "require-tests = { \"%s/good.tests\",\n\"%s/bad.tests\" }",
             scene->folder, scene->folder);
    check_required(scene, more, "test.conf:4: require-tests: 1 of 2 tests of ");
    check_required(scene, more, "bad.tests:2: \"x\": action: want reject, got continue");
    snprintf(more, sizeof(more), "require-tests = { \"%s/absent.tests\" }", scene->folder);
    check_required(scene, more, "test.conf:3: require-tests: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_rows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_observed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time, setup, teardown),
        cmocka_unit_test_setup_teardown(test_after, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_by_spf, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accepted_and_over, setup, teardown),
        cmocka_unit_test_setup_teardown(test_require, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
