/* policy/session: whole messages, in order and out of it, within the caps and past them by one. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
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

static const struct policy_decision *decision(const struct world *world)
{
    return policy_session_decision(world->session);
}

/* "del NAME 3;ins NAME;...". What was judged and goes on has, last, the field that says so. */
static void assert_edits(const struct world *world, const char *want)
{
    char storage[4096];
    const struct policy_decision *it = policy_session_decision(world->session);
    bool is_judged = it->direction == POLICY_DIRECTION_INBOUND && !it->is_aborted &&
                     it->verdict.action == POLICY_ACTION_CONTINUE && it->id[0] != '\0';
    char whole[4096];
    struct base_buf got;

    (void)snprintf(whole, sizeof(whole), "%s%s", want,
                   is_judged ? "ins Authentication-Results;" : "");
    base_buf_init_fixed(&got, storage, sizeof(storage));
    for (const struct policy_edit *edit = policy_session_edits(world->session)->first; edit != NULL;
         edit = edit->next) {
        base_buf_appendf(&got, "%s %s", edit->op == POLICY_EDIT_DELETE ? "del" : "ins",
                         edit->name.data);
        if (edit->op == POLICY_EDIT_DELETE)
            base_buf_appendf(&got, " %u", edit->index);
        base_buf_append_char(&got, ';');
    }
    assert_string_equal(base_buf_cstr(&got), whole);
}

static void assert_signed(const struct world *world)
{
    const struct policy_signature *first = decision(world)->signatures;

    assert_null(decision(world)->unsigned_reason);
    assert_non_null(first);
    assert_true(base_text_equals(first->domain, BASE_TEXT("example.org")));
    assert_true(base_text_equals(first->selector, BASE_TEXT("s1")));
    assert_string_equal(first->algorithm, "ed25519-sha256");
    assert_null(first->fault);
    assert_non_null(first->next);
    assert_edits(world, "ins DKIM-Signature;ins DKIM-Signature;");
}

