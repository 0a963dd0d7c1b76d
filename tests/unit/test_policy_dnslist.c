/* DNS lists of addresses (RFC 5782): through whole sessions, and with a DNS that is slow. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/log.h"
#include "dns/lookups.h"
#include "policy/dnslist.h"
#include "policy/iprev.h"
#include "tests/unit/enforce_world.h"

/* 192.0.2.1 to .12 under bl.example; the same client is 2001:db8::1. */
#define LIST_ZONE                                                                   \
    "$ORIGIN bl.example.\n"                                                         \
    "$TTL 300\n"                                                                    \
    "1.2.0.192 A 127.0.0.2\n"                                                       \
    "1.2.0.192 TXT \"spam source, see http://bl.example/?192.0.2.1\"\n"             \
    "2.2.0.192 A 127.0.0.10\n"                                                      \
    "3.2.0.192 A 127.0.0.10\n"                                                      \
    "3.2.0.192 A 127.0.0.4\n"                                                       \
    "4.2.0.192 A 127.255.255.254\n"                                                 \
    "5.2.0.192 A 203.0.113.5\n"                                                     \
    "6.2.0.192 A 127.0.0.2\n"                                                       \
    "6.2.0.192 A 127.255.255.252\n"                                                 \
    "$FAULT 7.2.0.192 A SERVFAIL\n"                                                 \
    "$FAULT 8.2.0.192 A TIMEOUT\n"                                                  \
    "9.2.0.192 TXT \"no address\"\n"                                                \
    "10.2.0.192 A 127.0.0.2\n"                                                      \
    "$FAULT 10.2.0.192 TXT TIMEOUT\n"                                               \
    "11.2.0.192 A 127.0.0.2\n"                                                      \
    "11.2.0.192 TXT \"a\\010b\\255\"\n"                                             \
    "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 A 127.0.0.2\n" \
    "1.2.0.192.wl.example. A 127.0.5.2\n"                                           \
    "2.2.0.192.wl.example. A 127.0.5.0\n"                                           \
    "1.2.0.192.other.example. A 127.0.0.2\n"

#define LISTS                    \
    "dnsbl \"bl.example\" { }\n" \
    "dnsbl \"some.example\" { codes = { \"127.0.0.2\" } }\n"
#define REFUSE      "rule \"r\" { stage = connect  dnsbl = { \"bl.example\" }  action = reject }\n"
#define BL(options) "dnsbl \"bl.example\" { " options " }\n" REFUSE

struct row {
    const char *conf;
    const char *client;
    /* The reply's text; NULL: not refused. */
    const char *want_text;
    enum policy_dnslist_result want;
    const char *want_code;
};

