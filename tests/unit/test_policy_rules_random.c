/* Random rules at all stages, and random sessions led through the daemon's own: what is proved to
 * be impossible (policy/rules_prove) matches nothing, be the client one that says no HELO, a
 * program on the host, or a writer to postmaster. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/replay.h"
#include "policy/rules-private.h"
#include "policy/rules_compile.h"
#include "policy/rules_prove.h"
#include "policy/saved_message.h"
#include "tests/unit/policy_world.h"

#define RULES    7
#define CONFIGS  600
#define SESSIONS 40

#define TOP                                                                          \
    "local-domains = { \"example.org\" }\nsigning-networks = { \"10.0.0.0/8\" }\n"   \
    "trusted-networks = { \"172.16.0.0/12\" }\noriginating-daemons = { \"OURS\" }\n" \
    "inbound-daemons = { \"BACK\" }\nlogin-is-address = yes\nlogin-domain = \"example.org\"\n"

#define ZONE                                                   \
    "fail.example. 300 IN TXT \"v=spf1 -all\"\n"               \
    "pass.example. 300 IN TXT \"v=spf1 +all\"\n"               \
    "soft.example. 300 IN TXT \"v=spf1 ~all\"\n"               \
    "_dmarc.fail.example. 300 IN TXT \"v=DMARC1; p=reject\"\n" \
    "_dmarc.pass.example. 300 IN TXT \"v=DMARC1; p=quarantine\"\n"

struct dice {
    uint64_t state;
};

static unsigned roll(struct dice *dice, unsigned sides)
{
    dice->state ^= dice->state << 13;
    dice->state ^= dice->state >> 7;
    dice->state ^= dice->state << 17;
    return (unsigned)(dice->state >> 33) % sides;
}

#define PICK(dice, array) ((array)[roll(dice, sizeof(array) / sizeof((array)[0]))])

static const char *const connect_conditions[] = {
    "client-net = { \"192.0.2.0/24\" }",
    "client-net = { \"192.0.2.1\", \"local\" }",
    "client-net = { \"10.0.0.0/8\" }",
    "daemon = { \"OURS\", \"BACK\" }",
    "daemon = { \"OURS\" }",
    "port = { 25 }",
    "port = { 25, 587 }",
};
static const char *const mail_conditions[] = {
    "direction = inbound",
    "direction = outbound",
    "direction = trusted",
    "authenticated = yes",
    "authenticated = no",
    "auth-mechanism = { \"PLAIN\" }",
    "auth-mechanism = { \"!PLAIN\" }",
    "sender-domain = { \"fail.example\", \"pass.example\" }",
    "sender-domain = { \".example\" }",
    "sender-domain = { \"fail.example\" }",
    "spf = { fail, softfail }",
    "spf = { fail }",
    "spf = { pass, none }",
    "helo-spf = { none }",
    "spf-only-all = yes",
    "local-sender-unauthenticated = yes",
    "local-sender-unauthenticated = no",
    "sender-owned = yes",
    "sender-owned = no",
    "size-over = 1000",
    "size-over = 100",
    "tls-below = \"1.3\"",
    "tls-below = \"1.2\"",
    "helo = { missing, unqualified }",
};
static const char *const rcpt_conditions[] = {
    "recipient = { \"example.org\" }",
    "recipient = { \"postmaster@example.org\" }",
    "recipients-over = 1",
    "recipients-over = 0",
};
static const char *const eoh_conditions[] = {
    "author = { one }",
    "author = { none, multiple }",
    "author-domain = { \"fail.example\", \"example.org\" }",
    "header-missing = { \"Date\" }",
    "author-owned = no",
    "author-owned = yes",
    "author-aligned = { none }",
};
static const char *const eom_conditions[] = {
    "dkim = { none }",
    "dmarc = { fail }",
    "dmarc = { fail, pass, none }",
    "dmarc-disposition = { reject }",
    "dmarc-policy = { none }",
};

#define POOL(array, stage)                                              \
    {                                                                   \
        array, sizeof(array) / sizeof((array)[0]), POLICY_STAGE_##stage \
    }

static const struct {
    const char *const *items;
    unsigned count;
    enum policy_stage known_from;
} pools[] = {
    POOL(connect_conditions, CONNECT), POOL(mail_conditions, MAIL), POOL(rcpt_conditions, RCPT),
    POOL(eoh_conditions, EOH),         POOL(eom_conditions, EOM),
};

struct written {
    char text[256];
    bool is_watched;
};

static void write_rule(struct dice *dice, unsigned number, struct written *rule)
{
    static const enum policy_stage stages[] = {
        POLICY_STAGE_CONNECT, POLICY_STAGE_HELO, POLICY_STAGE_MAIL, POLICY_STAGE_MAIL,
        POLICY_STAGE_RCPT,    POLICY_STAGE_DATA, POLICY_STAGE_EOH,  POLICY_STAGE_EOM,
    };
    static const char *const actions[] = {"reject", "reject", "tempfail", "discard",
                                          "accept", "mark",   "continue"};
    static const char *const shares[] = {"", "", "", "", "", "enforce-percent = 50"};
    enum policy_stage stage = PICK(dice, stages);
    const char *action = PICK(dice, actions);
    const char *first = "", *second = "";
    unsigned pool;

    if (strcmp(action, "discard") == 0 && (stage < POLICY_STAGE_MAIL || stage == POLICY_STAGE_RCPT))
        action = "reject";
    if (roll(dice, 4) > 0) {
        do
            pool = roll(dice, 5);
        while (!policy_stage_knows(stage, pools[pool].known_from));
        first = pools[pool].items[roll(dice, pools[pool].count)];
    }
    if (roll(dice, 4) == 0 && stage >= POLICY_STAGE_MAIL)
        second = mail_conditions[roll(dice, 3)];
    if (strncmp(first, second, strcspn(second, " ")) == 0)
        second = "";
    snprintf(rule->text, sizeof(rule->text), "rule \"%u\" { stage = %s  action = %s  %s  %s  %s",
             number, policy_stage_text(stage), action, first, second, PICK(dice, shares));
    rule->is_watched = false;
}

static void write_all(const struct written *rules, char *text, size_t size)
{
    size_t length = (size_t)snprintf(text, size, "%s", TOP);

    for (unsigned i = 0; i < RULES; i++)
        length += (size_t)snprintf(text + length, size - length, "%s%s }\n", rules[i].text,
                                   rules[i].is_watched ? "  mode = observe" : "");
}

/* Those that can never match are only watched from then on, so that it loads; how many more. */
static unsigned watch_impossible(struct written *rules, char *text, size_t size)
{
    static const struct conf_table *const tables[] = {&policy_rule_table};
    struct base_error error = {""};
    unsigned count = 0;

    write_all(rules, text, size);
    struct conf_snapshot *conf = conf_read_text(text + strlen(TOP), "test.conf", tables, 1, &error);

    if (conf == NULL)
        fail_msg("%s\n%s", error.text, text);
    struct policy_rules *compiled = policy_rules_compile(conf, &error);

    if (compiled == NULL)
        fail_msg("%s\n%s", error.text, text);
    for (unsigned i = 0; i < RULES; i++) {
        struct policy_rule_proof proof;

        policy_rule_prove(compiled, i, POLICY_PROOF_STAGES, &proof);
        count += proof.is_impossible && !rules[i].is_watched;
        rules[i].is_watched |= proof.is_impossible;
    }
    policy_rules_destroy(&compiled);
    conf_snapshot_unref(&conf);
    write_all(rules, text, size);
    return count;
}

