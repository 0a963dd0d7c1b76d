/* Bounces of what logins have sent: whose they are, their share of what was sent, and the packaged
 * guard. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/decision_rates.h"
#include "policy/rate/sent.h"
#include "tests/unit/policy_rate_world.h"

static void bounce(struct world *world, const char *first, const char *second)
{
    world_mail(world, "<>", "");
    assert_int_equal(rcpt(world, "<alice@example.org>")->action, POLICY_ACTION_CONTINUE);
    world_field(world, "From", " <mailer-daemon@example.net>");
    world_field(world, "Message-ID", " <report@example.net>");
    policy_session_eoh(world->session);
    policy_session_body(world->session, base_text_of(first));
    policy_session_body(world->session, base_text_of(second));
    assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                     POLICY_ACTION_CONTINUE);
    policy_session_accepted(world->session);
}

/* Delivery reports that name what a login sent are the login's; others are nobody's. */
static void test_bounces(void **state)
{
    static const struct {
        const char *first;
        const char *second;
        int64_t want;
    } rows[] = {
        {"Text.\r\n\r\nMessage-ID: <one@example.org>\r\n", "", 1},
        {"Text.\r\nMESSAGE-", "id:\t<one@example.org>\r\nMessage-ID: <one@example.org>\r\n", 2},
        {"Message-ID:\r\n <one@example.org>\r\n", "", 3},
        {"Message-ID: <other@example.org>\r\n", "", 3},
        {"X-Message-ID: <one@example.org>\r\n", "Message-ID: one@example.org\r\n", 3},
        {"> Message-ID: <one@example.org>\r\n", "Message-ID: <one@example.org>", 3},
    };
    struct world *world = *state;

    world->env.sent = rate_sent_create(100);
    start(world,
          "rate \"b\" { direction = outbound key = { login } count = bounces limit = \"4/1h\" "
          "action = hold }\n");
    world_connect(world, "192.0.2.1", "");
    world_mail(world, "<alice@example.org>", "Alice");
    rcpt(world, "<bob@example.net>");
    world_field(world, "Message-ID", " <one@example.org>");
    finish(world);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bounce(world, rows[i].first, rows[i].second);
        if (used(world, "alice") != rows[i].want)
            fail_msg("row %zu: %lld", i, (long long)used(world, "alice"));
    }
    must_accept(world, "alice", 1);
    bounce(world, rows[0].first, "");
    must_refuse(world, "alice");
    must_accept(world, "bob", 1);
    stop(world);
    rate_sent_destroy(&world->env.sent);
}

#define FAILED "Final-Recipient: rfc822; x@example.net\r\nAction: failed\r\n"

/* A report to so many recipients, the last of them `path`. */
static void report(struct world *world, const char *path, unsigned recipients, const char *body)
{
    world_mail(world, "<>", "");
    for (unsigned i = 1; i < recipients; i++)
        rcpt(world, "<carol@example.org>");
    rcpt(world, path);
    world_field(world, "From", " <mailer-daemon@example.net>");
    policy_session_eoh(world->session);
    policy_session_body(world->session, base_text_of(body));
    policy_session_eom(world->session, NULL, NULL);
    policy_session_accepted(world->session);
}

static void send_as(struct world *world, const char *sender, const char *login)
{
    world_mail(world, sender, login);
    rcpt(world, "<bob@example.net>");
    finish(world);
}

/* Reports that name no message are the login's whose envelope sender they come back to, if it is
 * one login's and the rate says so. */
