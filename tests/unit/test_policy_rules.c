/* Conditions of rules on signatures, the author domain and DMARC. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/deferrals.h"
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

#define RULE(conditions)   "rule \"r\" { stage = eom  " conditions "  action = reject }\n"
#define AT_EOH(conditions) "rule \"r\" { stage = eoh  " conditions "  action = reject }\n"

struct condition_row {
    const char *conf;
    struct enforce_message message;
    bool want;
};

static const struct condition_row condition_rows[] = {
    /* dmarc-policy: as published, whatever the result. */
    {RULE("dmarc-policy = { reject }"), {NULL}, true},
    {RULE("dmarc-policy = { reject }"),
     {.client = "192.0.2.1", .from = "<a@reject.example>"},
     true},
    {RULE("dmarc-policy = { quarantine, none }"), {NULL}, false},
    {RULE("dmarc-policy = { quarantine }"), {.author = "<a@quarantine.example>"}, true},
    {RULE("dmarc-policy = { none }"), {.author = "<a@none.example>"}, true},
    {RULE("dmarc-policy = { reject }"), {.author = "<a@testing.example>"}, true},
    {RULE("dmarc-disposition = { reject }"), {.author = "<a@testing.example>"}, false},
    {RULE("dmarc-policy = { none }"), {.author = "<a@plain.example>"}, false},
    {RULE("dmarc-policy = { none, quarantine, reject }"), {.author = "<a@down.example>"}, false},
    {RULE("dmarc-policy = { none, quarantine, reject }"),
     {.author = "<a@reject.example>, <b@none.example>"},
     false},
    {RULE("dmarc = { pass }  dmarc-policy = { reject }"), {.signers = "reject.example"}, true},
    {RULE("dmarc = { fail }  dmarc-policy = { reject }"), {.signers = "reject.example"}, false},
    /* dkim-domain: who vouches for all of it. */
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "list.example"}, true},
    {RULE("dkim-domain = { \"LIST.example\" }"), {.signers = "list.example"}, true},
    {RULE("dkim-domain = { \"list.example\" }"), {NULL}, false},
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "!list.example"}, false},
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "?list.example"}, false},
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "+list.example"}, false},
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "none.example"}, false},
    {RULE("dkim-domain = { \"list.example\" }"), {.signers = "!list.example none.example"}, false},
    {RULE("dkim-domain = { \"list.example\" }"),
     {.signers = "!reject.example none.example list.example"},
     true},
    {RULE("dkim-domain = { \".example\" }"), {.signers = "list.example"}, true},
    {RULE("dkim-domain = { \".list.example\" }"), {.signers = "list.example"}, false},
    {RULE("dkim = { pass }  dkim-domain = { \"list.example\" }"),
     {.signers = "none.example"},
     false},
    /* author-domain. */
    {AT_EOH("author-domain = { \"reject.example\" }"), {NULL}, true},
    {AT_EOH("author-domain = { \"reject.example\" }"), {.author = "<a@REJECT.Example>"}, true},
    {AT_EOH("author-domain = { \"reject.example\" }"), {.author = "<a@none.example>"}, false},
    {AT_EOH("author-domain = { \"reject.example\" }"), {.author = "<a@sub.reject.example>"}, false},
    {AT_EOH("author-domain = { \".reject.example\" }"), {.author = "<a@sub.reject.example>"}, true},
    {AT_EOH("author-domain = { \"reject.example\" }"),
     {.author = "<a@none.example>", .from = "<a@reject.example>"},
     false},
    {AT_EOH("author-domain = { \"reject.example\" }"),
     {.author = "<a@reject.example>, <b@none.example>"},
     false},
    {AT_EOH("author-domain = { \"reject.example\" }"),
     {.author = "\"a@reject.example\" <b@none.example>"},
     false},
    {RULE("author-domain = { \"reject.example\" }  dmarc = { pass }"), {NULL}, false},
    /* display-address. */
    {AT_EOH("display-address = { other-domain }"),
     {.author = "\"a@reject.example\" <b@none.example>"},
     true},
    {AT_EOH("display-address = { same, none }"),
     {.author = "\"a@reject.example\" <b@none.example>"},
     false},
    {AT_EOH("display-address = { same }"), {.author = "b@none.example (b@none.example)"}, true},
    {AT_EOH("display-address = { none }"), {.author = "Bob <b@none.example>"}, true},
    {AT_EOH("display-address = { none, same, other-domain }"),
     {.author = "\"a@reject.example\" <b@none.example>, <a@reject.example>"},
     false},
};

static void test_conditions(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(condition_rows) / sizeof(condition_rows[0]); i++) {
        const struct condition_row *row = &condition_rows[i];

        world_configure(world, row->conf);
        if ((enforce_send(world, &row->message)->action == POLICY_ACTION_REJECT) != row->want)
            fail_msg("row %zu: %s", i, row->conf);
    }
}

