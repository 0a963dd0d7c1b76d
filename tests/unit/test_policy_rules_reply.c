/* policy/rules and rules_reply: what the client is told, by which codes, and who decides. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "conf/conf.h"
#include "policy/dmarc/dmarc.h"
#include "policy/exceptions.h"
#include "policy/rules.h"
#include "policy/rules_compile.h"
#include "policy/spf/spf.h"

/* Facts that a test sets by hand. */
struct fake {
    struct spf_outcome spf;
    struct spf_outcome helo_spf;
    struct dmarc_outcome dmarc;
    const char *dkim;
    enum policy_author_outcome author;
};

static const struct spf_outcome *get_spf(void *context)
{
    struct fake *fake = context;

    return &fake->spf;
}

static const struct spf_outcome *get_helo_spf(void *context)
{
    struct fake *fake = context;

    return &fake->helo_spf;
}

static const struct dmarc_outcome *get_dmarc(void *context)
{
    struct fake *fake = context;

    return &fake->dmarc;
}

static const char *get_dkim(void *context)
{
    struct fake *fake = context;

    return fake->dkim;
}

static enum policy_author_outcome get_author(void *context)
{
    struct fake *fake = context;

    return fake->author;
}

static struct base_text expand(void *context, enum policy_expansion expansion)
{
    (void)context;
    return expansion == POLICY_EXPAND_HELO ? BASE_TEXT("a\nb%") : (struct base_text){NULL, 0};
}

static struct policy_rule_facts make_facts(struct fake *fake)
{
    return (struct policy_rule_facts){.direction = POLICY_DIRECTION_INBOUND,
                                      .context = fake,
                                      .spf = get_spf,
                                      .helo_spf = get_helo_spf,
                                      .dmarc = get_dmarc,
                                      .dkim = get_dkim,
                                      .author = get_author,
                                      .expand = expand};
}

static void fake_init(struct fake *fake)
{
    *fake = (struct fake){.dkim = "none", .author = POLICY_AUTHOR_ONE};
    fake->spf.domain = BASE_TEXT("example.org");
    fake->helo_spf.domain = BASE_TEXT("mx.example.org");
    if (dns_name_make(&fake->dmarc.author_domain, BASE_TEXT("example.net")) != DNS_NAME_OK)
        fail();
}

/* The rules of a configuration, compiled. */
struct compiled {
    struct conf_snapshot *conf;
    struct policy_rules *rules;
    struct policy_exceptions *exceptions;
    struct base_arena *arena;
    struct policy_rule_hit *hits;
};

static void compile(struct compiled *compiled, const char *text)
{
    static const struct conf_table *const tables[] = {&policy_rule_table, &policy_exception_table};
    struct base_error error;

    *compiled = (struct compiled){.arena = base_arena_create(65536, NULL)};
    compiled->conf = conf_read_text(text, "test.conf", tables, 2, &error);
    if (compiled->conf == NULL)
        fail_msg("%s", error.text);
    compiled->rules = policy_rules_create(compiled->conf, POLICY_PROOF_STAGES, &error);
    if (compiled->rules == NULL)
        fail_msg("%s", error.text);
    compiled->exceptions = policy_exceptions_create(compiled->conf, NULL, NULL, &error);
    if (compiled->exceptions == NULL)
        fail_msg("%s", error.text);
}

static void compiled_end(struct compiled *compiled)
{
    policy_exceptions_destroy(&compiled->exceptions);
    policy_rules_destroy(&compiled->rules);
    conf_snapshot_unref(&compiled->conf);
    base_arena_destroy(&compiled->arena);
}

static const struct policy_verdict *decide(struct compiled *compiled, enum policy_stage stage,
                                           const struct policy_rule_facts *given)
{
    struct policy_rule_facts facts = *given;

    facts.exceptions = compiled->exceptions;
    return policy_rules_decide(compiled->rules, stage, &facts, compiled->arena, &compiled->hits);
}

/* --- replies --- */