static void test_bounces_by_sender(void **state)
{
    static const struct {
        const char *path;
        unsigned recipients;
        const char *body;
        int64_t want;
    } rows[] = {
        {"<alice@example.org>", 1, FAILED, 1},
        {"<ALICE@Example.org>", 1, "action:FAILED (it is full)\r\n", 2},
        {"<alice+bob=example.net@example.org>", 1, FAILED, 3},
        {"<alice+bob@example.org>", 1, FAILED, 4},
        {"<other@example.org>", 1, FAILED, 4},
        {"<other+bob=example.net@example.org>", 1, FAILED, 4},
        {"<alice@example.org>", 2, FAILED, 4},
        {"<alice@example.org>", 1, "Action: delayed\r\n", 4},
        {"<alice@example.org>", 1, "I am on holiday.\r\n", 4},
        {"<list+1=x@example.org>", 1, FAILED, 5},
        {"<list@example.org>", 1, FAILED, 6},
    };
    struct world *world = *state;
    char conf[300];

    world->env.sent = rate_sent_create(100);
    for (int is_wanted = 0; is_wanted < 2; is_wanted++) {
        snprintf(conf, sizeof(conf),
                 "rate \"b\" { key = { login } count = bounces limit = \"90/1h\" %s}\n",
                 is_wanted ? "bounces-by = sender " : "");
        start(world, conf);
        world_connect(world, "192.0.2.1", "");
        send_as(world, "<alice@example.org>", "Alice");
        send_as(world, "<list+1=x@example.org>", "alice");
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
            report(world, rows[i].path, rows[i].recipients, rows[i].body);
            if (used(world, "alice") != (is_wanted ? rows[i].want : 0))
                fail_msg("row %zu: %lld", i, (long long)used(world, "alice"));
        }
    }
    stop(world);
    rate_sent_destroy(&world->env.sent);
}

/* Two that share a sender, and mail without a login, for a day; then it is forgotten. */
static void test_bounces_of_several(void **state)
{
    struct world *world = *state;

    world->env.sent = rate_sent_create(100);
    start(world,
          "signing-networks = { \"192.0.2.0/24\" }\nrate \"b\" { key = { login } count = bounces "
          "limit = \"90/30d\" bounces-by = sender }\n");
    world_connect(world, "192.0.2.1", "");
    send_as(world, "<alice@example.org>", "alice");
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "alice"), 1);
    base_clock_advance(&world->clock, 43200 * BASE_NS_PER_S);
    send_as(world, "<alice@example.org>", "bob");
    report(world, "<alice@example.org>", 1, FAILED);
    base_clock_advance(&world->clock, 43199 * BASE_NS_PER_S);
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "alice") + used(world, "bob"), 1);
    base_clock_advance(&world->clock, BASE_NS_PER_S);
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "bob"), 1);
    send_as(world, "<alice@example.org>", "");
    send_as(world, "<alice@example.org>", "bob");
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "bob"), 1);
    base_clock_advance(&world->clock, 86400 * BASE_NS_PER_S);
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "bob"), 1);
    send_as(world, "<alice@example.org>", "bob");
    report(world, "<alice@example.org>", 1, FAILED);
    assert_int_equal(used(world, "bob"), 2);
    stop(world);
    rate_sent_destroy(&world->env.sent);
}

/* In a table that is full nobody is charged with what may be another's. */
static void test_bounces_of_many(void **state)
{
    struct rate_sent *sent = rate_sent_create(8);
    char login[RATE_SENT_LOGIN_MAX + 1];
    char sender[16];

    (void)state;
    rate_sent_note_sender(sent, BASE_TEXT("a"), BASE_TEXT("alice"), 1);
    assert_true(rate_sent_find_sender(sent, BASE_TEXT("a"), 2, login));
    assert_string_equal(login, "alice");
    for (int i = 0; i < 8; i++) {
        snprintf(sender, sizeof(sender), "s%d", i);
        rate_sent_note_sender(sent, base_text_of(sender), BASE_TEXT("bob"), 2 + i);
    }
    assert_true(rate_sent_find_sender(sent, BASE_TEXT("s6"), 10, login));
    assert_false(rate_sent_find_sender(sent, BASE_TEXT("a"), 10, login));
    rate_sent_note_sender(sent, BASE_TEXT("a"), BASE_TEXT("bob"), 11);
    assert_false(rate_sent_find_sender(sent, BASE_TEXT("a"), 12, login));
    rate_sent_note_sender(sent, BASE_TEXT("b"),
                          BASE_TEXT("a login that is longer than what is "
                                    "remembered of it"),
                          12);
    assert_false(rate_sent_find_sender(sent, BASE_TEXT("b"), 13, login));
    rate_sent_destroy(&sent);
}

