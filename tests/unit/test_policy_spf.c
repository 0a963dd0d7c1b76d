/* SPF as a session sees it: whose identity, which client, which rule, and what is asked when. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "dns/lookups.h"
#include "policy/decision.h"
#include "policy/spf/spf.h"
#include "tests/unit/policy_world.h"

static const char zone[] =
    "$ORIGIN example.\n"
    "$TTL 300\n"
    "good TXT \"v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 -all\"\n"
    "fail TXT \"v=spf1 exp=why.fail.example -all\"\n"
    "why.fail TXT \"%{i} is not %{h}; 100%% sure\"\n"
    "long TXT \"v=spf1 ip4:203.0.113.1 -all exp=why.long.example\"\n"
    "why.long TXT \"0123456789012345678901234567890123456789012345678901234567890123456789012345678"
    "90123456789012345678901234567890123456789\" "
    "\"01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901"
    "2"
    "34567890123456789012345678901234567890123456789\"\n"
    "none A 192.0.2.9\n"
    "never TXT \"v=spf1 -all\"\n"
    "soft TXT \"v=spf1 ~all\"\n"
    "broken TXT \"v=spf1 nonsense\"\n"
    "$FAULT down TXT SERVFAIL\n"
    "$FAULT silent TXT TIMEOUT\n"
    /* b\303\274cher.example */
    "xn--bcher-kva TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
    "local TXT \"v=spf1 exists:%{l}.list.example -all\"\n"
    "postmaster.list A 127.0.0.2\n"
    "alice.list A 127.0.0.2\n"
    "quoted.list A 127.0.0.2\n"
    "helo TXT \"v=spf1 exists:%{h}.helos.example -all\"\n"
    "mail.client.test.helos A 127.0.0.2\n"
    "xn--bcher-kva.example.helos A 127.0.0.2\n";