static void assert_tempfail(const struct policy_verdict *verdict)
{
    assert_int_equal(verdict->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(verdict->stage, POLICY_STAGE_EOM);
    assert_string_equal(verdict->code, "451");
    assert_string_equal(verdict->enhanced, "4.3.2");
    assert_true(strlen(verdict->text) > 10);
}

static void message(struct world *world, const char *from)
{
    world_mail(world, "<alice@example.org>", "");
    policy_session_rcpt(world->session, BASE_TEXT("<bob@example.net>"));
    policy_session_data(world->session);
    world_field(world, "From", from);
    world_field(world, "Subject", " Hello");
    world_field(world, "Message-ID", " <1@example.org>");
}

static void test_signed(void **state)
{
    struct world *world = *state;
    struct policy_helo_facts helo = {.helo = BASE_TEXT("client.example")};

    world_configure(world, WORLD_SIGN);
    world_connect(world, "192.0.2.1", "ORIGINATING");
    policy_session_helo(world->session, &helo);
    message(world, " Alice <alice@example.org>");
    assert_true(policy_session_has_message(world->session));
    assert_true(decision(world)->is_aborted);
    assert_edits(world, "");
    policy_session_queue_id(world->session, BASE_TEXT(""));
    policy_session_queue_id(world->session, BASE_TEXT("4XYZ"));
    policy_session_queue_id(world->session, BASE_TEXT("5XYZ"));
    base_clock_advance(&world->clock, 25 * BASE_NS_PER_MS);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_false(policy_session_has_message(world->session));
    assert_signed(world);

    const struct policy_decision *it = decision(world);
    assert_int_equal(strlen(it->id), 16);
    assert_int_equal(it->time_s, WORLD_TIME);
    assert_string_equal(it->queue_id.data, "4XYZ");
    assert_int_equal(it->direction, POLICY_DIRECTION_OUTBOUND);
    assert_string_equal(it->direction_by, "daemon");
    assert_string_equal(it->client_address.data, "192.0.2.1");
    assert_string_equal(it->client_name.data, "client.example");
    assert_string_equal(it->helo.data, "client.example");
    assert_int_equal(it->login.length, 0);
    assert_string_equal(it->mail_from.data, "alice@example.org");
    assert_int_equal(it->recipients, 1);
    assert_string_equal(it->first_recipient.data, "bob@example.net");
    assert_int_equal(it->body_octets, 8);
    assert_int_equal(it->author, POLICY_AUTHOR_ONE);
    assert_string_equal(it->author_domain.data, "example.org");
    assert_string_equal(it->message_id.data, "<1@example.org>");
    assert_int_equal(it->verdict.stage, POLICY_STAGE_EOM);
    assert_null(it->would);
    assert_null(it->left_out);
    assert_false(it->is_aborted);
    assert_int_equal(it->elapsed_ns, 25 * BASE_NS_PER_MS);
}

static void test_unsigned_reasons(void **state)
{
    static const struct {
        const char *from;
        const char *second;
        const char *want;
    } cases[] = {
        {" alice@example.org", NULL, NULL},
        {" alice@sub.example.org", NULL, NULL},
        {" alice@EXAMPLE.org.", NULL, NULL},
        {" alice@example.com", NULL, "no sign block for example.com"},
        {" eve@notexample.org", NULL, "no sign block for notexample.org"},
        {" \"a@example.org\" <e@b.example>", NULL, "no sign block for b.example"},
        {" a@example.org", " a@example.org", "two From fields"},
        {" a@example.org, b@example.com", NULL, "several author domains"},
        {" <>", NULL, "no author domain"},
        {" a@[192.0.2.1]", NULL, "no author domain"},
        {" a@example.org b@example.com", NULL, "text that is no address"},
        {" a@example.org (x) @b.example", NULL, "text that is no address"},
    };
    struct world *world = *state;

    world_configure(world, WORLD_SIGN);
    world_connect(world, "192.0.2.1", "ORIGINATING");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        message(world, cases[i].from);
        if (cases[i].second != NULL)
            world_field(world, "from", cases[i].second);
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        if (cases[i].want == NULL) {
            assert_signed(world);
        } else {
            assert_non_null(decision(world)->unsigned_reason);
            assert_string_equal(decision(world)->unsigned_reason, cases[i].want);
            assert_edits(world, "");
        }
    }
    world_mail(world, "<>", "");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->unsigned_reason, "no From field");
    assert_string_equal(decision(world)->mail_from.data, "");
    assert_non_null(decision(world)->mail_from.data);
}

static void test_directions(void **state)
{
    static const struct {
        const char *address;
        const char *daemon;
        const char *login;
        enum policy_direction want;
        const char *by;
    } cases[] = {
        {"198.51.100.1", "smtpd", "", POLICY_DIRECTION_INBOUND, "default"},
        {"198.51.100.1", "", "", POLICY_DIRECTION_INBOUND, "default"},
        {"198.51.100.1", "originating", "", POLICY_DIRECTION_INBOUND, "default"},
        {"198.51.100.1", "ORIGINATING", "", POLICY_DIRECTION_OUTBOUND, "daemon"},
        {"198.51.100.1", "smtpd", "alice", POLICY_DIRECTION_OUTBOUND, "authenticated"},
        {"198.51.100.1", "REINJECT", "alice", POLICY_DIRECTION_OUTBOUND, "authenticated"},
        {"192.0.2.1", "smtpd", "", POLICY_DIRECTION_OUTBOUND, "network"},
        {"192.0.2.1", "REINJECT", "", POLICY_DIRECTION_INBOUND, "daemon"},
        {"203.0.113.1", "smtpd", "", POLICY_DIRECTION_TRUSTED, "network"},
        {"203.0.113.1", "REINJECT", "", POLICY_DIRECTION_INBOUND, "daemon"},
        {"203.0.113.1", "ORIGINATING", "", POLICY_DIRECTION_OUTBOUND, "daemon"},
    };
    struct world *world = *state;

    world_configure(world, WORLD_SIGN "inbound-daemons = { \"REINJECT\" }\n"
                                      "signing-networks = { \"192.0.2.0/24\" }\n"
                                      "trusted-networks = { \"203.0.113.0/24\" }\n");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        world_connect(world, cases[i].address, cases[i].daemon);
        world_mail(world, "<a@example.org>", cases[i].login);
        world_field(world, "From", " a@example.org");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        if (decision(world)->direction != cases[i].want)
            fail_msg("case %zu: %s", i, policy_direction_text(decision(world)->direction));
        assert_string_equal(decision(world)->direction_by, cases[i].by);
        if (cases[i].want == POLICY_DIRECTION_OUTBOUND) {
            assert_signed(world);
        } else {
            assert_null(decision(world)->signatures);
            assert_null(decision(world)->unsigned_reason);
            assert_edits(world, "");
        }
    }
}

