/* policy/evaluation: how often DNS is asked for one message. The resolver counts, so that nothing
 * is overlooked that the message's own list of questions does not show. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/lookups.h"
#include "keys/record.h"
#include "policy/evaluation.h"
#include "policy/spf/spf.h"
#include "tests/unit/policy_world.h"

enum {
    QUESTIONS_MAX = 128
};

/* A zone behind a resolver that writes down what it is asked. */
struct fake_resolver {
    struct dns_resolver resolver;
    struct dns_resolver_ops ops;
    struct dns_resolver *zone;
    char questions[QUESTIONS_MAX][DNS_NAME_MAX + 32];
    size_t count;
};

static struct dns_pending *fake_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                    enum dns_type type)
{
    struct fake_resolver *fake = (struct fake_resolver *)resolver;

    assert_true(fake->count < QUESTIONS_MAX);
    (void)snprintf(fake->questions[fake->count++], sizeof(fake->questions[0]), "%s/%d", name->text,
                   (int)type);
    return fake->zone->ops->ask(fake->zone, name, type);
}

static void fake_open(struct fake_resolver *fake, const char *zone)
{
    struct base_error error;

    *fake = (struct fake_resolver){.zone = dns_zone_create(base_text_of(zone), "zone", &error)};
    if (fake->zone == NULL)
        fail_msg("%s", error.text);
    fake->ops = *fake->zone->ops;
    fake->ops.ask = fake_ask;
    fake->resolver = (struct dns_resolver){.ops = &fake->ops, .is_test_zone = true};
}

/* A resolver whose answers take a wait, and of names below slow.org never come. */
#define SLOW_MAX 16

static struct fake_resolver slow;
static struct dns_pending *slow_pending[SLOW_MAX];
static size_t slow_count;

static struct dns_pending *slow_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                    enum dns_type type)
{
    struct dns_pending *pending = fake_ask(resolver, name, type);

    if (strstr(name->text, "slow.org") != NULL) {
        assert_true(slow_count < SLOW_MAX);
        slow_pending[slow_count++] = pending;
    }
    return pending;
}

static struct dns_answer *slow_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    for (size_t i = 0; i < slow_count; i++)
        if (slow_pending[i] == pending)
            return NULL;
    return timeout_ns == 0 ? NULL : slow.zone->ops->wait(pending, timeout_ns);
}

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

/* Our own signature of a message of example.org, as its receiver sees it. */
static void sign(struct world *world, char value[4096])
{
    const struct policy_edit *edit;

    world_configure(world, "sign \"example.org\" { keys = { \"s1\" } }\n");
    world_connect(world, "192.0.2.1", "ORIGINATING");
    world_mail(world, "<alice@example.org>", "");
    world_field(world, "From", " Alice <alice@example.org>");
    world_field(world, "Subject", " Hello");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    edit = policy_session_edits(world->session)->first;
    assert_non_null(edit);
    assert_string_equal(edit->name.data, "DKIM-Signature");
    (void)snprintf(value, 4096, "%s", edit->value.data);
}

static void append_key(const struct world *world, struct base_buf *zone)
{
    struct dns_name domain;
    struct base_error error;
    struct keys_key *key;

    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    key = keys_store_load(world->key_dir, &domain, "s1", NULL, &error);
    if (key == NULL)
        fail_msg("%s", error.text);
    assert_true(keys_record_append_line(key, &domain, "s1", zone));
    keys_key_unref(&key);
}

static void assert_all_different(const struct fake_resolver *fake)
{
    for (size_t i = 0; i < fake->count; i++)
        for (size_t k = i + 1; k < fake->count; k++)
            assert_string_not_equal(fake->questions[i], fake->questions[k]);
}

/* What is wanted anyway is asked as soon as MAIL is there, so that the waits overlap. */
static void test_asked_at_mail(void **state)
{
    static const struct {
        const char *more;
        const char *question;
        bool want;
    } rows[] = {
        {"iprev = yes\n", "1.2.0.192.in-addr.arpa/12", true},
        {"iprev = no\n", "1.2.0.192.in-addr.arpa/12", false},
        {"", "example.org/16", true},
        {"", "client.example/16", false},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct fake_resolver fake;
        bool is_asked = false;

        fake_open(&fake, "example.org. 300 IN A 192.0.2.1\n");
        world->env.resolver = &fake.resolver;
        world_configure(world, rows[i].more);
        world_connect(world, "192.0.2.1", "");
        world_mail(world, "<alice@example.org>", "");
        for (size_t k = 0; k < fake.count; k++)
            is_asked |= strcmp(fake.questions[k], rows[i].question) == 0;
        if (is_asked != rows[i].want)
            fail_msg("row %zu: %s", i, rows[i].question);
        policy_session_destroy(&world->session);
        dns_resolver_destroy(&fake.zone);
        world->env.resolver = world->resolver;
    }
}