static int setup(void **state)
{
    static struct world world;
    struct base_error error;

    world_init(&world);
    dns_resolver_destroy(&world.resolver);
    world.resolver = dns_zone_create(base_text_of(zone), "test.zone", &error);
    if (world.resolver == NULL)
        fail_msg("%s", error.text);
    world.env.resolver = world.resolver;
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

/* An address, "unix", or NULL: unknown. */
static const struct policy_verdict *client_connect(struct world *world, const char *client)
{
    struct sockaddr_storage storage = {.ss_family = AF_UNIX};
    struct policy_connect_facts facts = {.mta_name = BASE_TEXT("mx.test")};
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;

    if (client != NULL)
        facts.address = (const struct sockaddr *)&storage;
    if (client != NULL && strcmp(client, "unix") != 0) {
        bool is_ip6 = strchr(client, ':') != NULL;

        storage.ss_family = is_ip6 ? AF_INET6 : AF_INET;
        assert_int_equal(inet_pton(storage.ss_family, client,
                                   is_ip6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr),
                         1);
    }
    return policy_session_connect(world->session, &facts);
}

static const struct policy_verdict *helo(struct world *world, const char *name)
{
    struct policy_helo_facts facts = {.helo = base_text_of(name)};

    return policy_session_helo(world->session, &facts);
}

static const struct policy_verdict *mail(struct world *world, const char *from, const char *login)
{
    struct policy_mail_facts facts = {
        .reverse_path = base_text_of(from),
        .auth_authen = base_text_of(login),
    };

    return policy_session_mail(world->session, &facts);
}

static const char *verdict_of(const struct spf_outcome *outcome)
{
    return outcome == NULL ? "-" : spf_verdict_text(outcome->verdict);
}

/* How often a question stands in the message's list. */
static unsigned asked(const struct world *world, const char *name)
{
    const struct dns_lookups *lookups = policy_session_lookups(world->session);
    struct dns_lookups_entry entry;
    unsigned count = 0;

    for (size_t i = 0; lookups != NULL && dns_lookups_at(lookups, i, &entry); i++)
        count += strcmp(entry.name->text, name) == 0;
    return count;
}

static void test_identities(void **state)
{
    static const struct {
        const char *client;
        const char *helo;
        const char *from;
        const char *spf;
        const char *helo_spf;
        /* Of MAIL FROM. */
        const char *domain;
    } rows[] = {
        {"192.0.2.1", "good.example", "<a@good.example>", "pass", "pass", "good.example"},
        {"192.0.2.2", "good.example", "<a@good.example>", "fail", "fail", "good.example"},
        {"192.0.2.1", "fail.example", "<a@good.example>", "pass", "fail", "good.example"},
        {"::ffff:192.0.2.1", "good.example", "<a@good.example>", "pass", "pass", "good.example"},
        {"::ffff:192.0.2.2", "good.example", "<a@good.example>", "fail", "fail", "good.example"},
        {"2001:db8::1", "good.example", "<a@good.example>", "pass", "pass", "good.example"},
        /* Null reverse-path: postmaster@HELO. */
        {"192.0.2.1", "good.example", "<>", "pass", "pass", "good.example"},
        {"192.0.2.1", "local.example", "<>", "pass", "pass", "local.example"},
        {"192.0.2.1", NULL, "<>", "none", "none", ""},
        /* Dots at the end. */
        {"192.0.2.1", "good.example.", "<a@good.example.>", "pass", "pass", "good.example"},
        {"192.0.2.1", "GOOD.example", "<a@Good.Example>", "pass", "pass", "good.example"},
        {"192.0.2.1", "good.example..", "<a@good.example>", "pass", "none", "good.example"},
        /* U-labels. */
        {"192.0.2.1", "b\303\274cher.example", "<a@b\303\274cher.example>", "pass", "pass",
         "xn--bcher-kva.example"},
        {"192.0.2.1", "B\303\234CHER.example", "<>", "pass", "pass", "xn--bcher-kva.example"},
        {"192.0.2.1", "b\303.example", "<a@good.example>", "pass", "none", "good.example"},
        {"192.0.2.1", "b\303\274cher.example", "<a@helo.example>", "pass", "pass", "helo.example"},
        {"192.0.2.1", "mail.client.test", "<a@helo.example>", "pass", "none", "helo.example"},
        {"192.0.2.1", "other.client.test", "<a@helo.example>", "fail", "none", "helo.example"},
        /* A local part that is not ASCII never matches (RFC 8616 section 4). */
        {"192.0.2.1", "good.example", "<alice@local.example>", "pass", "pass", "local.example"},
        {"192.0.2.1", "good.example", "<\"quoted\"@local.example>", "pass", "pass",
         "local.example"},
        {"192.0.2.1", "good.example", "<\303\244lice@local.example>", "fail", "pass",
         "local.example"},
        {"192.0.2.1", "good.example", "<\303\244lice@good.example>", "pass", "pass",
         "good.example"},
        /* Address literals. */
        {"192.0.2.1", "[192.0.2.1]", "<a@good.example>", "pass", "none", "good.example"},
        {"192.0.2.1", "[IPv6:2001:db8::1]", "<>", "none", "none", "[IPv6:2001:db8::1]"},
        {"192.0.2.1", "good.example", "<a@[192.0.2.1]>", "none", "pass", "[192.0.2.1]"},
        /* No domain, no path. */
        {"192.0.2.1", "good.example", "<postmaster>", "none", "pass", ""},
        {"192.0.2.1", "localhost", "<a@good.example>", "pass", "none", "good.example"},
        {"192.0.2.1", "good.example", "<a b c>", "none", "pass", ""},
        {"192.0.2.1", "good.example", "<a@none.example>", "none", "pass", "none.example"},
        {"192.0.2.1", "good.example", "<a@down.example>", "temperror", "pass", "down.example"},
        {"192.0.2.1", "silent.example", "<a@broken.example>", "permerror", "temperror",
         "broken.example"},
        /* Clients without an address. */
        {"unix", "good.example", "<a@good.example>", "-", "-", NULL},
        {NULL, "good.example", "<a@good.example>", "-", "-", NULL},
    };
    struct world *world = *state;

    world_configure(world, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_connect(world, rows[i].client);
        if (rows[i].helo != NULL)
            helo(world, rows[i].helo);
        mail(world, rows[i].from, "");
        world_field(world, "From", " a@good.example");
        world_finish(world);
        const struct policy_decision *it = decision(world);

        if (strcmp(verdict_of(it->spf), rows[i].spf) != 0 ||
            strcmp(verdict_of(it->helo_spf), rows[i].helo_spf) != 0)
            fail_msg("row %zu: %s and %s", i, verdict_of(it->spf), verdict_of(it->helo_spf));
        if (rows[i].domain != NULL &&
            !base_text_equals(it->spf->domain, base_text_of(rows[i].domain)))
            fail_msg("row %zu: domain \"%.*s\"", i, (int)it->spf->domain.length,
                     it->spf->domain.data);
    }
}

struct rule_row {
    const char *name;
    const char *conf;
    const char *client;
    const char *helo;
    const char *from;
    /* The stage that answers, and what; NULL: none does. */
    const char *stage;
    const char *reply;
};

#define RULE(stage_, conditions) \
    "rule \"at " stage_ "\" { stage = " stage_ " " conditions " action = reject }\n"
#define LATER(stage_, conditions) \
    "rule \"at " stage_ "\" { stage = " stage_ " " conditions " action = tempfail }\n"

#define EXPLAINED "550 5.7.23 SPF: not permitted; explained by "

static const struct rule_row rule_rows[] = {
    {"fail at MAIL", RULE("mail", "spf = { fail }"), "192.0.2.2", "good.example",
     "<a@good.example>", "mail",
     "550 5.7.23 SPF: good.example does not permit this client to send its mail"},
    {"explained", RULE("mail", "spf = { fail }"), "192.0.2.2", "good.example", "<a@fail.example>",
     "mail", EXPLAINED "fail.example: 192.0.2.2 is not good.example; 100% sure"},
    {"explanation not wanted", "spf-explanation = no\n" RULE("mail", "spf = { fail }"), "192.0.2.2",
     "good.example", "<a@fail.example>", "mail",
     "550 5.7.23 SPF: the domain fail.example sends no mail"},
    {"200 octets of explanation", RULE("mail", "spf = { fail }"), "192.0.2.2", "good.example",
     "<a@long.example>", "mail",
     EXPLAINED "long.example: "
               "012345678901234567890123456789012345678901234567890123456789012345678901234567890"
               "12345678901234567890123456789012345678901234567890123456789012345678901234567890123"
               "456789012345678901234567890123456789"},
    {"own text", RULE("mail", "spf = { fail } text = \"no\""), "192.0.2.2", "good.example",
     "<a@fail.example>", "mail", "550 5.7.23 no"},
    {"only -all", RULE("mail", "spf = { fail } spf-only-all = yes"), "192.0.2.2", "good.example",
     "<a@never.example>", "mail", "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"more than -all", RULE("mail", "spf = { fail } spf-only-all = yes"), "192.0.2.2",
     "good.example", "<a@good.example>", NULL, NULL},
    {"temperror", LATER("mail", "spf = { temperror }"), "192.0.2.2", "good.example",
     "<a@down.example>", "mail", "451 4.7.24 SPF of down.example cannot be evaluated: servfail"},
    {"permerror", RULE("mail", "spf = { permerror }"), "192.0.2.2", "good.example",
     "<a@broken.example>", "mail",
     "550 5.7.24 SPF of broken.example cannot be evaluated: a mechanism is not known"},
    {"softfail at RCPT", RULE("rcpt", "spf = { softfail }"), "192.0.2.2", "good.example",
     "<a@soft.example>", "rcpt", "550 5.7.23 SPF: softfail for soft.example is not accepted here"},
    {"fail at the end", RULE("eom", "spf = { fail }"), "192.0.2.2", "good.example",
     "<a@good.example>", "eom",
     "550 5.7.23 SPF: good.example does not permit this client to send its mail"},
    {"HELO at HELO", RULE("helo", "helo-spf = { fail }"), "192.0.2.2", "fail.example",
     "<a@good.example>", "helo",
     EXPLAINED "fail.example: 192.0.2.2 is not fail.example; 100% sure"},
    {"HELO's temperror at HELO", LATER("helo", "helo-spf = { temperror }"), "192.0.2.2",
     "silent.example", "<a@good.example>", "helo",
     "451 4.7.24 SPF of silent.example cannot be evaluated: timeout"},
    {"HELO passes", RULE("helo", "helo-spf = { fail }"), "192.0.2.1", "good.example",
     "<a@fail.example>", NULL, NULL},
    {"HELO at MAIL", RULE("mail", "helo-spf = { fail }"), "192.0.2.2", "never.example",
     "<a@good.example>", "mail", "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"HELO at RCPT", RULE("rcpt", "helo-spf = { softfail }"), "192.0.2.2", "soft.example",
     "<a@good.example>", "rcpt", "550 5.7.23 SPF: softfail for soft.example is not accepted here"},
    {"HELO of a client that is unknown", RULE("helo", "helo-spf = { fail, none }"), NULL,
     "never.example", "<a@never.example>", NULL, NULL},
    {"HELO of a trusted network",
     "trusted-networks = { \"192.0.2.0/24\" }\n" RULE("helo", "helo-spf = { fail }"), "192.0.2.2",
     "never.example", "<a@never.example>", NULL, NULL},
    {"HELO of ours",
     "signing-networks = { \"192.0.2.0/24\" }\n" RULE("helo", "helo-spf = { fail }"), "192.0.2.2",
     "never.example", "<a@never.example>", NULL, NULL},
    {"null reverse-path", RULE("mail", "spf = { fail }"), "192.0.2.2", "never.example", "<>",
     "mail", "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"domain in the list", RULE("mail", "spf = { fail } spf-domain = { \"never.example\" }"),
     "192.0.2.2", "good.example", "<a@never.example>", "mail",
     "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"domain not in the list", RULE("mail", "spf = { fail } spf-domain = { \"good.example\" }"),
     "192.0.2.2", "good.example", "<a@never.example>", NULL, NULL},
    {"domain below one of the list", RULE("mail", "spf = { fail } spf-domain = { \".example\" }"),
     "192.0.2.2", "good.example", "<a@never.example>", "mail",
     "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"HELO's domain at HELO",
     RULE("helo", "helo-spf = { fail } spf-domain = { \"never.example\" }"), "192.0.2.2",
     "never.example", "<a@good.example>", "helo",
     "550 5.7.23 SPF: the domain never.example sends no mail"},
    {"HELO's domain at MAIL", RULE("mail", "helo-spf = { fail } spf-domain = { \"good.example\" }"),
     "192.0.2.2", "never.example", "<a@good.example>", NULL, NULL},
    {"both identities, the domain of the reverse-path",
     RULE("mail", "spf = { fail } helo-spf = { fail } spf-domain = { \"good.example\" }"),
     "192.0.2.2", "never.example", "<a@good.example>", "mail",
     "550 5.7.23 SPF: good.example does not permit this client to send its mail"},
    {"U-label in the list",
     RULE("mail", "spf = { fail } spf-domain = { \"b\303\274cher.example\" }"), "192.0.2.2",
     "good.example", "<a@xn--bcher-kva.example>", "mail",
     "550 5.7.23 SPF: xn--bcher-kva.example does not permit this client to send its mail"},
    {"forwarder",
     "trusted-forwarders = { \"192.0.2.0/24\" }\n" RULE("mail", "spf = { fail }")
         RULE("helo", "helo-spf = { fail }"),
     "192.0.2.2", "never.example", "<a@never.example>", NULL, NULL},
    {"forwarder and another condition",
     "trusted-forwarders = { \"192.0.2.0/24\" }\n" RULE("mail",
                                                        "sender-domain = { \"never.example\" }"),
     "192.0.2.2", "never.example", "<a@never.example>", "mail",
     "550 5.7.1 Refused by local policy"},
    {"not a forwarder",
     "trusted-forwarders = { \"192.0.2.8/29\" }\n" RULE("mail", "spf = { fail }"), "192.0.2.2",
     "good.example", "<a@never.example>", "mail",
     "550 5.7.23 SPF: the domain never.example sends no mail"},
};

static const struct policy_verdict *run_stages(struct world *world, const struct rule_row *row,
                                               enum policy_stage *stage_r)
{
    const struct policy_verdict *verdict;

    *stage_r = POLICY_STAGE_HELO;
    client_connect(world, row->client);
    verdict = helo(world, row->helo);
    if (verdict->action != POLICY_ACTION_CONTINUE)
        return verdict;
    *stage_r = POLICY_STAGE_MAIL;
    verdict = mail(world, row->from, "");
    if (verdict->action != POLICY_ACTION_CONTINUE)
        return verdict;
    *stage_r = POLICY_STAGE_RCPT;
    verdict = policy_session_rcpt(world->session, BASE_TEXT("<bob@example.org>"));
    if (verdict->action != POLICY_ACTION_CONTINUE)
        return verdict;
    *stage_r = POLICY_STAGE_EOM;
    world_field(world, "From", " a@good.example");
    return world_finish(world);
}

static void test_rules(void **state)
{
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rule_rows) / sizeof(rule_rows[0]); i++) {
        const struct rule_row *row = &rule_rows[i];
        enum policy_stage stage;
        char got[600];

        world_configure(world, row->conf);
        const struct policy_verdict *verdict = run_stages(world, row, &stage);

        if (row->reply == NULL) {
            if (verdict->action != POLICY_ACTION_CONTINUE)
                fail_msg("%s: %s %s", row->name, verdict->code, verdict->text);
            continue;
        }
        (void)snprintf(got, sizeof(got), "%s %s %s", verdict->code, verdict->enhanced,
                       verdict->text);
        if (strcmp(got, row->reply) != 0)
            fail_msg("%s: %s", row->name, got);
        assert_string_equal(policy_stage_text(stage), row->stage);
        assert_int_equal(verdict->stage, stage);
    }
}