/* Postfix's picture of mail that came through sendmail(1): 127.0.0.1, "localhost", port 0. */
static void test_local_pickup(void **state)
{
    static const struct {
        const char *signing;
        const char *inbound;
        uint16_t port;
        enum policy_direction want;
    } cases[] = {
        {"\"local\"", "\"X\"", 0, POLICY_DIRECTION_OUTBOUND},
        {"\"local\"", "\"X\"", 40000, POLICY_DIRECTION_INBOUND},
        {"\"local\"", "\"mx\"", 0, POLICY_DIRECTION_INBOUND},
        {"", "\"X\"", 0, POLICY_DIRECTION_INBOUND},
    };
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct policy_connect_facts facts = {
        .address = (const struct sockaddr *)&in,
        .client_name = BASE_TEXT("localhost"),
        .daemon_name = BASE_TEXT("mx"),
    };
    struct world *world = *state;
    char text[256];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        snprintf(text, sizeof(text),
                 WORLD_SIGN "signing-networks = { %s }\ninbound-daemons = { %s }\n",
                 cases[i].signing, cases[i].inbound);
        world_configure(world, text);
        in.sin_port = htons(cases[i].port);
        policy_session_connect(world->session, &facts);
        message(world, " alice@example.org");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        if (decision(world)->direction != cases[i].want)
            fail_msg("case %zu", i);
    }
}

static void test_authres(void **state)
{
    static const char *const clients[] = {"198.51.100.1", "192.0.2.1", "203.0.113.1"};
    struct world *world = *state;

    world_configure(world, "signing-networks = { \"192.0.2.0/24\" }\n"
                           "trusted-networks = { \"203.0.113.0/24\" }\n"
                           "authserv-ids = { \"old.example.org\" }\n"
                           "keep-authres-from = { \"203.0.113.9\" }\n");
    for (size_t i = 0; i < 3; i++) {
        world_connect(world, clients[i], "");
        message(world, " alice@example.com");
        for (unsigned k = 0; k < 4; k++) {
            world_field(world, "Authentication-Results", " mx.example.org; none");
            world_field(world, "Authentication-Results", " mx.example.com; none");
        }
        world_field(world, "authentication-results", " (x) old.example.org 1; none");
        /* The MTA's name is not ours where authserv-id is set. */
        world_field(world, "Authentication-Results", " j.example.org; none");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(decision(world)->authres_removed, 5);
        assert_edits(world, "del authentication-results 9;del Authentication-Results 7;"
                            "del Authentication-Results 5;del Authentication-Results 3;"
                            "del Authentication-Results 1;");
    }
    world_connect(world, "203.0.113.9", "");
    message(world, " alice@example.com");
    world_field(world, "Authentication-Results", " mx.example.org; none");
    world_finish(world);
    assert_int_equal(decision(world)->authres_removed, 0);
    assert_edits(world, "");
}

static void test_signed_after_edits(void **state)
{
    struct world *world = *state;

    world_configure(world, WORLD_SIGN);
    world_connect(world, "198.51.100.1", "");
    world_mail(world, "<alice@example.org>", "alice");
    world_field(world, "Authentication-Results", " mx.example.org; dkim=pass");
    world_field(world, "From", " alice@example.org");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->login.data, "alice");
    assert_edits(world, "del Authentication-Results 1;ins DKIM-Signature;ins DKIM-Signature;");
}

