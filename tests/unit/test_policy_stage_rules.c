/* policy/stage_rules: what is answered before MAIL, what the record keeps of it, what is held back
 * in mode = observe, and which rules are refused at load. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/rules.h"
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

static const struct policy_verdict *begin(struct world *world, const char *address)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct policy_connect_facts facts = {.address = (const struct sockaddr *)&in};

    assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
    return policy_session_connect(world->session, &facts);
}

static const struct policy_decision *decision(const struct world *world)
{
    return policy_session_decision(world->session);
}

#define EARLY                                                                                      \
    "rule \"away\" { stage = connect client-net = { \"192.0.2.1\" } action = reject }\n"           \
    "rule \"later\" { stage = helo client-net = { \"192.0.2.2\" } action = tempfail text = \"X\" " \
    "}\n"

static void test_refused_before_mail(void **state)
{
    static const struct policy_helo_facts helo = {.helo = BASE_TEXT("client.example")};
    struct world *world = *state;
    const struct policy_verdict *verdict;

    world_configure(world, EARLY);
    verdict = begin(world, "192.0.2.1");
    assert_int_equal(verdict->action, POLICY_ACTION_REJECT);
    assert_string_equal(decision(world)->verdict.rule, "away");
    assert_true(base_text_equals(decision(world)->client_address, BASE_TEXT("192.0.2.1")));
    assert_false(decision(world)->is_aborted);
    assert_true(decision(world)->id[0] != '\0');
    assert_int_equal(begin(world, "192.0.2.2")->action, POLICY_ACTION_CONTINUE);
    assert_true(decision(world)->id[0] == '\0');
    verdict = policy_session_helo(world->session, &helo);
    assert_int_equal(verdict->action, POLICY_ACTION_TEMPFAIL);
    assert_string_equal(verdict->text, "X");
    assert_string_equal(decision(world)->verdict.rule, "later");
    assert_true(base_text_equals(decision(world)->helo, BASE_TEXT("client.example")));
    assert_int_equal(begin(world, "192.0.2.3")->action, POLICY_ACTION_CONTINUE);
}

static void test_observed_before_mail(void **state)
{
    struct world *world = *state;

    world_configure(world,
                    "mode = observe\n" EARLY "rule \"too\" { stage = eom action = discard }\n");
    assert_int_equal(begin(world, "192.0.2.1")->action, POLICY_ACTION_CONTINUE);
    for (int i = 0; i < 2; i++) {
        world_mail(world, "<a@example.com>", "");
        world_field(world, "From", " a@example.com");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        assert_non_null(decision(world)->would);
        assert_string_equal(decision(world)->would->rule, "away");
    }
    assert_int_equal(begin(world, "192.0.2.3")->action, POLICY_ACTION_CONTINUE);
    world_mail(world, "<a@example.com>", "");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->would->rule, "too");
}

static void test_refused_at_mail_is_complete(void **state)
{
    static const struct policy_mail_facts mail = {.reverse_path = BASE_TEXT("<a@example.org>")};
    struct world *world = *state;

    world_configure(world, "rule \"no\" { stage = mail spf = { none } action = reject }\n");
    assert_int_equal(begin(world, "192.0.2.1")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(policy_session_mail(world->session, &mail)->action, POLICY_ACTION_REJECT);
    assert_false(decision(world)->is_aborted);
    assert_non_null(decision(world)->spf);
    assert_null(decision(world)->helo_spf);
    assert_string_equal(decision(world)->verdict.rule, "no");
    /* An MTA that goes on all the same is told again. */
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_REJECT);
}

static void test_hits_once_a_message(void **state)
{
    struct world *world = *state;

    world_configure(world, "rule \"a\" { stage = rcpt mode = observe action = reject }\n"
                           "rule \"b\" { stage = rcpt action = mark }\n");
    assert_int_equal(begin(world, "192.0.2.1")->action, POLICY_ACTION_CONTINUE);
    world_mail(world, "<a@example.com>", "");
    for (int i = 0; i < 5; i++)
        assert_int_equal(policy_session_rcpt(world->session, BASE_TEXT("<b@example.org>"))->action,
                         POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->hits->name, "b");
    assert_string_equal(decision(world)->hits->next->name, "a");
    assert_null(decision(world)->hits->next->next);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_MARK);
}

#define T50 "0123456789012345678901234567890123456789012345678x"

static void test_refused_at_load(void **state)
{
    static const struct {
        const char *rule;
        /* NULL: it is taken. */
        const char *fault;
    } cases[] = {
        {"rule \"r\" { stage = rcpt action = discard }", "all recipients: use `stage = data`"},
        {"rule \"r\" { stage = data action = discard }", NULL},
        {"rule \"r\" { stage = helo action = discard }", "use `stage = mail`"},
        {"rule \"r\" { stage = eom action = reject text = \"" T50 T50 T50 T50 "\" }", NULL},
        {"rule \"r\" { stage = eom action = reject text = \"" T50 T50 T50 T50 "y\" }",
         "at most 200 printable"},
        {"rule \"r\" { stage = eom action = reject text = \"\" }", "at most 200 printable"},
        {"rule \"r\" { stage = eom action = reject text = \"\xc3\xa9\" }", "printable ASCII"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {.text = ""};
        struct policy_snapshot *snapshot = world_snapshot(world, cases[i].rule, &error);

        if ((snapshot == NULL) != (cases[i].fault != NULL) ||
            (cases[i].fault != NULL && strstr(error.text, cases[i].fault) == NULL))
            fail_msg("%s: %s", cases[i].rule, error.text);
        policy_snapshot_unref(&snapshot);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_refused_before_mail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_observed_before_mail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_at_mail_is_complete, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hits_once_a_message, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused_at_load, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