enum fact {
    SPF_FAIL,
    SPF_ONLY_ALL,
    SPF_EXPLAINED,
    SPF_TEMPERROR,
    SPF_PERMERROR,
    SPF_SOFTFAIL,
    HELO_FAIL,
    DKIM_NONE,
    DKIM_FAIL,
    DKIM_PASS,
    DKIM_TEMPERROR,
    DMARC_FAIL,
    DMARC_TEMPERROR,
    DMARC_NONE,
    AUTHOR_MULTIPLE,
    AUTHOR_NONE,
    AUTHOR_INVALID,
};

static void set_spf(struct fake *fake, enum fact fact)
{
    static const enum spf_verdict verdicts[] = {
        [SPF_FAIL] = SPF_VERDICT_FAIL,           [SPF_ONLY_ALL] = SPF_VERDICT_FAIL,
        [SPF_EXPLAINED] = SPF_VERDICT_FAIL,      [SPF_TEMPERROR] = SPF_VERDICT_TEMPERROR,
        [SPF_PERMERROR] = SPF_VERDICT_PERMERROR, [SPF_SOFTFAIL] = SPF_VERDICT_SOFTFAIL,
    };

    fake->spf.verdict = verdicts[fact];
    fake->spf.is_only_all = fact == SPF_ONLY_ALL;
    if (fact == SPF_EXPLAINED) {
        fake->spf.explanation = BASE_TEXT("%s%n%% see http://example.org/?ip=192.0.2.1");
        fake->spf.explanation_domain = BASE_TEXT("spf.example.org");
    }
    if (fact == SPF_TEMPERROR || fact == SPF_PERMERROR)
        fake->spf.reason = "no SPF record";
}

static void set_fact(struct fake *fake, enum fact fact)
{
    static const char *const dkim[] = {"none", "fail", "pass", "temperror"};
    static const enum policy_author_outcome authors[] = {POLICY_AUTHOR_MULTIPLE, POLICY_AUTHOR_NONE,
                                                         POLICY_AUTHOR_INVALID};

    if (fact <= SPF_SOFTFAIL) {
        set_spf(fake, fact);
    } else if (fact == HELO_FAIL) {
        fake->helo_spf.verdict = SPF_VERDICT_FAIL;
    } else if (fact <= DKIM_TEMPERROR) {
        fake->dkim = dkim[fact - DKIM_NONE];
    } else if (fact <= DMARC_NONE) {
        fake->dmarc.result = fact == DMARC_FAIL        ? DMARC_RESULT_FAIL
                             : fact == DMARC_TEMPERROR ? DMARC_RESULT_TEMPERROR
                                                       : DMARC_RESULT_NONE;
        fake->dmarc.disposition = fact == DMARC_FAIL ? DMARC_POLICY_REJECT : DMARC_POLICY_NONE;
        fake->dmarc.reason = fact == DMARC_TEMPERROR ? "DNS failed" : NULL;
    } else {
        fake->author = authors[fact - AUTHOR_MULTIPLE];
    }
}