static void fields(struct world *world, unsigned count)
{
    char value[32];

    for (unsigned i = 0; i < count; i++) {
        snprintf(value, sizeof(value), " %u", i);
        world_field(world, "X-Filler", value);
    }
}

static void test_field_cap(void **state)
{
    struct world *world = *state;

    world_configure(world, WORLD_SIGN "header-fields = 20\n");
    world_connect(world, "192.0.2.1", "ORIGINATING");
    message(world, " alice@example.org");
    fields(world, 17);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_signed(world);
    assert_null(decision(world)->left_out);

    message(world, " alice@example.org");
    fields(world, 18);
    assert_tempfail(world_finish(world));
    assert_edits(world, "");
    assert_null(decision(world)->signatures);
    assert_string_equal(decision(world)->left_out, "header past header-fields or header-octets");
    assert_string_equal(decision(world)->unsigned_reason, decision(world)->left_out);

    /* A stranger's domain would not have been signed anyhow. */
    message(world, " alice@example.com");
    fields(world, 18);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->unsigned_reason, "no sign block for example.com");

    /* From past the cap: it may be ours. */
    world_mail(world, "<>", "");
    fields(world, 20);
    world_field(world, "From", " alice@example.org");
    assert_tempfail(world_finish(world));

    /* The twins: inbound it is recorded, and nothing past the cap is taken for not there. */
    world_connect(world, "198.51.100.1", "");
    message(world, " alice@example.org");
    fields(world, 17);
    world_field(world, "From", " eve@example.com");
    world_field(world, "Authentication-Results", " mx.example.com; none");
    world_field(world, "Authentication-Results", " mx.example.org; none");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(decision(world)->author, POLICY_AUTHOR_MULTIPLE);
    assert_string_equal(decision(world)->left_out, "header past header-fields or header-octets");
    assert_edits(world, "del Authentication-Results 2;del Authentication-Results 1;");
}

static void test_octets_cap(void **state)
{
    static char value[4097];
    struct world *world = *state;
    /* What message() sends, names and values. */
    const size_t begun = strlen("From alice@example.orgSubject HelloMessage-ID <1@example.org>");

    world_configure(world, WORLD_SIGN "header-octets = 4KiB\n");
    world_connect(world, "192.0.2.1", "ORIGINATING");
    memset(value, 'x', sizeof(value) - 1);
    message(world, " alice@example.org");
    policy_session_field(world->session, BASE_TEXT("X"),
                         (struct base_text){value, 4096 - begun - 1});
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_signed(world);
    message(world, " alice@example.org");
    policy_session_field(world->session, BASE_TEXT("X"), (struct base_text){value, 4096 - begun});
    assert_tempfail(world_finish(world));
}

static void test_authres_cap(void **state)
{
    struct world *world = *state;

    world_configure(world, "authres-fields = 3\n");
    for (unsigned count = 3; count <= 5; count++) {
        message(world, " alice@example.org");
        for (unsigned i = 0; i < count; i++)
            world_field(world, "Authentication-Results", " mx.example.com; none");
        world_finish(world);
        assert_int_equal(decision(world)->authres_removed, count - 3);
    }
}

static void test_memory_cap(void **state)
{
    static const char *const daemons[] = {"", "ORIGINATING", "TRUSTED"};
    struct world *world = *state;

    world_configure(world, WORLD_SIGN "message-memory = 64KiB\nheader-octets = 4KiB\n"
                                      "trusted-networks = { \"203.0.113.1\" }\n");
    for (size_t i = 0; i < 3; i++) {
        world_connect(world, i == 2 ? "203.0.113.1" : "198.51.100.1", daemons[i]);
        /* A flood of fields that must be counted comes to the end of any memory. */
        message(world, " alice@example.org");
        for (unsigned k = 0; k < 5000; k++)
            world_field(world, "Authentication-Results", " mx.example.com; none");
        assert_tempfail(world_finish(world));
        assert_edits(world, "");
        /* The twin, on the same session. */
        message(world, " alice@example.org");
        for (unsigned k = 0; k < 20; k++)
            world_field(world, "Authentication-Results", " mx.example.com; none");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    }
}

