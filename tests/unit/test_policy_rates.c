/* Rates of sessions: what is charged when, and given back; keys; conditions; replies; the record.
 */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/log.h"
#include "policy/decision_rates.h"
#include "policy/rate/engine.h"
#include "policy/rate/events.h"
#include "policy/rate/sent.h"
#include "tests/unit/policy_rate_world.h"

#define PER_LOGIN(rest) \
    "rate \"r\" { key = { login } count = recipients limit = \"3/1h\" " rest " }\n"

static void test_refused(void **state)
{
    struct world *world = *state;
    const struct policy_verdict *verdict;

    start(world, PER_LOGIN(""));
    world_connect(world, "192.0.2.1", "");
    world_mail(world, "<alice@example.org>", "alice");
    for (int i = 0; i < 3; i++)
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
    verdict = rcpt(world, "<bob@example.net>");
    assert_int_equal(verdict->action, POLICY_ACTION_TEMPFAIL);
    assert_string_equal(verdict->code, "450");
    assert_string_equal(verdict->enhanced, "4.7.1");
    assert_string_equal(verdict->rule, "r");
    assert_int_equal(
        strncmp(verdict->text, "Rate limit \"r\": 3 recipients in 1h, come back in ", 47), 0);
    /* The others go on. */
    assert_int_equal(finish(world)->action, POLICY_ACTION_CONTINUE);
    must_refuse(world, "alice");
    must_refuse(world, "ALICE");
    must_accept(world, "bob", 3);
    base_clock_advance(&world->clock, (3600 + 225) * BASE_NS_PER_S);
    must_accept(world, "alice", 3);
    stop(world);
}

enum how {
    ABORT,
    AGAIN,
    CLOSE,
    DATA,
    HEADER,
    BODY,
    REFUSED_BY_RULE,
    NOT_TOLD
};

/* Whatever ends a message before it is accepted: nothing is counted. */
static void test_given_back(void **state)
{
    static const char conf[] = PER_LOGIN("") "rate \"m\" { key = { client-ip } count = messages "
                                             "limit = \"3/1h\" }\n"
                                             "rule \"no\" { stage = eom author-domain = "
                                             "{ \"refused.example\" } action = reject }\n";
    struct world *world = *state;

    start(world, conf);
    for (int how = ABORT; how <= NOT_TOLD; how++) {
        world_connect(world, "192.0.2.1", "");
        world_mail(world, "<alice@example.org>", "alice");
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(used(world, "alice"), 2);
        assert_int_equal(used(world, "192.0.2.1"), 1);
        if (how >= DATA)
            policy_session_data(world->session);
        if (how >= HEADER)
            world_field(world, "From",
                        how == REFUSED_BY_RULE ? " <a@refused.example>" : " <a@b.example>");
        if (how >= BODY) {
            policy_session_eoh(world->session);
            policy_session_body(world->session, BASE_TEXT("x"));
        }
        if (how == REFUSED_BY_RULE) {
            assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                             POLICY_ACTION_REJECT);
            policy_session_accepted(world->session);
            assert_int_equal(used(world, "alice"), 2);
        }
        /* The header could not be edited: the filter says another thing. */
        if (how == NOT_TOLD)
            assert_int_equal(policy_session_eom(world->session, NULL, NULL)->action,
                             POLICY_ACTION_CONTINUE);
        if (how == AGAIN)
            world_mail(world, "<alice@example.org>", "alice");
        else if (how == CLOSE)
            world_configure(world, conf);
        else
            policy_session_reset(world->session);
        assert_int_equal(used(world, "alice"), 0);
        assert_int_equal(used(world, "192.0.2.1"), 0);
    }
    must_accept(world, "alice", 3);
    stop(world);
}