static const struct row rows[] = {
    {BL(""), "192.0.2.1", "Client address [192.0.2.1] is listed by bl.example", POLICY_DNSLIST_HIT,
     "127.0.0.2"},
    {BL(""), "2001:db8::1", "Client address [2001:db8::1] is listed by bl.example",
     POLICY_DNSLIST_HIT, "127.0.0.2"},
    {BL(""), "2001:db8::2", NULL, POLICY_DNSLIST_NONE, ""},
    {BL(""), "192.0.2.99", NULL, POLICY_DNSLIST_NONE, ""},
    {BL(""), "192.0.2.9", NULL, POLICY_DNSLIST_NONE, ""},
    {BL("codes = { \"127.0.0.2\" }"), "192.0.2.2", NULL, POLICY_DNSLIST_OTHER, "127.0.0.10"},
    {BL("codes = { \"127.0.0.2\", \"127.0.0.10\" }"), "192.0.2.2",
     "Client address [192.0.2.2] is listed by bl.example", POLICY_DNSLIST_HIT, "127.0.0.10"},
    {BL("codes = { \"127.0.0.4-9\" }"), "192.0.2.2", NULL, POLICY_DNSLIST_OTHER, "127.0.0.10"},
    {BL("codes = { \"127.0.0.4-10\" }"), "192.0.2.2",
     "Client address [192.0.2.2] is listed by bl.example", POLICY_DNSLIST_HIT, "127.0.0.10"},
    {BL("codes = { \"127.*.*.10\" }"), "192.0.2.2",
     "Client address [192.0.2.2] is listed by bl.example", POLICY_DNSLIST_HIT, "127.0.0.10"},
    {BL("codes = { \"127.0.1-255.10\" }"), "192.0.2.2", NULL, POLICY_DNSLIST_OTHER, "127.0.0.10"},
    /* The code that fits, though it is not the first. */
    {BL("codes = { \"127.0.0.4\" }"), "192.0.2.3",
     "Client address [192.0.2.3] is listed by bl.example", POLICY_DNSLIST_HIT, "127.0.0.4"},
    /* Lists that do not work. */
    {BL(""), "192.0.2.4", NULL, POLICY_DNSLIST_BROKEN, "127.255.255.254"},
    {BL("codes = { \"127.*.*.*\" }"), "192.0.2.4", NULL, POLICY_DNSLIST_BROKEN, "127.255.255.254"},
    {BL(""), "192.0.2.5", NULL, POLICY_DNSLIST_BROKEN, "203.0.113.5"},
    {BL(""), "192.0.2.6", NULL, POLICY_DNSLIST_BROKEN, "127.255.255.252"},
    {BL(""), "192.0.2.7", NULL, POLICY_DNSLIST_TEMPERROR, ""},
    {BL(""), "192.0.2.8", NULL, POLICY_DNSLIST_TEMPERROR, ""},
    /* Texts. */
    {BL("txt = yes"), "192.0.2.1",
     "Client address [192.0.2.1] is listed by bl.example: spam source, see "
     "http://bl.example/?192.0.2.1",
     POLICY_DNSLIST_HIT, "127.0.0.2"},
    {BL("txt = yes"), "192.0.2.2", "Client address [192.0.2.2] is listed by bl.example",
     POLICY_DNSLIST_HIT, "127.0.0.10"},
    {BL("txt = yes"), "192.0.2.10", "Client address [192.0.2.10] is listed by bl.example",
     POLICY_DNSLIST_HIT, "127.0.0.2"},
    {BL("txt = yes"), "192.0.2.11", "Client address [192.0.2.11] is listed by bl.example: a?b?",
     POLICY_DNSLIST_HIT, "127.0.0.2"},
    /* Of several lists one is enough. */
    {"dnsbl \"none.example\" { }\n"
     "dnsbl \"bl.example\" { }\n"
     "rule \"r\" { stage = connect  dnsbl = { \"none.example\", \"bl.example\" }  "
     "action = reject }\n",
     "192.0.2.1", "Client address [192.0.2.1] is listed by bl.example", POLICY_DNSLIST_NONE, ""},
    /* A dnswl of the same zone is another list. */
    {"dnswl \"wl.example\" { codes = { \"127.0.*.1-3\" } }\n" LISTS
     "rule \"w\" { stage = connect  dnswl = { \"wl.example\" }  action = accept }\n" REFUSE,
     "192.0.2.1", NULL, POLICY_DNSLIST_UNKNOWN, ""},
    {"dnswl \"wl.example\" { codes = { \"127.0.*.1-3\" } }\n" LISTS
     "rule \"w\" { stage = connect  dnswl = { \"wl.example\" }  action = accept }\n" REFUSE,
     "192.0.2.2", "Client address [192.0.2.2] is listed by bl.example", POLICY_DNSLIST_HIT,
     "127.0.0.10"},
};

static void come(struct world *world, const char *client)
{
    enforce_connect(world, client);
}

/* As enforce_connect(), without HELO, so that the verdict can be seen. */
static const struct policy_verdict *connect_only(struct world *world, const char *client)
{
    struct sockaddr_storage storage = {.ss_family = AF_INET};
    struct sockaddr_in *in = (struct sockaddr_in *)&storage;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&storage;
    struct policy_connect_facts facts = {.address = (const struct sockaddr *)&storage};

    in->sin_port = htons(40000);
    if (inet_pton(AF_INET, client, &in->sin_addr) != 1) {
        storage.ss_family = AF_INET6;
        assert_int_equal(inet_pton(AF_INET6, client, &in6->sin6_addr), 1);
    }
    return policy_session_connect(world->session, &facts);
}