static void test_shared_budget(void **state)
{
    struct world *world = *state;
    struct base_budget *budget = base_budget_create(0);

    world->env.budget = budget;
    world_configure(world, WORLD_SIGN);
    world_connect(world, "198.51.100.1", "ORIGINATING");
    message(world, " alice@example.org");
    assert_tempfail(world_finish(world));
    assert_int_equal(strlen(decision(world)->id), 16);
    /* It is free again: the connection's facts are unknown, so its messages still wait. */
    base_budget_set_max(budget, 1 << 20);
    message(world, " alice@example.org");
    assert_tempfail(world_finish(world));
    world_connect(world, "198.51.100.1", "ORIGINATING");
    message(world, " alice@example.org");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_signed(world);
    policy_session_destroy(&world->session);
    assert_int_equal(base_budget_used(budget), 0);
    base_budget_destroy(&budget);
    world->env.budget = NULL;
}

static void test_observe(void **state)
{
    struct world *world = *state;

    world_configure(world, WORLD_SIGN "mode = observe\nheader-fields = 20\n");
    world_connect(world, "198.51.100.1", "ORIGINATING");
    message(world, " alice@example.org");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_null(decision(world)->would);
    assert_signed(world);
    message(world, " alice@example.org");
    world_field(world, "Authentication-Results", " mx.example.org; none");
    fields(world, 17);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_non_null(decision(world)->would);
    assert_tempfail(decision(world)->would);
    assert_int_equal(decision(world)->verdict.action, POLICY_ACTION_CONTINUE);
    assert_edits(world, "del Authentication-Results 1;");
}

static void test_recipients(void **state)
{
    struct world *world = *state;
    static char big[1100];

    world_configure(world, "recipients-kept = 3\nmessage-memory = 64KiB\nheader-octets = 4KiB\n");
    world_mail(world, "<@a.example:alice@example.org>", "");
    assert_string_equal(decision(world)->mail_from.data, "alice@example.org");
    policy_session_rcpt(world->session, BASE_TEXT("b@example.org"));
    policy_session_rcpt(world->session, BASE_TEXT("<not an address>"));
    policy_session_rcpt(world->session, BASE_TEXT("<c@example.org>"));
    assert_null(decision(world)->left_out);
    policy_session_rcpt(world->session, BASE_TEXT("<d@example.org>"));
    policy_session_rcpt(world->session, BASE_TEXT("<e@example.org>"));
    world_finish(world);
    assert_int_equal(decision(world)->recipients, 5);
    assert_string_equal(decision(world)->left_out, "recipients past recipients-kept");
    const struct policy_recipient *it = decision(world)->kept_recipients;
    assert_string_equal(it->address.data, "b@example.org");
    assert_string_equal(it->next->address.data, "\"not an address\"");
    assert_string_equal(it->next->next->address.data, "c@example.org");
    assert_null(it->next->next->next);
    assert_ptr_equal(decision(world)->first_recipient.data, it->address.data);

    /* Never more than a quarter of the memory, however long they are. */
    world_configure(world, "message-memory = 64KiB\nheader-octets = 4KiB\n");
    memset(big, 'x', sizeof(big) - 1);
    world_mail(world, "<>", "");
    for (unsigned i = 0; i < 1000; i++)
        policy_session_rcpt(world->session, base_text_of(big));
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->left_out, "recipients past recipients-kept");
    assert_int_equal(decision(world)->first_recipient.length, 1025);
}