/* However often rules ask. */
static void test_evaluated_once(void **state)
{
    static const struct policy_helo_facts helo = {.helo = BASE_TEXT("mx.example.net")};
    struct world *world = *state;
    const struct spf_record *first[2];
    struct fake_resolver fake;

    fake_open(&fake, "mx.example.net. 300 IN TXT \"v=spf1 -all\"\n"
                     "example.org. 300 IN TXT \"v=spf1 -all\"\n");
    world->env.resolver = &fake.resolver;
    world_configure(world, "");
    world_connect(world, "192.0.2.1", "");
    policy_session_helo(world->session, &helo);
    world_mail(world, "<alice@example.org>", "");
    first[0] = policy_evaluation_helo_spf(world->session)->record;
    first[1] = policy_evaluation_spf(world->session)->record;
    assert_non_null(first[0]);
    assert_non_null(first[1]);
    assert_ptr_equal(policy_evaluation_helo_spf(world->session)->record, first[0]);
    assert_ptr_equal(policy_evaluation_spf(world->session)->record, first[1]);
    world_finish(world);
    assert_ptr_equal(policy_session_decision(world->session)->helo_spf->record, first[0]);
    assert_ptr_equal(policy_session_decision(world->session)->spf->record, first[1]);
    policy_session_destroy(&world->session);
    dns_resolver_destroy(&fake.zone);
    world->env.resolver = world->resolver;
}

struct row {
    const char *name;
    const char *spf;
    const char *helo;
    const char *reverse_path;
    const char *dmarc;
    /* What SPF's terms ask for themselves: records of includes, addresses of `a` and `mx`. */
    unsigned spf_questions;
    /* Besides: SPF records of MAIL FROM and HELO, one key, the policy. */
    unsigned others;
    const char *want_spf;
};

#define DMARC "_dmarc.example.org. TXT \"v=DMARC1; p=reject\"\n"

static const struct row rows[] = {
    {"a literal", "v=spf1 ip4:192.0.2.1 -all", "mx.example.org", "<a@example.org>", DMARC, 0, 4,
     "pass"},
    {"a and include", "v=spf1 a include:i.example.org ip4:192.0.2.1 -all", "mx.example.org",
     "<a@example.org>", DMARC, 2, 4, "pass"},
    {"one name asked for twice", "v=spf1 a a:example.org a ip4:192.0.2.1 -all", "mx.example.org",
     "<a@example.org>", DMARC, 1, 4, "pass"},
    {"mx with two hosts", "v=spf1 mx ip4:192.0.2.1 -all", "mx.example.org", "<a@example.org>",
     DMARC, 3, 4, "pass"},
    {"HELO is the domain of MAIL FROM", "v=spf1 a ip4:192.0.2.1 -all", "example.org",
     "<a@example.org>", DMARC, 1, 3, "pass"},
    {"a null reverse-path", "v=spf1 a ip4:192.0.2.1 -all", "example.org", "<>", DMARC, 1, 3,
     "pass"},
    {"HELO is no name", "v=spf1 ip4:192.0.2.1 -all", "[192.0.2.1]", "<a@example.org>", DMARC, 0, 3,
     "pass"},
    {"an unrelated reverse-path", "v=spf1 -all", "mx.example.org", "<a@other.example>", DMARC, 0, 4,
     "pass"},
    {"no policy anywhere", "v=spf1 ip4:192.0.2.1 -all", "mx.example.org", "<a@example.org>", "", 0,
     5, "pass"},
};

static void run(struct world *world, const char *signature, const struct row *row)
{
    struct policy_helo_facts helo = {.helo = base_text_of(row->helo)};
    struct dns_resolver *original = world->env.resolver;
    struct fake_resolver fake;
    struct base_buf zone;

    base_buf_init(&zone, NULL, 65536);
    base_buf_appendf(&zone, "example.org. TXT \"%s\"\nexample.org. A 192.0.2.9\n%s", row->spf,
                     row->dmarc);
    base_buf_append_cstr(&zone, "mx.example.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                                "example.org. MX 1 h1.example.org.\n"
                                "example.org. MX 2 h2.example.org.\n"
                                "h1.example.org. A 192.0.2.9\nh2.example.org. A 192.0.2.9\n"
                                "other.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                                "i.example.org. TXT \"v=spf1 ip4:192.0.2.9 -all\"\n");
    append_key(world, &zone);
    fake_open(&fake, base_buf_cstr(&zone));
    base_buf_deinit(&zone);
    world->env.resolver = &fake.resolver;
    world_configure(world, "");
    world_connect(world, "192.0.2.1", "smtpd");
    policy_session_helo(world->session, &helo);
    world_mail(world, row->reverse_path, "");
    policy_session_rcpt(world->session, BASE_TEXT("<bob@example.net>"));
    policy_session_data(world->session);
    world_field(world, "DKIM-Signature", signature);
    world_field(world, "From", " Alice <alice@example.org>");
    world_field(world, "Subject", " Hello");
    assert_int_equal(world_finish(world)->action, POLICY_ACTION_CONTINUE);
    const struct policy_decision *decision = policy_session_decision(world->session);
    assert_string_equal(decision->dkim_word, "pass");
    assert_string_equal(spf_verdict_text(decision->spf->verdict), row->want_spf);
    if (fake.count != row->spf_questions + row->others) {
        for (size_t i = 0; i < fake.count; i++)
            print_message("  %s\n", fake.questions[i]);
        fail_msg("%s: %zu questions, not %u", row->name, fake.count,
                 row->spf_questions + row->others);
    }
    assert_all_different(&fake);
    assert_int_equal(dns_lookups_count(policy_session_lookups(world->session)), fake.count);
    policy_session_destroy(&world->session);
    world->env.resolver = original;
    dns_resolver_destroy(&fake.zone);
}