static void test_lists(void **state)
{
    struct base_log_options quiet = {.ident = "test", .target = BASE_LOG_NONE};
    struct world world;

    (void)state;
    base_log_init(&quiet);
    world_init(&world);
    enforce_set_zone(&world, LIST_ZONE);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct row *row = &rows[i];
        const struct policy_verdict *verdict;
        const struct policy_decision *decision;

        world_configure(&world, row->conf);
        verdict = connect_only(&world, row->client);
        if ((row->want_text == NULL) != (verdict->action == POLICY_ACTION_CONTINUE) ||
            (row->want_text != NULL && strcmp(verdict->text, row->want_text) != 0))
            fail_msg("row %zu: %s: %s \"%s\"", i, row->client, policy_action_text(verdict->action),
                     verdict->text);
        world_mail(&world, "<a@sender.example>", NULL);
        (void)world_finish(&world);
        decision = policy_session_decision(world.session);
        bool is_listed_good =
            strstr(row->conf, "action = accept") != NULL && row->want_text == NULL;
        assert_int_equal(decision->verdict.action,
                         is_listed_good ? POLICY_ACTION_ACCEPT : POLICY_ACTION_CONTINUE);
        assert_string_equal(decision->verdict.rule, is_listed_good ? "w" : "");
        const struct policy_dnslist_outcome *outcome = decision->dnslists;
        if (outcome == NULL || outcome->result != row->want ||
            strcmp(outcome->code, row->want_code) != 0)
            fail_msg("row %zu: %s: %s %s", i, row->client,
                     outcome == NULL ? "none" : policy_dnslist_result_text(outcome->result),
                     outcome == NULL ? "" : outcome->code);
    }
    world_deinit(&world);
}

static void test_faults(void **state)
{
    static const struct {
        const char *conf;
        const char *want;
    } faults[] = {
        {REFUSE, "`dnsbl`: there is no list \"bl.example\": add `dnsbl \"bl.example\" { }`"},
        {"dnswl \"bl.example\" { }\n" REFUSE, "there is no list"},
        {"dnsbl \"a b\" { }", "is no domain name"},
        {"dnsbl \"a..b\" { }", "is no domain name"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0.2.3\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0.256\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0.9-2\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"10.0.0.2\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"*.0.0.2\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0.\" } }", "is no code"},
        {"dnsbl \"bl.example\" { codes = { \"127.0.0.2-\" } }", "is no code"},
        {"dnsbl \"bl.example\" { timeout = \"2m\" }", "timeout"},
    };
    struct world world;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        struct base_error error = {""};

        if (world_snapshot(&world, faults[i].conf, &error) != NULL ||
            strstr(error.text, faults[i].want) == NULL)
            fail_msg("row %zu: %s: %s", i, faults[i].conf, error.text);
    }
    world_deinit(&world);
}

static void test_too_many(void **state)
{
    struct base_error error = {""};
    struct base_buf text;
    struct world world;

    (void)state;
    world_init(&world);
    base_buf_init(&text, NULL, 65536);
    for (int i = 0; i < POLICY_DNSLISTS_MAX; i++)
        base_buf_appendf(&text, "dnsbl \"l%d.example\" { }\n", i);
    world_configure(&world, base_buf_cstr(&text));
    base_buf_append_cstr(&text, "dnswl \"one.example\" { }\n");
    assert_null(world_snapshot(&world, base_buf_cstr(&text), &error));
    assert_non_null(strstr(error.text, "one too many"));
    base_buf_deinit(&text);
    world_deinit(&world);
}

/* --- a DNS that counts, and is never there ------------------------------------------------------
 */

struct slow {
    struct dns_resolver resolver;
    struct dns_resolver *behind;
    struct base_clock *clock;
    unsigned asked;
    unsigned asked_ptr;
    int64_t waited_ns;
    bool is_silent;
};

static struct slow *the_slow;

static struct dns_pending *slow_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                    enum dns_type type)
{
    struct slow *slow = (struct slow *)resolver;

    if (strstr(name->text, "bl.example") != NULL)
        slow->asked++;
    if (type == DNS_TYPE_PTR)
        slow->asked_ptr++;
    return slow->behind->ops->ask(slow->behind, name, type);
}

static struct dns_answer *slow_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    if (!the_slow->is_silent)
        return the_slow->behind->ops->wait(pending, timeout_ns);
    the_slow->waited_ns += timeout_ns;
    return NULL;
}

static void slow_drop(struct dns_pending **pending)
{
    the_slow->behind->ops->drop(pending);
}

static const struct dns_resolver_ops slow_ops = {
    .name = "slow", .ask = slow_ask, .wait = slow_wait, .drop = slow_drop};

static void slow_init(struct world *world, struct slow *slow)
{
    enforce_set_zone(world, LIST_ZONE);
    *slow = (struct slow){.resolver = {.ops = &slow_ops}, .behind = world->resolver};
    the_slow = slow;
    world->env.resolver = &slow->resolver;
}

/* Once a connection, whatever the number of messages; not for our own, nor by rules that are off.
 */