static void test_bad_rules(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } rows[] = {
        {RULE("connect", "helo-spf = { fail }"),
         "`helo-spf` is not known yet at stage \"connect\""},
        {RULE("connect", "spf-domain = { \"a.example\" }"), "`spf-domain` is not known yet"},
        {RULE("helo", "spf = { fail }"), "`spf` is not known yet at stage \"helo\""},
        {RULE("mail", "spf-domain = { \"a..example\" }"), "spf-domain: \"a..example\""},
        {"trusted-forwarders = { \"192.0.2.1/24\" }\n", "trusted-forwarders: \"192.0.2.1/24\""},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error = {""};

        assert_null(world_snapshot(world, rows[i].conf, &error));
        if (strstr(error.text, rows[i].want) == NULL)
            fail_msg("%s", error.text);
    }
}

/* An explanation is asked for when a reply will show it, and else not. */
static void test_explanation_asked(void **state)
{
    static const struct {
        const char *conf;
        unsigned asked;
    } rows[] = {
        {"", 0},
        {RULE("mail", "spf = { fail }"), 1},
        {RULE("mail", "spf = { pass }"), 0},
        {RULE("mail", "spf = { fail } text = \"no\""), 0},
        {RULE("mail", "spf = { fail } mode = observe"), 0},
        {"mode = observe\n" RULE("mail", "spf = { fail }"), 0},
        {"spf-explanation = no\n" RULE("mail", "spf = { fail }"), 0},
        {LATER("mail", "spf = { fail }"), 0},
        {"rule \"r\" { stage = mail  spf = { fail }  action = mark }\n", 0},
        {"trusted-forwarders = { \"192.0.2.0/24\" }\n" RULE("mail", "spf = { fail }"), 0},
        {RULE("eom", "spf = { fail, softfail }") "rule \"s\" { stage = mail spf = { fail } action "
                                                 "= accept }",
         0},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        world_configure(world, rows[i].conf);
        client_connect(world, "192.0.2.2");
        helo(world, "good.example");
        mail(world, "<a@fail.example>", "");
        world_finish(world);
        if (asked(world, "why.fail.example") != rows[i].asked)
            fail_msg("row %zu: asked %u times", i, asked(world, "why.fail.example"));
    }
}