static const struct {
    const char *rule;
    enum fact fact;
    const char *want;
} replies[] = {
    {"spf = { fail }  action = reject", SPF_FAIL,
     "550 5.7.23 SPF: example.org does not permit this client to send its mail"},
    {"spf = { fail }  action = tempfail", SPF_FAIL,
     "451 4.7.23 SPF: example.org does not permit this client to send its mail"},
    {"spf-only-all = true  action = reject", SPF_ONLY_ALL,
     "550 5.7.23 SPF: the domain example.org sends no mail"},
    {"spf = { fail }  action = reject", SPF_EXPLAINED,
     "550 5.7.23 SPF: not permitted; explained by spf.example.org: %s%n%% see "
     "http://example.org/?ip=192.0.2.1"},
    {"spf = { temperror }  action = tempfail", SPF_TEMPERROR,
     "451 4.7.24 SPF of example.org cannot be evaluated: no SPF record"},
    {"spf = { permerror }  action = reject", SPF_PERMERROR,
     "550 5.7.24 SPF of example.org cannot be evaluated: no SPF record"},
    {"spf = { softfail }  action = reject", SPF_SOFTFAIL,
     "550 5.7.23 SPF: softfail for example.org is not accepted here"},
    {"helo-spf = { fail }  action = reject", HELO_FAIL,
     "550 5.7.23 SPF: mx.example.org does not permit this client to send its mail"},
    {"dkim = { none }  action = reject", DKIM_NONE, "550 5.7.20 No passing DKIM signature found"},
    {"dkim = { fail }  action = reject", DKIM_FAIL, "550 5.7.20 DKIM: fail is not accepted here"},
    {"dkim = { pass }  action = reject", DKIM_PASS, "550 5.7.21 DKIM: pass is not accepted here"},
    {"dkim = { temperror }  action = tempfail", DKIM_TEMPERROR,
     "451 4.7.5 The key of a DKIM signature cannot be had"},
    {"dmarc = { fail }  action = reject", DMARC_FAIL,
     "550 5.7.26 DMARC: this message is not authenticated as example.net, whose policy is reject"},
    {"dmarc-disposition = { reject }  action = reject", DMARC_FAIL,
     "550 5.7.26 DMARC: this message is not authenticated as example.net, whose policy is reject"},
    {"dmarc = { temperror }  action = tempfail", DMARC_TEMPERROR,
     "451 4.7.5 DMARC of example.net cannot be evaluated: DNS failed"},
    {"dmarc = { none }  action = reject", DMARC_NONE,
     "550 5.7.26 DMARC: none for example.net is not accepted here"},
    {"author = { multiple }  action = reject", AUTHOR_MULTIPLE,
     "550 5.7.1 The From field has more than one author domain"},
    {"author = { none }  action = reject", AUTHOR_NONE,
     "550 5.7.1 The message has no author domain in From"},
    {"author = { invalid }  action = reject", AUTHOR_INVALID,
     "550 5.7.1 The From field cannot be read"},
    {"direction = inbound  action = reject", DKIM_NONE, "550 5.7.1 Refused by local policy"},
    {"direction = inbound  action = tempfail", DKIM_NONE, "451 4.7.1 Refused by local policy"},
    {"action = reject  code = \"554\"  enhanced-code = \"5.7.0\"  text = \"No.\"", DKIM_NONE,
     "554 5.7.0 No."},
    {"spf = { fail }  action = reject  text = \"Go away\"", SPF_FAIL, "550 5.7.23 Go away"},
    {"action = reject  text = { \"Go %{helo},\", \"100%: %{rule}\", \"%{login}\" }", SPF_FAIL,
     "550 5.7.1 Go a?b%,\n100%: r\n-"},
    /* The most telling condition. */
    {"spf = { fail }  dmarc = { none }  action = reject", SPF_FAIL,
     "550 5.7.26 DMARC: none for example.net is not accepted here"},
    {"spf = { fail }  dkim = { none }  action = reject", SPF_FAIL,
     "550 5.7.20 No passing DKIM signature found"},
    {"action = discard", DKIM_NONE, "  "},
    {"action = mark", DKIM_NONE, "  "},
    {"action = hold-queue", DKIM_NONE, "  "},
    {"action = accept", DKIM_NONE, "  "},
};

static void test_replies(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(replies) / sizeof(replies[0]); i++) {
        struct compiled compiled;
        struct fake fake;
        char conf[512];
        char got[1024] = "nothing";

        fake_init(&fake);
        set_fact(&fake, replies[i].fact);
        snprintf(conf, sizeof(conf), "rule \"r\" { stage = eom  %s }\n", replies[i].rule);
        compile(&compiled, conf);
        struct policy_rule_facts facts = make_facts(&fake);
        const struct policy_verdict *verdict = decide(&compiled, POLICY_STAGE_EOM, &facts);
        if (verdict != NULL)
            snprintf(got, sizeof(got), "%s %s %s", verdict->code, verdict->enhanced, verdict->text);
        if (strcmp(got, replies[i].want) != 0)
            fail_msg("%s: %s", replies[i].rule, got);
        assert_string_equal(verdict->rule, "r");
        compiled_end(&compiled);
    }
}