static void test_questions(void **state)
{
    struct world *world = *state;
    char signature[4096];

    sign(world, signature);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        run(world, signature, &rows[i]);
}

/* Whose DNS answers late or never uses up what there is to wait, but not before the author
 * domain's policy is known: or else a stranger could make a failure temporary. */
#define SLOW_KEY                                               \
    " v=1; a=rsa-sha256; d=slow.org; s=s; h=from; b=AAAA;\n\t" \
    "bh=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

static const struct {
    const char *name;
    const char *zone;
    const char *author;
    const char *signature;
    const char *reverse_path;
    const char *want;
} slow_rows[] = {
    {"no slow name", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n", "a@bank.org", NULL,
     "<a@other.example>", "fail"},
    {"the author's own record", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n", "a@bank.org",
     SLOW_KEY, "<a@other.example>", "fail"},
    {"its organizational domain's", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n", "a@b.bank.org",
     SLOW_KEY, "<a@other.example>", "fail"},
    {"of a name of many labels", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n",
     "a@b.c.d.e.f.g.h.bank.org", SLOW_KEY, "<a@other.example>", "fail"},
    {"another domain of its top passes", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n",
     "a@bank.org", SLOW_KEY, "<a@other.org>", "fail"},
    {"another domain of its top in the reverse-path",
     "_dmarc.bank.example. TXT \"v=DMARC1; p=reject\"\n", "a@bank.example", SLOW_KEY,
     "<a@other.example>", "fail"},
    {"a malformed reverse-path that passes", "_dmarc.other.org. TXT \"v=DMARC1; p=reject\"\n",
     "a@other.org", NULL, "<a@thief.example@other.org>", "fail"},
    {"the same, well-formed", "_dmarc.other.org. TXT \"v=DMARC1; p=reject\"\n", "a@other.org", NULL,
     "<a@other.org>", "pass"},
    {"one that does not exist", "_dmarc.bank.org. TXT \"v=DMARC1; p=none; np=reject\"\n",
     "a@b.bank.org", SLOW_KEY, "<a@other.example>", "fail"},
    {"a slow reverse-path", "_dmarc.bank.org. TXT \"v=DMARC1; p=reject\"\n", "a@b.bank.org",
     SLOW_KEY, "<a@slow.org>", "fail"},
    {"a slow one that would align", "_dmarc.slow.org. TXT \"v=DMARC1; p=reject\"\n", "a@slow.org",
     SLOW_KEY, "<a@other.example>", "temperror"},
};

static void run_slow(struct world *world, size_t i)
{
    struct dns_resolver *original = world->env.resolver;
    struct base_buf zone;
    char from[128];

    slow_count = 0;
    base_buf_init(&zone, NULL, 65536);
    base_buf_append_cstr(&zone, slow_rows[i].zone);
    base_buf_append_cstr(&zone, "other.example. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n"
                                "other.org. TXT \"v=spf1 ip4:192.0.2.1 -all\"\n");
    fake_open(&slow, base_buf_cstr(&zone));
    base_buf_deinit(&zone);
    slow.ops.ask = slow_ask;
    slow.ops.wait = slow_wait;
    world->env.resolver = &slow.resolver;
    world_configure(world, "");
    world_connect(world, "192.0.2.1", "smtpd");
    world_mail(world, slow_rows[i].reverse_path, "");
    if (slow_rows[i].signature != NULL)
        world_field(world, "DKIM-Signature", slow_rows[i].signature);
    (void)snprintf(from, sizeof(from), " <%s>", slow_rows[i].author);
    world_field(world, "From", from);
    world_finish(world);
    const char *got = dmarc_result_text(policy_session_decision(world->session)->dmarc->result);

    if (strcmp(got, slow_rows[i].want) != 0)
        fail_msg("%s: %s", slow_rows[i].name, got);
    assert_all_different(&slow);
    policy_session_destroy(&world->session);
    world->env.resolver = original;
    dns_resolver_destroy(&slow.zone);
}

static void test_slow(void **state)
{
    for (size_t i = 0; i < sizeof(slow_rows) / sizeof(slow_rows[0]); i++)
        run_slow(*state, i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_asked_at_mail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_evaluated_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_questions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slow, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