static void ignore(void *context, enum policy_stage stage, struct base_text what,
                   const struct policy_verdict *verdict)
{
    (void)context;
    (void)stage;
    (void)what;
    (void)verdict;
}

static void come(struct dice *dice, struct policy_session *session)
{
    static const char *const addresses[] = {"192.0.2.1",  "192.0.2.77", "10.1.1.1",
                                            "172.16.1.1", "local",      "198.51.100.1"};
    static const char *const daemons[] = {NULL, "OURS", "BACK"};
    static const char *const ports[] = {NULL, "25", "587"};
    static const char *const helos[] = {NULL, "mx.pass.example", "pc"};
    static const char *const paths[] = {"a@fail.example",
                                        "a@pass.example",
                                        "a@soft.example",
                                        "<>",
                                        "a@example.org",
                                        "b@example.org",
                                        "@@"};
    static const char *const versions[] = {NULL, "TLSv1.2", "TLSv1.3"};
    static const char *const mailboxes[] = {"postmaster@example.org", "u@example.org",
                                            "abuse@example.org", "u@elsewhere.example"};
    static const char *const headers[] = {"From: a@fail.example\n\nx\n", "Date: x\n\n",
                                          "From: a@example.org\nDate: x\n\nx\n",
                                          "From: a@pass.example, b@fail.example\n\n"};
    const char *login = roll(dice, 3) == 0 ? "a@example.org" : NULL;
    struct base_text recipients[3];
    struct policy_saved_message message = {0};
    struct sockaddr_storage address;
    struct base_error error;
    struct policy_replay replay = {
        .connect = {.address = (const struct sockaddr *)&address,
                    .daemon_name = base_text_of(PICK(dice, daemons)),
                    .daemon_port = base_text_of(PICK(dice, ports))},
        .helo = {.helo = base_text_of(PICK(dice, helos)),
                 .tls = {.version = base_text_of(PICK(dice, versions))}},
        .mail = {.reverse_path = base_text_of(PICK(dice, paths)),
                 .declared_size = base_text_of(roll(dice, 2) == 0 ? "500" : NULL),
                 .auth_type = base_text_of(login == NULL        ? NULL
                                           : roll(dice, 2) == 0 ? "PLAIN"
                                                                : "LOGIN"),
                 .auth_authen = base_text_of(login)},
        .recipients = recipients,
        .recipient_count = 1 + roll(dice, 3),
        .message = &message,
        .each = ignore,
    };

    assert_true(policy_replay_address(PICK(dice, addresses), &address, &error));
    for (size_t i = 0; i < 3; i++)
        recipients[i] = base_text_of(PICK(dice, mailboxes));
    policy_saved_message_parse(&message, base_text_of(PICK(dice, headers)));
    (void)policy_replay_run(session, &replay);
    policy_saved_message_deinit(&message);
}