static void test_questions(void **state)
{
    static const struct {
        const char *conf;
        const char *login;
        unsigned want;
    } cases[] = {
        {BL(""), NULL, 1},
        {BL("txt = yes"), NULL, 1},
        {"dnsbl \"bl.example\" { }\n", NULL, 0},
        {"dnsbl \"bl.example\" { }\nrule \"r\" { stage = rcpt  mode = off  "
         "dnsbl = { \"bl.example\" }  action = reject }\n",
         NULL, 0},
        {"dnsbl \"bl.example\" { }\nrule \"r\" { stage = rcpt  direction = inbound  "
         "dnsbl = { \"bl.example\" }  action = reject }\n",
         NULL, 1},
        {"trusted-networks = { \"192.0.2.99\" }\ndnsbl \"bl.example\" { }\n"
         "rule \"r\" { stage = rcpt  direction = inbound  "
         "dnsbl = { \"bl.example\" }  action = reject }\n",
         NULL, 0},
        {"originating-daemons = { \"\" }\ndnsbl \"bl.example\" { }\n"
         "rule \"r\" { stage = rcpt  dnsbl = { \"bl.example\" }  action = reject }\n",
         NULL, 1},
    };
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        slow_init(&world, &slow);
        world_configure(&world, cases[i].conf);
        come(&world, "192.0.2.99");
        for (int k = 0; k < 3; k++) {
            world_mail(&world, "<a@sender.example>", cases[i].login);
            policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"));
            policy_session_rcpt(world.session, BASE_TEXT("<c@example.org>"));
            world_finish(&world);
        }
        if (slow.asked != cases[i].want)
            fail_msg("row %zu: asked %u times", i, slow.asked);
        policy_session_destroy(&world.session);
    }
    world_deinit(&world);
}

/* At connect already, though the rule comes later; unless the client is ours. */
static void test_early(void **state)
{
    static const struct {
        const char *conf;
        unsigned want;
        unsigned want_ptr;
    } cases[] = {
        {"dnsbl \"bl.example\" { }\nrule \"r\" { stage = rcpt  dnsbl = { \"bl.example\" }  "
         "iprev = { fail }  action = reject }\n",
         1, 1},
        {"trusted-networks = { \"192.0.2.99\" }\ndnsbl \"bl.example\" { }\nrule \"r\" { "
         "stage = rcpt  dnsbl = { \"bl.example\" }  iprev = { fail }  action = reject }\n",
         0, 0},
        {"dnsbl \"bl.example\" { }\n", 0, 0},
        {"iprev = yes\n", 0, 1},
        {"rule \"r\" { stage = rcpt  client-name = { \"a.example\" }  action = reject }\n", 0, 1},
        /* An exception's question is seldom needed. */
        {"exception \"e\" { client-name = { \"a.example\" }  for = { dmarc } }\n", 0, 0},
    };
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        slow_init(&world, &slow);
        world_configure(&world, cases[i].conf);
        come(&world, "192.0.2.99");
        if (slow.asked != cases[i].want || slow.asked_ptr != cases[i].want_ptr)
            fail_msg("row %zu: asked %u times, for names %u", i, slow.asked, slow.asked_ptr);
        policy_session_destroy(&world.session);
    }
    world_deinit(&world);
}