/* What a rule cannot know at its stage is an error at load. */
static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } rows[] = {
        {"rule \"r\" { stage = eoh  dmarc-policy = { none }  action = reject }",
         "rule \"r\": `dmarc-policy` is not known yet at stage \"eoh\": use `stage = eom`"},
        {"rule \"r\" { stage = eoh  dkim-domain = { \"a.example\" }  action = reject }",
         "rule \"r\": `dkim-domain` is not known yet at stage \"eoh\": use `stage = eom`"},
        {"rule \"r\" { stage = rcpt  author-domain = { \"a.example\" }  action = reject }",
         "rule \"r\": `author-domain` is not known yet at stage \"rcpt\": use `stage = eoh`"},
        {"rule \"r\" { stage = eom  author-domain = { \"a b\" }  action = reject }",
         "author-domain"},
        {"rule \"r\" { stage = eom  dkim-domain = { \"a..b\" }  action = reject }", "dkim-domain"},
        {"rule \"r\" { stage = eom  dmarc = { temperror }  action = reject  tempfail-for = \"4h\" "
         "}",
         "`tempfail-for` goes only with `action = tempfail`"},
        {"rule \"r\" { stage = eom  dmarc = { fail }  action = tempfail  tempfail-for = \"4h\" }",
         "add `dmarc = { temperror }`"},
        {"rule \"r\" { stage = eom  spf = { temperror }  action = tempfail  tempfail-for = \"8d\" "
         "}",
         "tempfail-for"},
        {"rule \"r\" { stage = eom  dmarc-policy = { strict }  action = reject }", "dmarc-policy"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        assert_null(world_snapshot(world, rows[i].conf, &error));
        if (strstr(error.text, rows[i].want) == NULL || strstr(error.text, "test.conf:3") == NULL)
            fail_msg("row %zu: %s", i, error.text);
    }
}

/* A rule that asks for DMARC's policy alone refuses in DMARC's words. */
static void test_reply(void **state)
{
    struct world *world = *state;
    const struct enforce_message message = {NULL};
    const struct policy_verdict *verdict;

    world_configure(world, RULE("dmarc-policy = { reject }  dkim = { none }"));
    verdict = enforce_send(world, &message);
    assert_string_equal(verdict->code, "550");
    assert_string_equal(verdict->enhanced, "5.7.26");
    assert_non_null(strstr(verdict->text, "DMARC"));
}

/* --- tempfail-for --- */

#define HOLD(name, conditions) \
    "rule \"" name "\" { " conditions "  action = tempfail  tempfail-for = \"4h\" }\n"
#define DMARC_LATER HOLD("later", "stage = eom  dmarc = { temperror }")
#define MINUTE      (60 * BASE_NS_PER_S)
#define HOUR        (60 * MINUTE)

static int setup_hold(void **state)
{
    struct world *world;

    (void)setup(state);
    world = *state;
    world->env.deferrals = policy_deferrals_create(100);
    return 0;
}

static int teardown_hold(void **state)
{
    struct world *world = *state;

    policy_deferrals_destroy(&world->env.deferrals);
    return teardown(state);
}

static const struct policy_rule_hit *only_hit(const struct world *world)
{
    const struct policy_rule_hit *hit = policy_session_decision(world->session)->hits;

    assert_non_null(hit);
    assert_null(hit->next);
    return hit;
}

static bool is_held(struct world *world, const struct enforce_message *message)
{
    const struct policy_verdict *verdict = enforce_send(world, message);
    bool is_tempfail = verdict->action == POLICY_ACTION_TEMPFAIL;

    if (is_tempfail) {
        assert_string_equal(verdict->code, "451");
        assert_false(only_hit(world)->is_over);
    }
    return is_tempfail;
}

static const struct enforce_message from_down = {.author = "<a@down.example>"};
/* The same zone's DMARC record of list.example answers. */
static const struct enforce_message from_none = {.author = "<a@none.example>",
                                                 .signers = "none.example"};

static void test_hold_ends(void **state)
{
    struct world *world = *state;

    world_configure(world, DMARC_LATER);
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, 4 * HOUR - BASE_NS_PER_MS);
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, BASE_NS_PER_MS);
    assert_false(is_held(world, &from_down));
    assert_true(only_hit(world)->is_over);
    assert_string_equal(only_hit(world)->name, "later");
    /* Still so an hour later, under another configuration, and for whoever writes for it. */
    base_clock_advance(&world->clock, HOUR);
    world_configure(world, DMARC_LATER "spf-void-limit = 3\n");
    const struct enforce_message other = {.author = "<b@DOWN.example>",
                                          .from = "<b@plain.example>"};
    assert_false(is_held(world, &other));
    /* Each domain and each rule has its own time. */
    const struct enforce_message sub = {.author = "<a@sub.down.example>"};
    assert_true(is_held(world, &sub));
    world_configure(world, HOLD("other", "stage = eom  dmarc = { temperror }"));
    assert_true(is_held(world, &from_down));
}