/* One name that is both identities is asked for once; HELO's is asked for once a session. */
static void test_asked_once(void **state)
{
    struct world *world = *state;

    world_configure(world, RULE("helo", "helo-spf = { fail }"));
    client_connect(world, "192.0.2.1");
    helo(world, "good.example");
    mail(world, "<a@good.example>", "");
    world_finish(world);
    assert_int_equal(asked(world, "good.example"), 1);
    assert_string_equal(verdict_of(decision(world)->spf), "pass");
    const struct spf_outcome *first = decision(world)->helo_spf;

    mail(world, "<>", "");
    world_finish(world);
    assert_int_equal(asked(world, "good.example"), 1);
    assert_ptr_equal(decision(world)->helo_spf, first);
    assert_ptr_equal(decision(world)->spf, first);

    /* Another HELO, another evaluation; what the old one knew is gone. */
    helo(world, "none.example");
    assert_null(decision(world)->helo_spf);
    mail(world, "<a@good.example>", "");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->helo_spf), "none");
    assert_int_equal(asked(world, "none.example"), 1);
    assert_int_equal(asked(world, "good.example"), 1);
}

/* A fault of DNS is not held against the messages that follow. */
static void test_temperror_again(void **state)
{
    struct world *world = *state;
    struct dns_resolver *other;
    struct base_error error;

    world_configure(world, "");
    client_connect(world, "192.0.2.1");
    helo(world, "down.example");
    mail(world, "<a@good.example>", "");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->helo_spf), "temperror");
    other = dns_zone_create(BASE_TEXT("down.example. 300 TXT \"v=spf1 +all\"\n"), "other", &error);
    assert_non_null(other);
    world->env.resolver = other;
    world_configure(world, "");
    client_connect(world, "192.0.2.1");
    helo(world, "down.example");
    mail(world, "<>", "");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->helo_spf), "pass");
    policy_session_destroy(&world->session);
    world->env.resolver = world->resolver;
    dns_resolver_destroy(&other);
}