static void test_abort_at_any_stage(void **state)
{
    struct world *world = *state;

    world_configure(world, WORLD_SIGN);
    world_connect(world, "198.51.100.1", "ORIGINATING");
    for (unsigned stage = 0; stage < 7; stage++) {
        policy_session_reset(world->session);
        assert_string_equal(decision(world)->id, "");
        assert_false(decision(world)->is_aborted);
        world_mail(world, "<alice@example.org>", "");
        if (stage > 0)
            policy_session_rcpt(world->session, BASE_TEXT("<bob@example.net>"));
        if (stage > 1)
            policy_session_data(world->session);
        if (stage > 2)
            world_field(world, "From", " alice@example.org");
        if (stage > 3)
            policy_session_eoh(world->session);
        if (stage > 4)
            policy_session_body(world->session, BASE_TEXT("x"));
        assert_true(decision(world)->is_aborted);
        assert_edits(world, "");
        if (stage > 5) {
            policy_session_eom(world->session, NULL, NULL);
            assert_false(decision(world)->is_aborted);
            assert_signed(world);
        }
        /* Every other time the next MAIL comes without a reset. */
        if (stage % 2 == 0)
            policy_session_reset(world->session);
        message(world, " alice@example.org");
        assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
        assert_signed(world);
    }
    /* A session may end at any place. */
    world_mail(world, "<alice@example.org>", "");
    world_field(world, "From", " alice@example.org");
    policy_session_eoh(world->session);
    policy_session_destroy(&world->session);
    assert_null(world->session);
    policy_session_destroy(&world->session);
}

static void test_missing_calls(void **state)
{
    struct world *world = *state;

    world_configure(world, WORLD_SIGN);
    /* Nothing is under way: nothing happens. */
    assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                     POLICY_ACTION_CONTINUE);
    policy_session_body(world->session, BASE_TEXT("x"));
    policy_session_eoh(world->session);
    policy_session_data(world->session);
    policy_session_rcpt(world->session, BASE_TEXT("<a@example.org>"));
    policy_session_queue_id(world->session, BASE_TEXT("x"));
    world_field(world, "From", " a@example.org");
    policy_session_reset(world->session);
    assert_string_equal(decision(world)->id, "");
    assert_edits(world, "");
    assert_ptr_equal(policy_session_snapshot(world->session), world->snapshot);

    /* No connect, no HELO: a client that is unknown is nobody of ours. */
    world_mail(world, "<alice@example.org>", "");
    assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                     POLICY_ACTION_CONTINUE);
    assert_int_equal(decision(world)->direction, POLICY_DIRECTION_INBOUND);
    assert_string_equal(decision(world)->client_address.data, "unknown");
    assert_null(decision(world)->helo.data);

    /* Body and end without end of header; fields behind it are not taken. */
    world_connect(world, "198.51.100.1", "ORIGINATING");
    world_mail(world, "<alice@example.org>", "");
    world_field(world, "From", " alice@example.org");
    policy_session_body(world->session, BASE_TEXT("x"));
    world_field(world, "From", " eve@example.com");
    policy_session_eoh(world->session);
    assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                     POLICY_ACTION_CONTINUE);
    assert_signed(world);
    /* A second end of message changes nothing. */
    assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                     POLICY_ACTION_CONTINUE);
    assert_signed(world);
}

static void test_helo_again(void **state)
{
    struct world *world = *state;
    char text[600];

    world_configure(world, "");
    world_connect(world, "198.51.100.1", "");
    memset(text, 'h', sizeof(text));
    for (size_t i = 0; i < 20000; i++) {
        struct policy_helo_facts facts = {.helo = {text, i % sizeof(text)}};
        policy_session_helo(world->session, &facts);
    }
    struct policy_helo_facts last = {.helo = BASE_TEXT("tls.example")};
    policy_session_helo(world->session, &last);
    message(world, " a@example.org");
    /* Said again in the middle: the message keeps what it began with. */
    struct policy_helo_facts again = {.helo = {text, sizeof(text)}};
    policy_session_helo(world->session, &again);
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_string_equal(decision(world)->helo.data, "tls.example");
    message(world, " a@example.org");
    world_finish(world);
    assert_int_equal(decision(world)->helo.length, 256);
    /* Another client on the same milter connection (XCLIENT): HELO is unknown again. */
    world_connect(world, "198.51.100.2", "");
    message(world, " a@example.org");
    world_finish(world);
    assert_null(decision(world)->helo.data);
    assert_string_equal(decision(world)->client_address.data, "198.51.100.2");
}