/* A message to so many recipients, one mailbox of each of as many domains. */
static void send_to(struct world *world, const char *login, const char *id, unsigned recipients)
{
    char value[64];

    world_mail(world, "<alice@example.org>", login);
    for (unsigned i = 0; i < recipients; i++)
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
    snprintf(value, sizeof(value), " %s", id);
    world_field(world, "Message-ID", value);
    assert_int_equal(finish(world)->action, POLICY_ACTION_CONTINUE);
}

/* A report of that message, that so many recipients have not got it. */
static void bounce_of(struct world *world, const char *id, unsigned failures)
{
    char end[64];

    world_mail(world, "<>", "");
    rcpt(world, "<alice@example.org>");
    world_field(world, "From", " <mailer-daemon@example.net>");
    policy_session_eoh(world->session);
    for (unsigned i = 0; i < failures; i++)
        policy_session_body(world->session, BASE_TEXT(FAILED));
    snprintf(end, sizeof(end), "Message-ID: %s\r\n", id);
    policy_session_body(world->session, base_text_of(end));
    policy_session_eom(world->session, NULL, NULL);
    policy_session_accepted(world->session);
}

struct share {
    const char *key;
    int64_t bounced;
    int64_t sent;
};

static void find_share(void *context, const struct rate_status *status)
{
    struct share *share = context;

    if (base_text_equals(status->key, base_text_of(share->key)) && rate_name_is_whole(status->name))
        share->sent = status->used[0];
    else if (base_text_equals(status->key, base_text_of(share->key)))
        share->bounced = status->used[0];
}

static void must_share(struct world *world, const char *key, int64_t bounced, int64_t sent)
{
    struct share share = {.key = key};

    rate_store_list(world->env.rates, find_share, &share);
    if (share.bounced != bounced || share.sent != sent)
        fail_msg("%s: %lld of %lld", key, (long long)share.bounced, (long long)share.sent);
}

/* Recipients who did not get it, of those that were accepted. */
static void test_ratio(void **state)
{
    struct world *world = *state;
    const struct policy_decision *decision;
    const struct policy_verdict *verdict;

    world->env.sent = rate_sent_create(100);
    start(world, "rate \"b\" { sender-domain = { \"example.org\" } key = { login } count = bounces "
                 "limit = \"50%/1h\" limits = { \"bob 10%/1h\" } exempt = { carol, "
                 "\"192.0.2.9\" } at-least = 3 }\n");
    world_connect(world, "192.0.2.1", "");
    send_to(world, "alice", "<1@example.org>", 4);
    must_share(world, "alice", 0, 4);
    /* Not accepted: not sent. */
    world_mail(world, "<alice@example.org>", "alice");
    rcpt(world, "<bob@example.net>");
    policy_session_reset(world->session);
    must_share(world, "alice", 0, 4);
    /* Late, and of nobody's. */
    bounce(world, "Action: delayed\r\nMessage-ID: <1@example.org>\r\n", "");
    bounce_of(world, "<2@example.org>", 1);
    must_share(world, "alice", 0, 4);
    bounce_of(world, "<1@example.org>", 2);
    /* What its sender wrote makes no other report of it, nor one of more recipients. */
    send_to(world, "dave", "<6@example.org>", 5);
    bounce(world, "Message-ID: <6@example.org>\r\n\r\n" FAILED FAILED FAILED, "");
    must_share(world, "dave", 1, 5);
    bounce(world, "Message-ID: <1@example.org>\r\n\r\nAction: delayed\r\n", "");
    must_share(world, "alice", 3, 4);
    must_refuse(world, "alice");
    /* No more than it had. */
    bounce_of(world, "<1@example.org>", 100);
    bounce_of(world, "<1@example.org>", 1);
    must_share(world, "alice", 4, 4);
    world_mail(world, "<alice@example.org>", "alice");
    verdict = rcpt(world, "<bob@example.net>");
    assert_int_equal(strncmp(verdict->text,
                             "Rate limit \"b\": 50% of the mail bounces in 1h, come back in ", 59),
                     0);
    decision = policy_session_decision(world->session);
    assert_int_equal(decision->rates->used, 4);
    assert_int_equal(decision->rates->whole, 4);
    assert_null(decision->rates->next);
    policy_session_reset(world->session);
    /* It is not refused where the conditions do not hold, nor the client is exempt; that counts. */
    world_mail(world, "<alice@example.net>", "alice");
    assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
    finish(world);
    must_share(world, "alice", 4, 5);
    world_connect(world, "192.0.2.9", "");
    send_to(world, "alice", "<3@example.org>", 3);
    must_share(world, "alice", 4, 8);
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 1);
    /* Limits of one's own, and none. */
    send_to(world, "bob", "<4@example.org>", 29);
    bounce_of(world, "<4@example.org>", 2);
    must_accept(world, "bob", 1);
    bounce_of(world, "<4@example.org>", 2);
    must_refuse(world, "bob");
    send_to(world, "carol", "<5@example.org>", 3);
    bounce_of(world, "<5@example.org>", 3);
    must_share(world, "carol", 0, 0);
    must_accept(world, "carol", 1);
    stop(world);
    rate_sent_destroy(&world->env.sent);
}