/* HELO said again in the middle of a message, which the MTA would have ended. */
static void test_helo_in_message(void **state)
{
    struct world *world = *state;

    world_configure(world, "");
    client_connect(world, "192.0.2.1");
    helo(world, "good.example");
    mail(world, "<>", "");
    helo(world, "never.example");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->helo_spf), "pass");
    mail(world, "<>", "");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->helo_spf), "fail");
    assert_string_equal(verdict_of(decision(world)->spf), "fail");
    /* Ours since he logged in: not judged. */
    mail(world, "<a@never.example>", "alice");
    world_finish(world);
    assert_null(decision(world)->helo_spf);
}

/* --- a DNS that never answers ----------------------------------------------------------------- */

struct silent {
    struct dns_resolver resolver;
    struct base_clock *clock;
};

struct dns_pending {
    struct silent *silent;
};

static struct dns_pending *silent_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                      enum dns_type type)
{
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    (void)name;
    (void)type;
    pending->silent = (struct silent *)resolver;
    return pending;
}

static struct dns_answer *silent_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    base_clock_advance(pending->silent->clock, timeout_ns);
    return NULL;
}

static void silent_drop(struct dns_pending **pending)
{
    base_mem_free(*pending);
    *pending = NULL;
}

static const struct dns_resolver_ops silent_ops = {
    .name = "silent", .ask = silent_ask, .wait = silent_wait, .drop = silent_drop};