static void test_client_names(void **state)
{
    static const struct {
        const char *name;
        const char *want;
    } cases[] = {
        {"mail.example.com", "mail.example.com"},
        {"[192.0.2.1]", NULL},
        {"unknown", NULL},
        {"UNKNOWN", NULL},
        {NULL, NULL},
    };
    struct world *world = *state;

    world_configure(world, "");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_connect_facts facts = {.client_name = base_text_of(cases[i].name)};
        policy_session_connect(world->session, &facts);
        world_mail(world, "<>", "");
        if (cases[i].want != NULL)
            assert_string_equal(decision(world)->client_name.data, cases[i].want);
        else
            assert_null(decision(world)->client_name.data);
    }
}

/* Without authserv-id the MTA's own name is ours, too. */
static void test_default_authserv_id(void **state)
{
    struct world *world = *state;
    struct base_error error;
    struct policy_snapshot_options options = {.want_keys = false};
    size_t count = 0;
    const struct conf_table *const *tables = policy_tables(&count);
    struct conf_snapshot *conf = conf_read_text(NULL, "none", tables, count, &error);

    assert_non_null(conf);
    policy_session_destroy(&world->session);
    policy_snapshot_unref(&world->snapshot);
    world->snapshot = policy_snapshot_create(conf, &options, &error);
    conf_snapshot_unref(&conf);
    assert_non_null(world->snapshot);
    world->session = policy_session_create(&world->env, world->snapshot);
    world_connect(world, "198.51.100.1", "ORIGINATING");
    message(world, " alice@example.org");
    world_field(world, "Authentication-Results", " j.example.org; none");
    world_field(world, "Authentication-Results", " mx.example.org; none");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    assert_edits(world, "del Authentication-Results 1;");
    assert_string_equal(decision(world)->unsigned_reason, "no sign block");
}

static void test_bodies(void **state)
{
    static const char body[] = "a\r\n\r\nb  c\r\n.\r\n\r\n\r\n";
    struct world *world = *state;
    char first[64] = "";

    world_configure(world, WORLD_SIGN);
    world_connect(world, "198.51.100.1", "ORIGINATING");
    for (size_t size = 1; size <= sizeof(body); size++) {
        message(world, " alice@example.org");
        policy_session_eoh(world->session);
        for (size_t at = 0; at < sizeof(body) - 1; at += size) {
            size_t left = sizeof(body) - 1 - at;
            policy_session_body(world->session,
                                (struct base_text){body + at, left < size ? left : size});
            policy_session_body(world->session, (struct base_text){NULL, 0});
        }
        policy_session_eom(world->session, NULL, NULL);
        assert_signed(world);
        assert_int_equal(decision(world)->body_octets, sizeof(body) - 1);
        const char *hash = strstr(policy_session_edits(world->session)->first->value.data, "bh=");
        assert_non_null(hash);
        if (size == 1)
            snprintf(first, sizeof(first), "%.40s", hash);
        assert_memory_equal(hash, first, 40);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_signed),        cmocka_unit_test(test_unsigned_reasons),
        cmocka_unit_test(test_directions),    cmocka_unit_test(test_local_pickup),
        cmocka_unit_test(test_authres),       cmocka_unit_test(test_signed_after_edits),
        cmocka_unit_test(test_field_cap),     cmocka_unit_test(test_octets_cap),
        cmocka_unit_test(test_authres_cap),   cmocka_unit_test(test_memory_cap),
        cmocka_unit_test(test_shared_budget), cmocka_unit_test(test_observe),
        cmocka_unit_test(test_recipients),    cmocka_unit_test(test_abort_at_any_stage),
        cmocka_unit_test(test_missing_calls), cmocka_unit_test(test_helo_again),
        cmocka_unit_test(test_client_names),  cmocka_unit_test(test_default_authserv_id),
        cmocka_unit_test(test_bodies),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