static void check_hits(const struct policy_rule_hit *hits, const struct written *rules,
                       bool matched[RULES], const char *text)
{
    for (; hits != NULL; hits = hits->next) {
        unsigned number = (unsigned)(hits->name[0] - '0');

        matched[number] = true;
        if (rules[number].is_watched)
            fail_msg("rule %u matched, and is said to be impossible:\n%s", number, text);
    }
}

static void test_flow(void **state)
{
    struct dice dice = {UINT64_C(0x2545f4914f6cdd1d)};
    struct world world;
    struct base_error error;
    unsigned impossible = 0, matched = 0;

    (void)state;
    world_init(&world);
    dns_resolver_destroy(&world.resolver);
    world.resolver = dns_zone_create(BASE_TEXT(ZONE), "test.zone", &error);
    assert_non_null(world.resolver);
    world.env.resolver = world.resolver;
    for (int i = 0; i < CONFIGS; i++) {
        struct written rules[RULES];
        bool seen[RULES] = {false};
        char text[4096];

        for (unsigned j = 0; j < RULES; j++)
            write_rule(&dice, j, &rules[j]);
        /* A mark that is only watched is no way round any more: more may be impossible. */
        for (unsigned more = 1; more > 0; impossible += more)
            more = watch_impossible(rules, text, sizeof(text));
        world_configure(&world, text);
        for (int j = 0; j < SESSIONS; j++) {
            come(&dice, world.session);
            check_hits(policy_session_decision(world.session)->hits, rules, seen, text);
            check_hits(policy_session_decision(world.session)->session_hits, rules, seen, text);
        }
        for (unsigned j = 0; j < RULES; j++)
            matched += seen[j];
    }
    world_deinit(&world);
    /* Both happen. */
    assert_in_range(impossible, CONFIGS * RULES / 20, CONFIGS * RULES / 2);
    assert_in_range(matched, CONFIGS * RULES / 5, CONFIGS * RULES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flow),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