/* Everything from connect to RCPT waits no longer than dns-timeout-envelope, and the message no
 * longer than dns-timeout. */
static void test_deadline(void **state)
{
    struct world *world = *state;
    struct silent silent = {{.ops = &silent_ops}, &world->clock};
    int64_t begin = base_clock_mono_ns(&world->clock);

    world->env.resolver = &silent.resolver;
    world_configure(world, "dns-timeout-envelope = \"5s\"\ndns-timeout = \"12s\"\n" RULE(
                               "helo", "helo-spf = { fail }") RULE("mail", "spf = { fail }"));
    client_connect(world, "192.0.2.1");
    helo(world, "a.example");
    assert_int_equal(base_clock_mono_ns(&world->clock) - begin, 5 * BASE_NS_PER_S);
    mail(world, "<a@b.example>", "");
    policy_session_rcpt(world->session, BASE_TEXT("<bob@example.org>"));
    assert_true(base_clock_mono_ns(&world->clock) - begin <= 10 * BASE_NS_PER_S);
    world_field(world, "From", " a@c.example");
    world_finish(world);
    assert_string_equal(verdict_of(decision(world)->spf), "temperror");
    assert_string_equal(decision(world)->spf->reason, "timeout");
    assert_true(base_clock_mono_ns(&world->clock) - begin <= 17 * BASE_NS_PER_S);

    /* The next message of the session has its time again. */
    begin = base_clock_mono_ns(&world->clock);
    mail(world, "<a@b.example>", "");
    assert_int_equal(base_clock_mono_ns(&world->clock) - begin, 5 * BASE_NS_PER_S);
    world_finish(world);
    policy_session_destroy(&world->session);
    world->env.resolver = world->resolver;
}

/* --- what is written -------------------------------------------------------------------------- */

static const char *edit_value(const struct world *world, const char *name, unsigned index)
{
    const struct policy_edit *edit = policy_session_edits(world->session)->first;

    for (; edit != NULL; edit = edit->next)
        if (edit->op == POLICY_EDIT_INSERT && strcmp(edit->name.data, name) == 0 && index-- == 0)
            return edit->value.data;
    return NULL;
}