/* A recipient that one rate refuses is charged by none, in either order. */
static void test_all_judged_first(void **state)
{
    static const char *const confs[] = {
        "rate \"a\" { key = { login } count = recipients limit = \"100/1h\" }\n"
        "rate \"b\" { key = { client-ip } count = recipients limit = \"1/1h\" }\n",
        "rate \"b\" { key = { client-ip } count = recipients limit = \"1/1h\" }\n"
        "rate \"a\" { key = { login } count = recipients limit = \"100/1h\" }\n",
    };
    struct world *world = *state;

    for (size_t i = 0; i < 2; i++) {
        start(world, confs[i]);
        world_connect(world, "192.0.2.1", "");
        world_mail(world, "<alice@example.org>", "alice");
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_TEMPFAIL);
        assert_int_equal(used(world, "alice"), 1);
        assert_int_equal(policy_session_decision(world->session)->recipients_refused, 1);
        stop(world);
    }
}

struct key_row {
    const char *key;
    const char *login;
    const char *from;
    const char *rcpt;
    /* NULL: the rate does not apply. */
    const char *want;
};

static void test_keys(void **state)
{
    static const struct key_row rows[] = {
        {"login", "Alice", "<a@b.example>", "<c@d.example>", "alice"},
        {"login", "Alice+x@EXAMPLE.org", "<a@b.example>", "<c@d.example>", "alice+x@example.org"},
        {"login", "", "<a@b.example>", "<c@d.example>", NULL},
        {"client-ip", "", "<a@b.example>", "<c@d.example>", "192.0.2.77"},
        {"client-net", "", "<a@b.example>", "<c@d.example>", "192.0.2.0/24"},
        {"client-net/20/64", "", "<a@b.example>", "<c@d.example>", "192.0.0.0/20"},
        {"client-net/32/64", "", "<a@b.example>", "<c@d.example>", "192.0.2.77/32"},
        {"sender", "", "<A.B+tag@B.Example>", "<c@d.example>", "a.b@b.example"},
        {"sender", "", "<\"a.b\"@b.example>", "<c@d.example>", "a.b@b.example"},
        {"sender", "", "<+a@b.example>", "<c@d.example>", "+a@b.example"},
        {"sender", "", "<>", "<c@d.example>", "<>"},
        {"sender", "",
         "<a@b\xc3\xbc"
         "cher.example>",
         "<c@d.example>", "a@xn--bcher-kva.example"},
        {"sender-domain", "", "<a@B.example>", "<c@d.example>", "b.example"},
        {"sender-domain", "", "<>", "<c@d.example>", NULL},
        {"recipient", "", "<a@b.example>", "<C+1@D.example>", "c@d.example"},
        {"recipient-domain", "", "<a@b.example>", "<@x.example:c@D.example>", "d.example"},
        {"helo", "", "<a@b.example>", "<c@d.example>", NULL},
        {"certificate", "", "<a@b.example>", "<c@d.example>", NULL},
        {"login\", \"recipient-domain", "bob", "<a@b.example>", "<c@d.example>", "bob|d.example"},
        {"login\", \"recipient-domain", "", "<a@b.example>", "<c@d.example>", NULL},
        {"client-ip\", \"login", "", "<a@b.example>", "<c@d.example>", NULL},
        {"sender-domain\", \"client-net/8/32", "", "<>", "<c@d.example>", NULL},
        {"client-net/8/32\", \"sender", "", "<>", "<c@d.example>", "192.0.0.0/8|<>"},
        {"author-domain", "", "<a@b.example>", "<c@d.example>", "example.org"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct policy_rate_hit *hit;
        char conf[300];

        snprintf(conf, sizeof(conf),
                 "rate \"r\" { key = { \"%s\" } count = messages limit = \"3/1h\" }\n",
                 rows[i].key);
        start(world, conf);
        world_connect(world, "192.0.2.77", "");
        world_mail(world, rows[i].from, rows[i].login);
        assert_int_equal(rcpt(world, rows[i].rcpt)->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(finish(world)->action, POLICY_ACTION_CONTINUE);
        hit = policy_session_decision(world->session)->rates;
        if (rows[i].want == NULL ? hit != NULL
                                 : hit == NULL || strcmp(hit->key.data, rows[i].want) != 0)
            fail_msg("row %zu: %s", i, hit == NULL ? "no key" : hit->key.data);
        stop(world);
    }
}

/* What is counted of one message with two recipients, one of them twice. */
static void test_counts(void **state)
{
    static const struct {
        const char *count;
        int64_t want;
    } rows[] = {
        {"messages", 1},
        {"recipients", 3},
        {"distinct-recipients", 2},
        {"distinct-clients", 1},
        {"distinct-recipient-domains", 2},
        {"distinct-client-nets", 1},
        {"rejected", 0},
        {"bytes", 8 + 7 + 18},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char conf[300];

        snprintf(conf, sizeof(conf),
                 "rate \"r\" { key = { login } count = %s limit = \"1000/1h\" }\n", rows[i].count);
        start(world, conf);
        world_connect(world, "192.0.2.1", "");
        world_mail(world, "<alice@example.org>", "alice");
        rcpt(world, "<bob@example.net>");
        rcpt(world, "<Bob+x@Example.net>");
        rcpt(world, "<carol@example.com>");
        finish(world);
        if (i + 1 < sizeof(rows) / sizeof(rows[0]) ? used(world, "alice") != rows[i].want
                                                   : used(world, "alice") < 20)
            fail_msg("%s: %lld", rows[i].count, (long long)used(world, "alice"));
        stop(world);
    }
}

/* Rejected by rules, at RCPT and at the end; what rates refuse is not counted. */
static void test_rejected(void **state)
{
    static const char conf[] =
        "rate \"r\" { key = { client-ip } count = rejected limit = \"2/1h\" }\n"
        "rule \"a\" { stage = rcpt recipient = { \"no@example.org\" } action = reject }\n"
        "rule \"b\" { stage = eom author-domain = { \"example.org\" } action = reject }\n";
    struct world *world = *state;

    start(world, conf);
    world_connect(world, "192.0.2.1", "");
    world_mail(world, "<x@b.example>", "");
    assert_int_equal(rcpt(world, "<no@example.org>")->action, POLICY_ACTION_REJECT);
    assert_int_equal(rcpt(world, "<yes@example.org>")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(finish(world)->action, POLICY_ACTION_REJECT);
    assert_int_equal(used(world, "192.0.2.1"), 2);
    world_mail(world, "<x@b.example>", "");
    assert_int_equal(rcpt(world, "<yes@example.org>")->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(rcpt(world, "<yes@example.org>")->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(used(world, "192.0.2.1"), 2);
    stop(world);
}

static void test_conditions(void **state)
{
    static const char conf[] =
        "rate \"in\" { direction = inbound key = { client-ip } count = messages limit = \"1/1h\" "
        "}\n"
        "rate \"to\" { recipient = { \"list@example.net\" } key = { login } count = recipients "
        "limit = \"1/1h\" }\n"
        "rate \"late\" { author-domain = { \"example.org\" } key = { sender } count = recipients "
        "limit = \"5/1h\" }\n";
    struct world *world = *state;

    start(world, conf);
    world_connect(world, "192.0.2.1", "");
    for (int i = 0; i < 2; i++) {
        world_mail(world, "<alice@example.org>", "alice");
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(rcpt(world, "<list@example.net>")->action,
                         i == 0 ? POLICY_ACTION_CONTINUE : POLICY_ACTION_TEMPFAIL);
        assert_int_equal(finish(world)->action, POLICY_ACTION_CONTINUE);
    }
    assert_int_equal(used(world, "192.0.2.1"), 0);
    assert_int_equal(used(world, "alice@example.org"), 3);
    world_mail(world, "<alice@example.org>", "alice");
    for (int i = 0; i < 3; i++)
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(finish(world)->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(used(world, "alice@example.org"), 3);
    world_mail(world, "<alice@example.org>", "");
    assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
    assert_int_equal(used(world, "192.0.2.1"), 1);
    stop(world);
}

static void test_actions(void **state)
{
    static const struct {
        const char *options;
        enum policy_action at_rcpt;
        enum policy_action at_end;
        const char *code;
    } rows[] = {
        {"", POLICY_ACTION_TEMPFAIL, POLICY_ACTION_CONTINUE, "450"},
        {"action = reject", POLICY_ACTION_REJECT, POLICY_ACTION_CONTINUE, "550"},
        {"action = hold", POLICY_ACTION_TEMPFAIL, POLICY_ACTION_CONTINUE, "450"},
        {"action = mark", POLICY_ACTION_CONTINUE, POLICY_ACTION_MARK, ""},
        {"action = discard", POLICY_ACTION_CONTINUE, POLICY_ACTION_DISCARD, ""},
        {"mode = observe", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"mode = observe action = hold", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"mode = observe action = mark", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"mode = off", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"exempt = { \"alice\" }", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"exempt = { \"192.0.2.0/24\" }", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"exempt = { \"bob\" }", POLICY_ACTION_TEMPFAIL, POLICY_ACTION_CONTINUE, "450"},
        {"limits = { \"Alice 4/1h\" }", POLICY_ACTION_CONTINUE, POLICY_ACTION_CONTINUE, ""},
        {"limits = { \"bob 4/1h\" }", POLICY_ACTION_TEMPFAIL, POLICY_ACTION_CONTINUE, "450"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct policy_verdict *verdict;
        enum policy_action action;
        char conf[300];

        snprintf(conf, sizeof(conf),
                 "rate \"r\" { key = { login } count = recipients limit = \"3/1h\" %s }\n",
                 rows[i].options);
        start(world, conf);
        world_connect(world, "192.0.2.1", "");
        must_accept(world, "alice", 3);
        world_mail(world, "<alice@example.org>", "alice");
        verdict = rcpt(world, "<bob@example.net>");
        action = verdict->action;
        if (action != rows[i].at_rcpt || strcmp(verdict->code, rows[i].code) != 0)
            fail_msg("%s: %s %s at RCPT", rows[i].options, policy_action_text(action),
                     verdict->code);
        assert_int_equal(finish(world)->action, rows[i].at_end);
        /* What is over and passes all the same is not counted: never more than N. */
        assert_true(used(world, "alice") <= (i == 12 ? 4 : 3));
        stop(world);
    }
}

/* What is more than the whole limit is refused for good: it would come back for nothing. */
static void test_never(void **state)
{
    static const struct {
        const char *options;
        const char *code;
        const char *enhanced;
        const char *text;
    } rows[] = {
        {"count = bytes limit = \"10/1h\"", "552", "5.3.4",
         "Rate limit \"r\": 10 octets in 1h, this is more than that at once"},
        {"count = bytes limit = { \"1MiB/1h\", \"10/1m\" }", "552", "5.3.4", "10 octets in 1m"},
        {"count = bytes limit = \"1MiB/1h\" limits = { \"alice 10/1h\" }", "552", "5.3.4",
         "10 octets"},
        {"count = bytes limit = \"10/1h\" limits = { \"alice 1MiB/1h\" }", "", "", ""},
        {"count = bytes limit = \"10/1h\" action = reject", "550", "5.7.1", "10 octets"},
        {"count = bytes limit = \"10/1h\" action = hold", "450", "4.7.1", "on hold"},
        {"count = recipients author-domain = { \"example.org\" } limit = \"1/1h\"", "550", "5.7.1",
         "1 recipients in 1h, this is more than that at once"},
        {"count = recipients author-domain = { \"example.org\" } limit = \"2/1h\"", "", "", ""},
        {"count = recipients author-domain = { \"example.org\" } limit = \"1/1d\" grow = "
         "\"2/1d\" until = \"2/1d\" since = \"2027-12-01\"",
         "450", "4.7.1", "1 recipients in 1d"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct policy_verdict *verdict;
        char conf[300];

        snprintf(conf, sizeof(conf), "rate \"r\" { key = { login } %s }\n", rows[i].options);
        start(world, conf);
        world_connect(world, "192.0.2.1", "");
        world_mail(world, "<alice@example.org>", "alice");
        rcpt(world, "<bob@example.net>");
        rcpt(world, "<carol@example.net>");
        verdict = finish(world);
        if (strcmp(verdict->code, rows[i].code) != 0 ||
            strcmp(verdict->enhanced, rows[i].enhanced) != 0 ||
            strstr(verdict->text, rows[i].text) == NULL)
            fail_msg("%s: %s %s %s", rows[i].options, verdict->code, verdict->enhanced,
                     verdict->text);
        stop(world);
    }
}

/* Limits and exemptions in maps; what is no limit there is none of the key's own. */
static void test_maps(void **state)
{
    struct world *world = *state;
    char path[128];
    char conf[600];
    FILE *file;

    snprintf(path, sizeof(path), "%s/map", world->key_dir);
    file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fchmod(fileno(file), 0600), 0);
    fputs("alice 5/1h, x\nbob 5/1h 9/1d\ncarol 0/1h\n", file);
    fclose(file);
    snprintf(conf, sizeof(conf), PER_LOGIN("limits = { \"dave 4/1h\", \"texthash:%s\" }"), path);
    start(world, conf);
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 3);
    must_refuse(world, "alice");
    must_accept(world, "Bob", 5);
    must_refuse(world, "bob");
    world_mail(world, "<alice@example.org>", "carol");
    assert_string_equal(rcpt(world, "<bob@example.net>")->code, "550");
    must_accept(world, "dave", 4);
    must_refuse(world, "dave");
    snprintf(conf, sizeof(conf), PER_LOGIN("exempt = { \"texthash:%s\" }"), path);
    start(world, conf);
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "carol", 9);
    must_refuse(world, "dave");
    stop(world);
}

struct told {
    unsigned count[3];
    char last[100];
};

static void note_told(void *context, const struct rate_event *event)
{
    struct told *told = context;

    told->count[event->kind]++;
    assert_int_equal(event->targets->count, 1);
    assert_int_equal(event->period_s, 3600);
    snprintf(told->last, sizeof(told->last), "%s %s %.*s %s %s %lld/%lld",
             rate_event_text(event->kind), event->rate, (int)event->key.length, event->key.data,
             event->count, event->action, (long long)event->used, (long long)event->limit.limit);
}

/* People are told of a warning and of a block, once; not of what is only observed. What tells them
 * is not counted. */
static void test_told(void **state)
{
    struct world *world = *state;
    struct told told = {{0}, ""};
    struct rate_watch watch = {
        .tell = note_told, .context = &told, .helo = BASE_TEXT("secret.invalid")};
    struct policy_helo_facts helo = {.helo = watch.helo};

    world->env.watch = &watch;
    start(world,
          PER_LOGIN("warn-at = \"50%\" notify = { \"exec:/bin/sh\" }") "rate \"o\" { key = { login "
                                                                       "} count = messages limit = "
                                                                       "\"1/1h\" warn-at = "
                                                                       "\"50%\" notify = { "
                                                                       "\"exec:/bin/sh\" } mode = "
                                                                       "observe }\n");
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 2);
    assert_string_equal(told.last, "warning r alice recipients tempfail 2/3");
    must_accept(world, "alice", 1);
    must_refuse(world, "alice");
    must_refuse(world, "alice");
    assert_string_equal(told.last, "block r alice recipients tempfail 3/3");
    assert_int_equal(told.count[RATE_EVENT_WARNING], 1);
    assert_int_equal(told.count[RATE_EVENT_BLOCK], 1);
    policy_session_helo(world->session, &helo);
    must_refuse(world, "alice");
    for (unsigned i = 0; i < 5; i++) {
        world_mail(world, "<>", "");
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        finish(world);
    }
    assert_int_equal(used(world, "192.0.2.1"), 0);
    stop(world);
    world->env.watch = NULL;
}

/* And when a hold is over: the message that finds it so tells. */
static void test_told_release(void **state)
{
    struct world *world = *state;
    struct told told = {{0}, ""};
    struct rate_watch watch = {.tell = note_told, .context = &told};

    world->env.watch = &watch;
    start(world,
          "rate \"r\" { key = { login } count = recipients limit = { \"3/1m\", \"9/1h\" } action "
          "= hold hold-for = \"30m\" notify = { \"exec:/bin/sh\" } }\n");
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 3);
    must_refuse(world, "alice");
    assert_string_equal(told.last, "block r alice recipients hold 3/3");
    base_clock_advance(&world->clock, 1800 * BASE_NS_PER_S - 1);
    must_refuse(world, "alice");
    assert_int_equal(told.count[RATE_EVENT_RELEASE], 0);
    base_clock_advance(&world->clock, 1);
    must_accept(world, "alice", 2);
    assert_int_equal(told.count[RATE_EVENT_RELEASE], 1);
    assert_int_equal(told.count[RATE_EVENT_BLOCK], 1);
    assert_string_equal(told.last, "release r alice recipients hold 4/9");
    stop(world);
    world->env.watch = NULL;
}

/* A limit that grows by the day; what was counted counts on. */
static void test_growth(void **state)
{
    struct world *world = *state;

    world->clock = base_clock_manual(WORLD_TIME / 86400 * 86400);
    start(world, "rate \"r\" { key = { login } count = recipients limit = \"2/1d\" grow = "
                 "\"2/1d\" until = \"5/1d\" since = \"2026-11-22\" burst = \"5/1h\" }\n");
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 2);
    must_refuse(world, "alice");
    base_clock_advance(&world->clock, 86400 * BASE_NS_PER_S);
    must_accept(world, "alice", 2);
    must_refuse(world, "alice");
    base_clock_advance(&world->clock, 86400 * BASE_NS_PER_S * 2);
    must_accept(world, "alice", 5);
    must_refuse(world, "alice");
    stop(world);
    world->clock = base_clock_manual(WORLD_TIME);
}

/* mode = observe at the top: what would have been, and nothing is refused. */
static void test_observe(void **state)
{
    struct world *world = *state;
    const struct policy_decision *decision;

    start(world, "mode = observe\n" PER_LOGIN(""));
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 4);
    decision = policy_session_decision(world->session);
    assert_non_null(decision->would);
    assert_string_equal(decision->would->rule, "r");
    assert_int_equal(decision->would->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(used(world, "alice"), 3);
    stop(world);
}

static void test_reserved(void **state)
{
    struct world *world = *state;

    start(world, "local-domains = { \"example.net\" }\n" PER_LOGIN(""));
    world_connect(world, "192.0.2.1", "");
    must_accept(world, "alice", 3);
    world_mail(world, "<alice@example.org>", "alice");
    assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_TEMPFAIL);
    assert_int_equal(rcpt(world, "<postmaster@example.net>")->action, POLICY_ACTION_CONTINUE);
    stop(world);
}

/* Mail of sendmail(1): a refusal at RCPT would stay in the queue. */
static void test_local_pickup(void **state)
{
    struct world *world = *state;
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct policy_connect_facts facts = {.address = (const struct sockaddr *)&in,
                                         .client_name = BASE_TEXT("localhost")};

    start(world, "rate \"r\" { key = { sender } count = recipients limit = \"3/1h\" }\n");
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    policy_session_connect(world->session, &facts);
    for (int i = 0; i < 2; i++) {
        world_mail(world, "<alice@example.org>", "");
        for (int j = 0; j < 2; j++)
            assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(used(world, "alice@example.org"), 2 * i);
        assert_int_equal(finish(world)->action,
                         i == 0 ? POLICY_ACTION_CONTINUE : POLICY_ACTION_TEMPFAIL);
    }
    assert_int_equal(used(world, "alice@example.org"), 2);
    stop(world);
}

static void test_record(void **state)
{
    struct world *world = *state;
    const struct policy_decision *decision;
    struct base_json *json;
    const struct base_json *rate;
    struct base_buf text;
    int64_t value;

    start(world, PER_LOGIN("burst = \"2/1m\""));
    world_connect(world, "192.0.2.1", "");
    world_mail(world, "<alice@example.org>", "alice");
    for (int i = 0; i < 3; i++)
        rcpt(world, "<bob@example.net>");
    decision = policy_session_decision(world->session);
    json = policy_decision_json(decision, NULL, NULL);
    rate = base_json_at(base_json_get(json, "rates"), 0);
    base_buf_init(&text, NULL, 4096);
    base_json_append_to(rate, &text);
    assert_true(base_json_int(base_json_get(rate, "wait"), &value));
    assert_true(value > 0 && value <= 64);
    char want[300];

    snprintf(want, sizeof(want),
             "{\"name\":\"r\",\"key\":\"alice\",\"count\":\"recipients\",\"limit\":"
             "\"2/1m\",\"used\":2,\"result\":\"over\",\"action\":\"tempfail\",\"mode\":"
             "\"enforce\",\"wait\":%lld}",
             (long long)value);
    assert_string_equal(base_buf_cstr(&text), want);
    base_buf_deinit(&text);
    base_json_destroy(&json);
    stop(world);
}

/* Faults of the configuration name file, line, option, value and the mend. */
static void test_faults(void **state)
{
    static const struct {
        const char *options;
        const char *want;
    } rows[] = {
        {"count = messages limit = \"1/1h\"", "test.conf:3: rate \"r\" has no `key`"},
        {"key = { login } limit = \"1/1h\"", "has no `count`"},
        {"key = { login } count = messages", "has no `limit`"},
        {"key = { } count = messages limit = \"1/1h\"", "`key` is empty"},
        {"key = { client-ip } count = messages limit = \"1/1h\" direction = inbound "
         "authenticated = yes",
         "can never count anything: what it asks of `direction`"},
        {"key = { login } count = messages limit = { }", "`limit` is empty"},
        {"key = { logon } count = messages limit = \"1/1h\"", "did you mean \"login\"?"},
        {"key = { login, login } count = messages limit = \"1/1h\"", "is there twice"},
        {"key = { \"client-net/24\" } count = messages limit = \"1/1h\"", "client-net/24/64"},
        {"key = { \"client-net/24/129\" } count = messages limit = \"1/1h\"", "up to 128"},
        {"key = { \"client-net/0/64\" } count = messages limit = \"1/1h\"", "two prefixes"},
        {"key = { \"login/24\" } count = messages limit = \"1/1h\"", "nothing is known"},
        {"key = { login } count = messages limit = \"1\"", "write a number, a slash and a time"},
        {"key = { login } count = messages limit = \"x/1h\"", "no number before the slash"},
        {"key = { login } count = messages limit = \"-1/1h\"", "no number before the slash"},
        {"key = { login } count = messages limit = \"1MiB/1h\"", "no number before the slash"},
        {"key = { login } count = bytes limit = \"1MB/1h\"", "100MiB/1h"},
        {"key = { login } count = messages limit = \"1/h\"", "no time behind the slash"},
        {"key = { login } count = messages limit = \"1/0s\"", "no time behind the slash"},
        {"key = { login } count = messages limit = \"1/367d\"", "at most \"366d\""},
        {"key = { login } count = messages limit = \"1/99999999999999999999d\"", "no time"},
        {"key = { login } count = messages limit = \"99999999999999999999/1d\"", "no number"},
        {"key = { login } count = messages limit = { \"1/1h\", \"2/60m\" }", "same time"},
        {"key = { login } count = messages limit = \"1/1h\" burst = \"2/60m\"", "same time"},
        {"key = { login } count = messages limit = { \"1/1h\", \"2/2h\", \"3/3h\", \"4/4h\", "
         "\"5/5h\" }",
         "one window too many"},
        {"key = { login } count = messages limit = \"1/1h\" warn-at = \"80\"", "no share"},
        {"key = { login } count = messages limit = \"1/1h\" warn-at = \"101%\"", "no share"},
        {"key = { login } count = messages limit = \"1/1h\" hold-for = \"1h\"", "action = hold"},
        {"key = { login } count = messages limit = \"1/1h\" limits = { \"alice\" }",
         "names no limit"},
        {"key = { login } count = messages limit = \"1/1h\" limits = { \"a 1/1h\", \"A 2/1h\" }",
         "is there twice"},
        {"key = { login } count = messages limit = \"1/1h\" exempt = { \"192.0.2.1/24\" }",
         "exempt"},
        {"key = { login } count = messages limit = \"1/1h\" exempt = { \"lmdb:/none\" }", "exempt"},
        {"key = { login } count = messages limit = \"1/1h\" limits = { \"lmdb:/none\" }", "limits"},
        {"key = { login } count = messages limit = \"1/1d\" grow = \"2/1d\"", "and `since`"},
        {"key = { login } count = messages limit = { \"1/1d\", \"1/1h\" } grow = \"2/1d\" "
         "until = \"9/1d\" since = \"2026-12-01\"",
         "one window"},
        {"key = { login } count = messages limit = \"1/1d\" grow = \"1/1d\" until = \"9/1d\" "
         "since = \"2026-12-01\"",
         "is no growth"},
        {"key = { login } count = messages limit = \"1/1d\" grow = \"2/1d\" until = \"9/1h\" "
         "since = \"2026-12-01\"",
         "not above `limit`"},
        {"key = { login } count = messages limit = \"9/1d\" grow = \"2/1d\" until = \"9/1d\" "
         "since = \"2026-12-01\"",
         "not above `limit`"},
        {"key = { login } count = messages limit = \"1/1d\" grow = \"2/1d\" until = \"9/1d\" "
         "since = \"tomorrow\"",
         "is no day"},
        {"key = { login } count = messages limit = \"1/1h\" notify = { \"exec:x\" }",
         "no absolute path"},
        {"key = { login } count = messages limit = \"1/1h\" notify = { \"a@example.org\" }",
         "tells nobody"},
        {"key = { login } count = messages limit = \"20%/1h\"", "goes only with `count = bounces`"},
        {"key = { login } count = bounces limit = { \"20%/1h\", \"20/1d\" }", "has no share"},
        {"key = { login } count = bounces limit = { \"20/1h\", \"20%/1d\" }", "no number before"},
        {"key = { login } count = bounces limit = \"20%/1h\" burst = \"20/1m\"", "has no share"},
        {"key = { login } count = bounces limit = \"20%/1h\" limits = { \"a 20/1m\" }",
         "has no share"},
        {"key = { login } count = bounces limit = \"20/1h\" limits = { \"a 20%/1m\" }",
         "no number before"},
        {"key = { login } count = bounces limit = \"0%/1h\"", "from 1% to 100%"},
        {"key = { login } count = bounces limit = \"20/1h\" at-least = 3", "`at-least` goes only"},
        {"key = { login } count = bounces limit = \"20%/1h\" at-least = 0", "at-least"},
        {"key = { login } count = bounces limit = \"20%/1d\" grow = \"2/1d\" until = \"9%/1d\" "
         "since = \"2026-12-01\"",
         "a share does not grow"},
        {"key = { sender } count = bounces limit = \"1/1h\"", "write `key = { login }`"},
        {"key = { login } count = messages limit = \"1/1h\" bounces-by = sender",
         "goes only with `count = bounces`"},
        {"key = { login } count = messages limit = \"1/1h\" sender-domain = { \"a..b\" }",
         "sender-domain"},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};
        struct policy_snapshot *snapshot;
        char conf[400];

        snprintf(conf, sizeof(conf), "rate \"r\" { %s }\n", rows[i].options);
        snapshot = world_snapshot(world, conf, &error);
        if (snapshot != NULL || strstr(error.text, "test.conf:3: ") == NULL ||
            strstr(error.text, rows[i].want) == NULL)
            fail_msg("%s: %s", rows[i].options, snapshot == NULL ? error.text : "accepted");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_given_back),
        cmocka_unit_test(test_all_judged_first),
        cmocka_unit_test(test_keys),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_rejected),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test(test_actions),
        cmocka_unit_test(test_observe),
        cmocka_unit_test(test_reserved),
        cmocka_unit_test(test_local_pickup),
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_never),
        cmocka_unit_test(test_maps),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_told_release),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