/* The packaged guard: a login that sends from many places is held, another is not. */
static void test_guard(void **state)
{
    struct world *world = *state;
    const char *srcdir = getenv("srcdir");
    const struct policy_verdict *verdict;
    char path[1024];
    char conf[1200];

    if (realpath(srcdir == NULL ? "." : srcdir, path) == NULL)
        fail_msg("no srcdir");
    snprintf(conf, sizeof(conf), "include(\"%s/conf/examples/guard.conf\")\n", path);
    world->env.sent = rate_sent_create(100);
    start(world, conf);
    for (int i = 0; i < 5; i++) {
        char address[32];

        snprintf(address, sizeof(address), "192.0.%d.1", i);
        world_connect(world, address, "");
        world_mail(world, "<alice@example.org>", "alice");
        verdict = rcpt(world, "<bob@example.net>");
        assert_int_equal(verdict->action, i < 4 ? POLICY_ACTION_CONTINUE : POLICY_ACTION_TEMPFAIL);
        if (i < 4)
            finish(world);
    }
    assert_string_equal(verdict->rule, "guard: places");
    world_connect(world, "192.0.0.1", "");
    must_refuse(world, "alice");
    must_accept(world, "bob", 1);
    /* Reports that anybody can make up are counted, and stop nobody. */
    send_as(world, "<carol@example.org>", "carol");
    for (int i = 0; i < 21; i++)
        report(world, "<carol@example.org>", 1, FAILED);
    assert_true(used(world, "carol") >= 20);
    must_accept(world, "carol", 1);
    /* A fifth of what dave sent comes back, of what erin sent more. */
    send_to(world, "dave", "<d@example.org>", 100);
    send_to(world, "erin", "<e@example.org>", 99);
    bounce_of(world, "<d@example.org>", 20);
    bounce_of(world, "<e@example.org>", 20);
    base_clock_advance(&world->clock, 700 * BASE_NS_PER_S);
    must_accept(world, "dave", 1);
    world_mail(world, "<alice@example.org>", "erin");
    verdict = rcpt(world, "<bob@example.net>");
    assert_string_equal(verdict->rule, "guard: bounce ratio");
    assert_string_equal(verdict->text, "Rate limit \"guard: bounce ratio\": sending is on hold, "
                                       "come back in 42500 seconds");
    stop(world);
    rate_sent_destroy(&world->env.sent);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounces),
        cmocka_unit_test(test_bounces_by_sender),
        cmocka_unit_test(test_bounces_of_several),
        cmocka_unit_test(test_bounces_of_many),
        cmocka_unit_test(test_ratio),
        cmocka_unit_test(test_guard),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
