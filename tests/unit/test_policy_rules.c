/* Conditions of rules on signatures, the author domain and DMARC. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_conditions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_faults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