static void test_hold_is_cleared(void **state)
{
    struct world *world = *state;
    const struct enforce_message pass = {
        .client = "192.0.2.1", .author = "<a@down.example>", .from = "<a@down.example>"};
    const struct enforce_message fail = {.author = "<a@down.example>", .from = "<a@plain.example>"};

    world_configure(world, DMARC_LATER);
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, 3 * HOUR);
    /* DNS answers; that a stranger's message fails is no success of the domain. */
    enforce_set_zone(world, "$ORIGIN example.\n$TTL 300\n"
                            "_dmarc.down TXT \"v=DMARC1; p=none\"\n"
                            "down TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
    world_configure(world, DMARC_LATER);
    assert_false(is_held(world, &fail));
    assert_int_equal(policy_deferrals_count(world->env.deferrals), 1);
    assert_false(is_held(world, &pass));
    assert_int_equal(policy_deferrals_count(world->env.deferrals), 0);
    enforce_set_zone(world, ENFORCE_ZONE);
    world_configure(world, DMARC_LATER);
    base_clock_advance(&world->clock, 3 * HOUR);
    assert_true(is_held(world, &from_down));
}

/* Two failures with a day between them are two. */
static void test_hold_begins_again(void **state)
{
    struct world *world = *state;

    world_configure(world, DMARC_LATER);
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, 24 * HOUR);
    assert_false(is_held(world, &from_down));
    base_clock_advance(&world->clock, 24 * HOUR + 1);
    assert_true(is_held(world, &from_down));
}

static void test_hold_whose(void **state)
{
    static const struct {
        const char *conf;
        struct enforce_message first;
        /* Five hours later. */
        struct enforce_message second;
        bool want;
    } rows[] = {
        /* The author's domain where the rule is about it, */
        {HOLD("r", "stage = eom  dkim = { temperror }"),
         {.signers = "?reject.example", .from = "<a@none.example>"},
         {.signers = "?reject.example", .from = "<a@plain.example>"},
         false},
        {HOLD("r", "stage = eom  dkim = { temperror }"),
         {.signers = "?reject.example"},
         {.signers = "?reject.example", .author = "<a@none.example>"},
         true},
        /* the reverse-path's where it is about SPF, */
        {HOLD("r", "stage = eom  spf = { temperror }"),
         {.from = "<a@spfdown.example>"},
         {.from = "<b@spfdown.example>", .author = "<a@none.example>"},
         false},
        {HOLD("r", "stage = mail  spf = { temperror }"),
         {.from = "<a@spfdown.example>"},
         {.from = "<b@spfdown.example>"},
         false},
        {HOLD("r", "stage = rcpt  spf = { temperror }"),
         {.from = "<a@spfdown.example>"},
         {.from = "<b@spfdown.example>"},
         false},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        policy_deferrals_destroy(&world->env.deferrals);
        world->env.deferrals = policy_deferrals_create(100);
        world_configure(world, rows[i].conf);
        (void)enforce_send(world, &rows[i].first);
        assert_int_equal(policy_deferrals_count(world->env.deferrals), 1);
        base_clock_advance(&world->clock, 5 * HOUR);
        (void)enforce_send(world, &rows[i].second);
        if (only_hit(world)->is_over == rows[i].want)
            fail_msg("row %zu", i);
    }
}

/* A message that never waits is never remembered, and without tempfail-for nothing is. */
static void test_hold_is_needed(void **state)
{
    struct world *world = *state;

    world_configure(world, DMARC_LATER);
    assert_false(is_held(world, &from_none));
    assert_int_equal(policy_deferrals_count(world->env.deferrals), 0);
    world_configure(world, "rule \"r\" { stage = eom  dmarc = { temperror }  action = tempfail }");
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, 100 * HOUR);
    assert_true(is_held(world, &from_down));
    assert_int_equal(policy_deferrals_count(world->env.deferrals), 0);
}

/* An observed rule whose time is over is not observed any more, and a later rule has its turn. */
static void test_hold_goes_on(void **state)
{
    struct world *world = *state;
    const struct policy_verdict *verdict;

    world_configure(world, DMARC_LATER
                    "rule \"then\" { stage = eom  dmarc = { temperror }  action = reject }");
    assert_true(is_held(world, &from_down));
    base_clock_advance(&world->clock, 5 * HOUR);
    verdict = enforce_send(world, &from_down);
    assert_int_equal(verdict->action, POLICY_ACTION_REJECT);
    assert_string_equal(verdict->rule, "then");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hold_ends, setup_hold, teardown_hold),
        cmocka_unit_test_setup_teardown(test_hold_is_cleared, setup_hold, teardown_hold),
        cmocka_unit_test_setup_teardown(test_hold_begins_again, setup_hold, teardown_hold),
        cmocka_unit_test_setup_teardown(test_hold_whose, setup_hold, teardown_hold),
        cmocka_unit_test_setup_teardown(test_hold_is_needed, setup_hold, teardown_hold),
        cmocka_unit_test_setup_teardown(test_hold_goes_on, setup_hold, teardown_hold),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