/* A stranger's text: at most 200 octets of each, printable, on one line. */
static void test_stranger(void **state)
{
    static const char hostile[] = "a\r\n550 b\x01\xff\x7f";
    char large[10240];
    struct compiled compiled;
    struct fake fake;

    (void)state;
    memset(large, 'x', sizeof(large));
    fake_init(&fake);
    fake.spf.verdict = SPF_VERDICT_FAIL;
    fake.spf.explanation_domain = (struct base_text){hostile, sizeof(hostile)};
    fake.spf.explanation = (struct base_text){large, sizeof(large)};
    compile(&compiled, "rule \"r\" { stage = mail  spf = { fail }  action = reject }\n");
    struct policy_rule_facts facts = make_facts(&fake);
    const struct policy_verdict *verdict = decide(&compiled, POLICY_STAGE_MAIL, &facts);
    static const char begin[] = "SPF: not permitted; explained by a??550 b????: xxx";
    assert_memory_equal(verdict->text, begin, sizeof(begin) - 1);
    assert_int_equal(strlen(strstr(verdict->text, ": xxx") + 2), 200);
    fake.spf.explanation = (struct base_text){NULL, 0};
    fake.spf.domain = (struct base_text){hostile, sizeof(hostile)};
    verdict = decide(&compiled, POLICY_STAGE_MAIL, &facts);
    assert_string_equal(verdict->text,
                        "SPF: a??550 b???? does not permit this client to send its mail");
    compiled_end(&compiled);
}

/* --- conditions and their order --- */

/* Rules a, b, ...: which of them decides, and which are noted. */
static const struct {
    const char *name;
    const char *conf;
    /* The one that decides; "" none. */
    const char *want;
    /* In the order of the file. */
    const char *hits;
} orders[] = {
    {"the first that matches",
     "rule \"a\" { stage = eom  spf = { pass }  action = reject }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n"
     "rule \"c\" { stage = eom  dkim = { none }  action = tempfail }\n",
     "b", "b"},
    {"observe only notes",
     "rule \"a\" { stage = eom  mode = observe  spf = { fail }  action = reject }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = tempfail }\n",
     "b", "ab"},
    {"observe alone",
     "rule \"a\" { stage = eom  mode = observe  spf = { fail }  action = reject }\n", "", "a"},
    {"off is not there",
     "rule \"a\" { stage = eom  mode = off  spf = { fail }  action = reject }\n", "", ""},
    {"continue goes on",
     "rule \"a\" { stage = eom  spf = { fail }  action = continue }\n"
     "rule \"b\" { stage = eom  spf = { fail }  action = reject }\n",
     "b", "ab"},
    {"accept ends it",
     "rule \"a\" { stage = eom  spf = { fail }  action = accept }\n"
     "rule \"b\" { stage = eom  spf = { fail, softfail }  action = reject }\n",
     "a", "a"},
    {"another stage",
     "rule \"a\" { stage = mail  spf = { fail }  action = reject }\n"
     "rule \"b\" { stage = rcpt  spf = { fail, softfail }  action = reject }\n",
     "", ""},
    {"conditions are ANDed",
     "rule \"a\" { stage = eom  spf = { fail }  dkim = { pass }  action = reject }\n", "", ""},
    {"values are ORed",
     "rule \"a\" { stage = eom  spf = { pass, softfail, fail }  action = reject }\n", "a", "a"},
    {"direction", "rule \"a\" { stage = eom  direction = outbound  action = reject }\n", "", ""},
    {"only-all false",
     "rule \"a\" { stage = eom  spf = { fail }  spf-only-all = true  action = reject }\n"
     "rule \"b\" { stage = eom  spf = { fail }  spf-only-all = false  action = reject }\n",
     "b", "b"},
};