static void test_received_spf(void **state)
{
    struct world *world = *state;

    world_configure(world, "received-spf = yes\n");
    client_connect(world, "192.0.2.1");
    helo(world, "never.example");
    mail(world, "<\"a \\\" b\"@good.example>", "");
    world_finish(world);
    assert_string_equal(edit_value(world, "Received-SPF", 0),
                        " fail (mx.example.org: never.example does not permit 192.0.2.1)\n"
                        "\tidentity=helo;\n\tclient-ip=192.0.2.1;\n\thelo=never.example;\n"
                        "\tenvelope-from=\"\\\"a \\\\\\\" b\\\"@good.example\";\n"
                        "\treceiver=mx.example.org;\n\tmechanism=-all");
    assert_string_equal(edit_value(world, "Received-SPF", 1),
                        " pass (mx.example.org: good.example permits 192.0.2.1)\n"
                        "\tidentity=mailfrom;\n\tclient-ip=192.0.2.1;\n\thelo=never.example;\n"
                        "\tenvelope-from=\"\\\"a \\\\\\\" b\\\"@good.example\";\n"
                        "\treceiver=mx.example.org;\n\tmechanism=\"ip4:192.0.2.1\"");
    assert_non_null(edit_value(world, "Authentication-Results", 0));

    client_connect(world, "2001:db8::2");
    helo(world, "x)(\r\ny\\");
    mail(world, "<>", "");
    world_finish(world);
    assert_string_equal(edit_value(world, "Received-SPF", 0),
                        " none (mx.example.org: the domain has no policy for 2001:db8::2)\n"
                        "\tidentity=helo;\n\tclient-ip=\"2001:db8::2\";\n"
                        "\thelo=\"x)(??y\\\\\";\n\treceiver=mx.example.org;\n"
                        "\tproblem=\"the domain has a single label\"");
    assert_null(edit_value(world, "Received-SPF", 1));

    /* Ours, unknown, or not asked for: nothing. */
    mail(world, "<a@good.example>", "alice");
    world_finish(world);
    assert_null(edit_value(world, "Received-SPF", 0));
    client_connect(world, NULL);
    mail(world, "<a@good.example>", "");
    world_finish(world);
    assert_null(edit_value(world, "Received-SPF", 0));
    world_configure(world, "");
    client_connect(world, "192.0.2.1");
    mail(world, "<a@good.example>", "");
    world_finish(world);
    assert_null(edit_value(world, "Received-SPF", 0));
}

static void test_forwarder_recorded(void **state)
{
    static const struct {
        const char *client;
        const char *from;
        bool is_override;
        const char *authres;
    } rows[] = {
        {"192.0.2.2", "<a@never.example>", true,
         "spf=fail smtp.mailfrom=a@never.example\n\tpolicy.trusted-forwarder=192.0.2.2"},
        {"192.0.2.1", "<a@good.example>", false,
         "spf=pass smtp.mailfrom=a@good.example\n\tpolicy.trusted-forwarder=192.0.2.1"},
        {"198.51.100.1", "<a@never.example>", false, "spf=fail smtp.mailfrom=a@never.example;"},
    };
    struct world *world = *state;

    world_configure(world, "trusted-forwarders = { \"192.0.2.0/24\" }\n");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        client_connect(world, rows[i].client);
        helo(world, "none.example");
        mail(world, rows[i].from, "");
        world_field(world, "From", " a@none.example");
        world_finish(world);
        const struct policy_override *override = decision(world)->overrides;

        if ((override != NULL) != rows[i].is_override)
            fail_msg("row %zu: override", i);
        if (override != NULL)
            assert_string_equal(override->type, "trusted_forwarder");
        if (strstr(decision(world)->authres.data, rows[i].authres) == NULL)
            fail_msg("row %zu: %s", i, decision(world)->authres.data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identities),      cmocka_unit_test(test_rules),
        cmocka_unit_test(test_bad_rules),       cmocka_unit_test(test_explanation_asked),
        cmocka_unit_test(test_asked_once),      cmocka_unit_test(test_temperror_again),
        cmocka_unit_test(test_helo_in_message), cmocka_unit_test(test_deadline),
        cmocka_unit_test(test_received_spf),    cmocka_unit_test(test_forwarder_recorded),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
