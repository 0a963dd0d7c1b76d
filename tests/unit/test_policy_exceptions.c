/* Exceptions from DMARC: who gets one, who does not, and what is said of it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <unistd.h>

#include "policy/exceptions.h"
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

#define REJECT                                                             \
    "rule \"dmarc\" { stage = eom  direction = inbound  dmarc = { fail } " \
    "dmarc-disposition = { reject }  action = reject }\n"
#define MARK                                                              \
    "rule \"mark\" { stage = eom  direction = inbound  dmarc = { fail } " \
    "dmarc-disposition = { quarantine }  action = mark }\n"
#define EXCEPTION(conditions) "exception \"the list\" { " conditions "  for = { dmarc } }\n"

#define LIST_ID "List-Id: Developers <dev.lists.example>\n"

struct row {
    const char *conditions;
    struct enforce_message message;
    /* RFC 9990's word; NULL: no exception. */
    const char *want;
};

static const struct row rows[] = {
    {"client-net = { \"192.0.2.0/28\" }", {.client = "192.0.2.9"}, "trusted_forwarder"},
    {"client-net = { \"192.0.2.0/28\" }", {.client = "192.0.2.16"}, NULL},
    /* Names count only when they are confirmed. */
    {"client-name = { \"mail.list.example\" }", {.client = "192.0.2.10"}, "trusted_forwarder"},
    {"client-name = { \"mail.list.example\" }", {.client = "2001:db8::10"}, "trusted_forwarder"},
    {"client-name = { \".list.example\" }", {.client = "192.0.2.10"}, "trusted_forwarder"},
    {"client-name = { \"list.example\" }", {.client = "192.0.2.10"}, NULL},
    {"client-name = { \".list.example\" }", {.client = "192.0.2.11"}, NULL},
    {"client-name = { \".list.example\" }", {.client = "192.0.2.12"}, NULL},
    {"client-name = { \".list.example\" }", {.client = "192.0.2.13"}, NULL},
    {"client-name = { \".list.example\" }", {.client = "192.0.2.14"}, NULL},
    {"dkim-domain = { \"list.example\" }",
     {.signers = "list.example !reject.example"},
     "trusted_forwarder"},
    {"dkim-domain = { \"list.example\" }", {.signers = "!list.example"}, NULL},
    {"dkim-domain = { \"list.example\" }", {.signers = "+list.example"}, NULL},
    {"dkim-domain = { \"list.example\" }", {.signers = "none.example"}, NULL},
    {"list-id = { \"dev.lists.example\" }", {.fields = LIST_ID}, "mailing_list"},
    {"list-id = { \"DEV.Lists.example\" }", {.fields = LIST_ID}, "mailing_list"},
    {"list-id = { \".lists.example\" }", {.fields = LIST_ID}, "mailing_list"},
    {"list-id = { \"lists.example\" }", {.fields = LIST_ID}, NULL},
    {"list-id = { \".dev.lists.example\" }", {.fields = LIST_ID}, NULL},
    {"list-id = { \"ists.example\" }", {.fields = LIST_ID}, NULL},
    {"list-id = { \"dev.lists.example\" }", {NULL}, NULL},
    {"list-id = { \"dev.lists.example\" }", {.fields = LIST_ID LIST_ID}, NULL},
    {"list-id = { \"dev.lists.example\" }", {.fields = "List-Id: <dev.lists.example> <x>\n"}, NULL},
    {"list-id = { \"a.example\", \"dev.lists.example\" }", {.fields = LIST_ID}, "mailing_list"},
    {"sender-domain = { \"list.example\" }", {NULL}, "local_policy"},
    {"sender-domain = { \"list.example\" }", {.from = "<>"}, NULL},
    {"author-domain = { \"reject.example\" }", {NULL}, "local_policy"},
    {"author-domain = { \"none.example\" }", {NULL}, NULL},
    /* All of them. */
    {"list-id = { \"dev.lists.example\" }  dkim-domain = { \"list.example\" }",
     {.fields = LIST_ID, .signers = "list.example"},
     "mailing_list"},
    {"list-id = { \"dev.lists.example\" }  dkim-domain = { \"list.example\" }",
     {.fields = LIST_ID},
     NULL},
    {"list-id = { \"dev.lists.example\" }  dkim-domain = { \"list.example\" }",
     {.signers = "list.example"},
     NULL},
    {"client-net = { \"192.0.2.10\" }  client-name = { \"mail.list.example\" } "
     "sender-domain = { \"list.example\" }  author-domain = { \"reject.example\" }",
     {.client = "192.0.2.10"},
     "trusted_forwarder"},
    {"client-net = { \"192.0.2.10\" }  client-name = { \"mail.list.example\" } "
     "sender-domain = { \"list.example\" }  author-domain = { \"none.example\" }",
     {.client = "192.0.2.10"},
     NULL},
};