static void test_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(orders) / sizeof(orders[0]); i++) {
        struct compiled compiled;
        struct fake fake;
        char hits[16] = "";
        size_t count = 0;

        fake_init(&fake);
        fake.spf.verdict = SPF_VERDICT_FAIL;
        compile(&compiled, orders[i].conf);
        struct policy_rule_facts facts = make_facts(&fake);
        const struct policy_verdict *verdict = decide(&compiled, POLICY_STAGE_EOM, &facts);
        if (strcmp(verdict == NULL ? "" : verdict->rule, orders[i].want) != 0)
            fail_msg("%s: %s decides", orders[i].name, verdict == NULL ? "none" : verdict->rule);
        for (struct policy_rule_hit *hit = compiled.hits; hit != NULL; hit = hit->next)
            count++;
        hits[count] = '\0';
        for (struct policy_rule_hit *hit = compiled.hits; hit != NULL; hit = hit->next)
            hits[--count] = hit->name[0];
        if (strcmp(hits, orders[i].hits) != 0)
            fail_msg("%s: hits %s", orders[i].name, hits);
        compiled_end(&compiled);
    }
}

/* A fact that is not there meets no condition. */
static const struct spf_outcome *no_spf(void *context)
{
    (void)context;
    return NULL;
}

static const struct dmarc_outcome *no_dmarc(void *context)
{
    (void)context;
    return NULL;
}

static const char *no_dkim(void *context)
{
    (void)context;
    return NULL;
}

static void test_missing_facts(void **state)
{
    static const char *const rules[] = {
        "spf = { none, neutral, pass, fail, softfail, temperror, permerror }",
        "helo-spf = { none, neutral, pass, fail, softfail, temperror, permerror }",
        "spf-only-all = false",
        "dkim = { none, pass, fail, policy, neutral, temperror, permerror }",
        "dmarc = { none, pass, fail, temperror, permerror }",
        "dmarc-disposition = { none, quarantine, reject }",
        "dmarc-policy = { none, quarantine, reject }",
        "client-net = { \"0.0.0.0/0\", \"::/0\" }",
        "sender-domain = { \".org\" }",
        "recipient = { \"example.org\" }",
        "author-domain = { \".org\" }",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct compiled compiled;
        char conf[512];
        struct policy_rule_facts facts = {
            .spf = no_spf, .helo_spf = no_spf, .dkim = no_dkim, .dmarc = no_dmarc};

        snprintf(conf, sizeof(conf), "rule \"r\" { stage = eom  %s  action = reject }\n", rules[i]);
        compile(&compiled, conf);
        if (decide(&compiled, POLICY_STAGE_EOM, &facts) != NULL)
            fail_msg("%s", rules[i]);
        compiled_end(&compiled);
    }
}

static void test_stages(void **state)
{
    struct compiled compiled;

    (void)state;
    compile(&compiled, "rule \"a\" { stage = mail  action = mark }\n"
                       "rule \"b\" { stage = rcpt  mode = observe  action = reject }\n"
                       "rule \"c\" { stage = data  mode = off  action = reject }\n"
                       "rule \"d\" { stage = eoh  action = tempfail }\n"
                       "rule \"e\" { stage = eom  action = accept }\n");
    assert_int_equal(policy_rules_deciding_stages(compiled.rules), 1U << POLICY_STAGE_EOH);
    assert_int_equal(policy_rules_stages(compiled.rules),
                     1U << POLICY_STAGE_MAIL | 1U << POLICY_STAGE_RCPT | 1U << POLICY_STAGE_EOH |
                         1U << POLICY_STAGE_EOM);
    compiled_end(&compiled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies), cmocka_unit_test(test_stranger),
        cmocka_unit_test(test_order),   cmocka_unit_test(test_missing_facts),
        cmocka_unit_test(test_stages),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