/* The same of the client's name; what is known is not asked again. */
static void test_names(void **state)
{
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    slow_init(&world, &slow);
    world_configure(&world, "rule \"r\" { stage = connect  iprev = { pass }  action = reject }\n");
    come(&world, "192.0.2.99");
    for (int k = 0; k < 3; k++) {
        world_mail(&world, "<a@sender.example>", NULL);
        assert_int_equal(world_finish(&world)->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(policy_session_decision(world.session)->iprev->result,
                         POLICY_IPREV_PERMERROR);
    }
    assert_int_equal(slow.asked_ptr, 1);
    world_deinit(&world);
}

/* An IPv6 address must find room under the zone. */
static void test_long_zone(void **state)
{
    char label[62] = "";
    char conf[512];
    struct base_error error = {""};
    struct world world;

    (void)state;
    memset(label, 'a', 61);
    world_init(&world);
    /* 61 + 1 + 61 + 1 + 61 + 1 + 3 = 189 octets. */
    snprintf(conf, sizeof(conf), "dnsbl \"%s.%s.%s.org\" { }\n", label, label, label);
    world_configure(&world, conf);
    snprintf(conf, sizeof(conf), "dnsbl \"%s.%s.%s.orga\" { }\n", label, label, label);
    assert_null(world_snapshot(&world, conf, &error));
    assert_non_null(strstr(error.text, "is no domain name that addresses can stand under"));
    world_deinit(&world);
}

#define SECOND INT64_C(1000000000)

/* Each list is waited for no longer than its own time-out, those that were asked together together,
 * and what else there is, no longer than the envelope's budget; and another message waits anew. */
static void test_budgets(void **state)
{
    static const struct {
        const char *conf;
        int64_t want_s;
    } cases[] = {
        {"dnsbl \"bl.example\" { timeout = \"2s\" }\n" REFUSE, 2},
        {"dnsbl \"bl.example\" { timeout = \"30s\" }\n" REFUSE, 7},
        {"dns-timeout-envelope = \"1s\"\ndnsbl \"bl.example\" { timeout = \"2s\" }\n" REFUSE, 1},
        {"dnsbl \"bl.example\" { timeout = \"2s\" }\ndnsbl \"a.example\" { timeout = \"3s\" }\n"
         "rule \"r\" { stage = connect  dnsbl = { \"bl.example\", \"a.example\" }  "
         "action = reject }\n",
         3},
        {"dnsbl \"bl.example\" { timeout = \"3s\" }\ndnswl \"a.example\" { timeout = \"2s\" }\n"
         "rule \"w\" { stage = connect  dnswl = { \"a.example\" }  action = accept }\n"
         "rule \"r\" { stage = rcpt  dnsbl = { \"bl.example\" }  action = reject }\n",
         3},
        /* Of one of ours nothing is asked before a rule does. */
        {"trusted-networks = { \"192.0.2.1\" }\n"
         "dnsbl \"bl.example\" { timeout = \"2s\" }\ndnsbl \"a.example\" { timeout = \"3s\" }\n"
         "rule \"r\" { stage = connect  dnsbl = { \"bl.example\", \"a.example\" }  "
         "action = reject }\n",
         5},
        {"dnsbl \"bl.example\" { timeout = \"2s\" }\n"
         "rule \"r\" { stage = connect  dnsbl = { \"bl.example\" }  iprev = { fail }  "
         "action = reject }\n"
         "rule \"i\" { stage = helo  iprev = { fail }  action = reject }\n",
         7},
        {"dnsbl \"bl.example\" { timeout = \"2s\" }\n" REFUSE
         "rule \"s\" { stage = rcpt  spf = { fail }  action = reject }\n",
         7},
    };
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        slow_init(&world, &slow);
        slow.is_silent = true;
        world_configure(&world, cases[i].conf);
        come(&world, "192.0.2.1");
        world_mail(&world, "<a@sender.example>", NULL);
        policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"));
        if (slow.waited_ns != cases[i].want_s * SECOND)
            fail_msg("row %zu: waited %lld ms", i, (long long)(slow.waited_ns / 1000000));
        policy_session_destroy(&world.session);
    }
    world_deinit(&world);
}

/* What DNS kept from its end is asked again for the next message. */
static void test_temperror_passes(void **state)
{
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    slow_init(&world, &slow);
    slow.is_silent = true;
    world_configure(&world, "dnsbl \"bl.example\" { }\nrule \"r\" { stage = rcpt  "
                            "dnsbl = { \"bl.example\" }  action = reject }\n");
    come(&world, "192.0.2.1");
    world_mail(&world, "<a@sender.example>", NULL);
    assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                     POLICY_ACTION_CONTINUE);
    slow.is_silent = false;
    assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                     POLICY_ACTION_CONTINUE);
    world_mail(&world, "<a@sender.example>", NULL);
    assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                     POLICY_ACTION_REJECT);
    assert_int_equal(slow.asked, 2);
    world_finish(&world);
    world_deinit(&world);
}

static void test_name_comes_back(void **state)
{
    struct world world;
    struct slow slow;

    (void)state;
    world_init(&world);
    slow_init(&world, &slow);
    slow.is_silent = true;
    world_configure(&world, "rule \"r\" { stage = rcpt  iprev = { none }  action = reject }\n");
    come(&world, "192.0.2.99");
    world_mail(&world, "<a@sender.example>", NULL);
    assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                     POLICY_ACTION_CONTINUE);
    slow.is_silent = false;
    world_mail(&world, "<a@sender.example>", NULL);
    assert_int_equal(policy_session_rcpt(world.session, BASE_TEXT("<b@example.org>"))->action,
                     POLICY_ACTION_REJECT);
    world_finish(&world);
    world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_early),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_zone),
        cmocka_unit_test(test_budgets),
        cmocka_unit_test(test_temperror_passes),
        cmocka_unit_test(test_name_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