static void expect_exception(const struct world *world, const char *type, size_t i)
{
    const struct policy_decision *decision = policy_session_decision(world->session);

    if (decision->verdict.action != POLICY_ACTION_CONTINUE || decision->exception == NULL ||
        decision->overrides == NULL)
        fail_msg("row %zu: no exception", i);
    assert_string_equal(decision->exception->name, "the list");
    assert_string_equal(decision->overrides->type, type);
    assert_string_equal(decision->overrides->comment, "exception \"the list\"");
    assert_null(decision->overrides->next);
    assert_null(decision->hits);
    if (strstr(decision->authres.data, "policy.exception=\"the list\"") == NULL ||
        strstr(decision->authres.data, "dmarc=fail") == NULL)
        fail_msg("row %zu: %s", i, decision->authres.data);
}

static void test_conditions(void **state)
{
    struct world *world = *state;
    char conf[2048];

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(conf, sizeof(conf), EXCEPTION("%s") REJECT, rows[i].conditions);
        world_configure(world, conf);
        enum policy_action action = enforce_send(world, &rows[i].message)->action;

        if (rows[i].want != NULL) {
            expect_exception(world, rows[i].want, i);
            continue;
        }
        if (action != POLICY_ACTION_REJECT)
            fail_msg("row %zu: %s", i, policy_action_text(action));
        assert_null(policy_session_decision(world->session)->exception);
        assert_null(policy_session_decision(world->session)->overrides);
    }
}

/* A file with nobody in it today excepts nobody, and not everybody. */
static void test_empty_file(void **state)
{
    static const char *const options[] = {"client-net", "client-name",   "dkim-domain",
                                          "list-id",    "sender-domain", "author-domain"};
    struct world *world = *state;
    char path[] = "exceptions-XXXXXX";
    int file = mkstemp(path);

    assert_true(file >= 0);
    assert_int_equal(close(file), 0);
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        const struct enforce_message message = {
            .client = "192.0.2.10", .fields = LIST_ID, .signers = "list.example"};
        char conf[2048];

        snprintf(conf, sizeof(conf), EXCEPTION("%s = { \"file:%s\" }") REJECT, options[i], path);
        world_configure(world, conf);
        if (enforce_send(world, &message)->action != POLICY_ACTION_REJECT)
            fail_msg("%s excepts all", options[i]);
    }
    assert_int_equal(unlink(path), 0);
}

/* Only what DMARC would do is excepted. */
static void test_scope(void **state)
{
    static const struct {
        const char *rule;
        const char *author;
        enum policy_action want;
        bool is_stamped;
    } scopes[] = {
        {REJECT, "<a@reject.example>", POLICY_ACTION_CONTINUE, true},
        {MARK, "<a@quarantine.example>", POLICY_ACTION_CONTINUE, true},
        {"rule \"r\" { stage = eom  dmarc-policy = { reject }  action = hold-queue }",
         "<a@reject.example>", POLICY_ACTION_CONTINUE, true},
        {"rule \"r\" { stage = eom  dmarc = { temperror }  action = tempfail }", "<a@down.example>",
         POLICY_ACTION_CONTINUE, true},
        {"rule \"r\" { stage = eom  dmarc = { fail }  action = discard }", "<a@none.example>",
         POLICY_ACTION_CONTINUE, true},
        /* Not about DMARC: refused as ever. */
        {"rule \"r\" { stage = eom  dkim = { none }  action = reject }", "<a@reject.example>",
         POLICY_ACTION_REJECT, false},
        {"rule \"r\" { stage = eom  spf = { fail }  action = reject }", "<a@reject.example>",
         POLICY_ACTION_REJECT, false},
        {"rule \"r\" { stage = mail  sender-domain = { \"list.example\" }  action = reject }",
         "<a@reject.example>", POLICY_ACTION_REJECT, false},
        /* Would not have done anything. */
        {REJECT, "<a@quarantine.example>", POLICY_ACTION_CONTINUE, false},
        {REJECT, "<a@none.example>", POLICY_ACTION_CONTINUE, false},
        {REJECT, "<a@down.example>", POLICY_ACTION_CONTINUE, false},
    };
    struct world *world = *state;
    char conf[2048];

    for (size_t i = 0; i < sizeof(scopes) / sizeof(scopes[0]); i++) {
        struct enforce_message message = {.author = scopes[i].author};

        snprintf(conf, sizeof(conf), "%s%s", EXCEPTION("client-net = { \"192.0.2.9\" }"),
                 scopes[i].rule);
        world_configure(world, conf);
        enum policy_action action = enforce_send(world, &message)->action;
        bool is_stamped = policy_session_decision(world->session)->exception != NULL;

        if (action != scopes[i].want || is_stamped != scopes[i].is_stamped)
            fail_msg("row %zu: %s, %d", i, policy_action_text(action), is_stamped);
    }
}

/* A rule that lets mail through does so with and without an exception. */
static void test_accept(void **state)
{
    struct world *world = *state;
    const struct enforce_message message = {NULL};

    world_configure(
        world, EXCEPTION("client-net = { \"192.0.2.9\" }") "rule \"let\" { stage = eom  dmarc = { "
                                                           "fail }  author-domain = { "
                                                           "\"reject.example\" }  action = "
                                                           "accept }\n" REJECT);
    assert_int_equal(enforce_send(world, &message)->action, POLICY_ACTION_ACCEPT);
    assert_null(policy_session_decision(world->session)->exception);
    assert_string_equal(policy_session_decision(world->session)->hits->name, "let");
    assert_string_equal(policy_session_decision(world->session)->verdict.rule, "let");
}

/* The names of a client are asked for when an exception needs them, and when nothing else spoke
 * against it. */
static void test_questions(void **state)
{
    static const struct {
        const char *conf;
        const char *author;
        bool want;
    } questions[] = {
        {REJECT, NULL, false},
        {"iprev = yes\n", NULL, true},
        {EXCEPTION("client-name = { \"mail.list.example\" }") REJECT, NULL, true},
        {EXCEPTION("client-name = { \"mail.list.example\" }") REJECT, "<a@none.example>", false},
        {EXCEPTION("client-name = { \"mail.list.example\" }  sender-domain = { \"x.example\" }")
             REJECT,
         NULL, false},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
        struct enforce_message message = {.client = "192.0.2.10", .author = questions[i].author};
        const struct policy_decision *decision;

        world_configure(world, questions[i].conf);
        (void)enforce_send(world, &message);
        decision = policy_session_decision(world->session);
        if ((decision->iprev != NULL) != questions[i].want)
            fail_msg("row %zu", i);
        /* Rejected mail gets no field, but its record has one all the same. */
        if ((strstr(decision->authres.data, "iprev=pass policy.iprev=192.0.2.10") != NULL) !=
            questions[i].want)
            fail_msg("row %zu: %s", i, decision->authres.data);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } faults[] = {
        {"exception \"e\" { for = { dmarc } }", "test.conf:3: exception \"e\" has no condition"},
        {"exception \"e\" { client-net = { \"192.0.2.1\" } }",
         "test.conf:3: exception \"e\" has no `for`"},
        {"exception \"e\" { list-id = { }  for = { dmarc } }",
         "test.conf:3: exception \"e\": `list-id` is empty"},
        {"exception \"e\" { client-net = { \"192.0.2.1\" }  dkim-domain = { }  for = { dmarc } }",
         "`dkim-domain` is empty"},
        {"exception \"e\" { client-net = { \"300.0.2.1\" }  for = { dmarc } }", "300.0.2.1"},
        {"exception \"e\" { client-name = { \"a b\" }  for = { dmarc } }", "client-name"},
        {"exception \"e\" { dkim-domain = { \"a..b\" }  for = { dmarc } }", "dkim-domain"},
        {"exception \"e\" { sender-domain = { \"a..b\" }  for = { dmarc } }", "sender-domain"},
        {"exception \"e\" { author-domain = { \"a..b\" }  for = { dmarc } }", "author-domain"},
        {"exception \"e\" { client-net = { \"192.0.2.1\" }  for = { spf } }", "\"spf\""},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct base_error error = {""};

        assert_null(world_snapshot(world, faults[i].conf, &error));
        if (strstr(error.text, faults[i].want) == NULL)
            fail_msg("row %zu: %s", i, error.text);
    }
}

static void note_warning(void *context, const char *text)
{
    snprintf(context, 512, "%s", text);
}

/* What any stranger can claim is warned of. */
static void test_warnings(void **state)
{
    static const struct {
        const char *conditions;
        bool want;
    } claims[] = {
        {"list-id = { \"a.example\" }", true},
        {"sender-domain = { \"a.example\" }", true},
        {"author-domain = { \"a.example\" }", true},
        {"list-id = { \"a.example\" }  dkim-domain = { \"a.example\" }", false},
        {"client-net = { \"192.0.2.1\" }", false},
        {"client-name = { \"a.example\" }", false},
    };
    size_t table_count = 0;
    const struct conf_table *const *tables = policy_tables(&table_count);

    (void)state;
    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        struct base_error error = {""};
        char warning[512] = "";
        char text[512];

        snprintf(text, sizeof(text), EXCEPTION("%s"), claims[i].conditions);
        struct conf_snapshot *conf = conf_read_text(text, "test.conf", tables, table_count, &error);

        assert_non_null(conf);
        struct policy_exceptions *exceptions =
            policy_exceptions_create(conf, note_warning, warning, &error);

        assert_non_null(exceptions);
        if ((strstr(warning, "test.conf:1: exception \"the list\": any stranger") != NULL) !=
            claims[i].want)
            fail_msg("row %zu: \"%s\"", i, warning);
        policy_exceptions_destroy(&exceptions);
        conf_snapshot_unref(&conf);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_empty_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_scope, setup, teardown),
        cmocka_unit_test_setup_teardown(test_accept, setup, teardown),
        cmocka_unit_test_setup_teardown(test_questions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test(test_warnings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
