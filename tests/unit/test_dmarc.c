/* policy/dmarc: discovery, alignment, disposition (RFC 9989 sections 4.10.1, 4.10.2, 5.3). */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "tests/unit/dmarc_rows.h"

/* 4.10.1: which record, which tag. */
static const struct row discoveries[] = {
    {"no record", EXISTS("example.com"), "a.example.com", NULL, {NULL}, "none none -", NULL, 3},
    {"its own",
     R("example.com", "p=reject"),
     "example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     1},
    {"its own before the organizational domain's",
     R("a.example.com", "p=none") R("example.com", "p=reject"),
     "a.example.com",
     NULL,
     {NULL},
     "fail none p",
     "a.example.com",
     1},
    {"sp of its own is not for it",
     R("example.com", "p=reject;sp=none"),
     "example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     1},
    {"the organizational domain's p",
     R("example.com", "p=reject"),
     "a.example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     3},
    {"its sp",
     R("example.com", "p=none;sp=quarantine"),
     "a.example.com",
     NULL,
     {NULL},
     "fail quarantine sp",
     "example.com",
     3},
    {"two below",
     R("example.com", "p=none;sp=reject"),
     "a.b.example.com",
     NULL,
     {NULL},
     "fail reject sp",
     "example.com",
     4},
    {"between them another",
     R("b.example.com", "p=none") R("example.com", "p=reject"),
     "a.b.example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     4},
    {"psd=n between",
     R("b.example.com", "p=none;psd=n") R("example.com", "p=reject"),
     "a.b.example.com",
     NULL,
     {NULL},
     "fail none p",
     "b.example.com",
     2},
    {"the public suffix's",
     R("com", "p=quarantine;psd=y"),
     "a.example.com",
     NULL,
     {NULL},
     "fail quarantine p",
     "com",
     3},
    {"the organizational domain's before it",
     R("com", "p=quarantine;psd=y") R("example.com", "p=none"),
     "a.example.com",
     NULL,
     {NULL},
     "fail none p",
     "example.com",
     3},
    {"not one between",
     R("com", "p=quarantine;psd=y") R("b.example.com", "p=none"),
     "a.b.example.com",
     NULL,
     {NULL},
     "fail quarantine p",
     "com",
     4},
    {"the organizational domain's, which the walk has left out",
     R("3.4.5.6.7.8.9", "p=quarantine;psd=y") R("2.3.4.5.6.7.8.9", "p=reject"),
     "1.2.3.4.5.6.7.8.9",
     NULL,
     {NULL},
     "fail reject p",
     "2.3.4.5.6.7.8.9",
     3},
    {"it has none",
     R("3.4.5.6.7.8.9", "p=quarantine;psd=y"),
     "1.2.3.4.5.6.7.8.9",
     NULL,
     {NULL},
     "fail quarantine p",
     "3.4.5.6.7.8.9",
     3},
    {"the suffix itself",
     R("com", "p=reject;sp=none;psd=y"),
     "com",
     NULL,
     {NULL},
     "fail reject p",
     "com",
     1},
    {"several records",
     R("example.com", "p=reject") R("example.com", "p=none"),
     "example.com",
     NULL,
     {NULL},
     "none none -",
     NULL,
     2},
    {"several, and one above",
     R("a.example.com", "p=none") R("a.example.com", "p=none") R("example.com", "p=reject"),
     "a.example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     3},

    {"np, nonexistent",
     R("example.com", "p=none;sp=none;np=reject"),
     "no.example.com",
     NULL,
     {NULL},
     "fail reject np",
     "example.com",
     4},
    {"np, existent",
     R("example.com", "p=none;sp=none;np=reject") EXISTS("a.example.com"),
     "a.example.com",
     NULL,
     {NULL},
     "fail none sp",
     "example.com",
     4},
    {"np, an empty name exists",
     R("example.com", "p=none;np=reject") EXISTS("b.a.example.com"),
     "a.example.com",
     NULL,
     {NULL},
     "fail none p",
     "example.com",
     4},
    {"np as severe as sp: not asked",
     R("example.com", "p=none;sp=reject;np=reject"),
     "no.example.com",
     NULL,
     {NULL},
     "fail reject sp",
     "example.com",
     3},
    {"np milder",
     R("example.com", "p=reject;np=none"),
     "no.example.com",
     NULL,
     {NULL},
     "fail none np",
     "example.com",
     4},
    {"np of its own is not for it",
     R("example.com", "p=none;np=reject"),
     "example.com",
     NULL,
     {NULL},
     "fail none p",
     "example.com",
     1},
    {"np of the suffix",
     R("com", "p=none;np=reject;psd=y"),
     "example.com",
     NULL,
     {NULL},
     "fail reject np",
     "com",
     3},
    {"whether it exists is not known",
     R("example.com", "p=none;np=reject") "$FAULT no.example.com. TXT SERVFAIL\n",
     "no.example.com",
     NULL,
     {NULL},
     "temperror none p",
     "example.com",
     4},
};

static void test_discovery(void **state)
{
    (void)state;
    CHECK(discoveries);
}

#define RUA "rua=mailto:a@example.com"
/* The end of 4.10.1: a record that cannot be used as it is. */
static const struct row unusable[] = {
    {"no p",
     R("example.com", "t=n"),
     "example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"no p, with rua",
     R("example.com", RUA),
     "example.com",
     NULL,
     {NULL},
     "fail none rua",
     "example.com",
     1},
    {"no p, with a bad rua",
     R("example.com", "rua=a@example.com"),
     "example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"a bad p",
     R("example.com", "p=bad"),
     "example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"a bad p, with rua",
     R("example.com", "p=bad;" RUA),
     "example.com",
     NULL,
     {NULL},
     "fail none rua",
     "example.com",
     1},
    {"a bad sp",
     R("example.com", "p=reject;sp=bad"),
     "example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"a bad sp, with rua",
     R("example.com", "p=reject;sp=bad;" RUA),
     "example.com",
     NULL,
     {NULL},
     "fail none rua",
     "example.com",
     1},
    {"a bad np",
     R("example.com", "p=reject;np=bad"),
     "example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"a bad np, with rua, below",
     R("example.com", "p=reject;np=bad;" RUA),
     "a.example.com",
     NULL,
     {NULL},
     "fail none rua",
     "example.com",
     3},
    {"no p but sp, below",
     R("example.com", "sp=reject"),
     "a.example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "example.com",
     3},
    {"it still passes",
     R("example.com", "p=bad;" RUA),
     "example.com",
     "+example.com",
     {NULL},
     "pass none rua",
     "example.com",
     1},
    {"permerror does not pass",
     R("example.com", "p=bad"),
     "example.com",
     "+example.com",
     {NULL},
     "permerror none rua",
     "example.com",
     1},
    {"it hides the one above",
     R("a.example.com", "p=bad") R("example.com", "p=reject"),
     "a.example.com",
     NULL,
     {NULL},
     "permerror none rua",
     "a.example.com",
     1},
};

static void test_unusable(void **state)
{
    (void)state;
    CHECK(unusable);
}

/* 4.4, 4.10.2. */
static const struct row alignments[] = {
    {"spf equal", OWN, "example.com", "+example.com", {NULL}, "pass none p", "example.com", 1},
    {"dkim equal", OWN, "example.com", NULL, {"+example.com"}, "pass none p", "example.com", 1},
    {"any of them",
     OWN,
     "example.com",
     "-example.com",
     {"-a.net", "-b.net", "+example.com"},
     "pass none p",
     "example.com",
     1},
    {"what failed gives no credit",
     OWN,
     "example.com",
     "-example.com",
     {"-example.com"},
     "fail reject p",
     "example.com",
     1},
    {"a subdomain", OWN, "example.com", "+a.example.com", {NULL}, "pass none p", "example.com", 3},
    {"a parent",
     R("example.com", "p=reject"),
     "a.example.com",
     NULL,
     {"+example.com"},
     "pass none p",
     "example.com",
     3},
    {"a sibling", OWN, "a.example.com", NULL, {"+b.example.com"}, "pass none p", "example.com", 4},
    {"another domain",
     OWN,
     "example.com",
     "+example.net",
     {NULL},
     "fail reject p",
     "example.com",
     1},
    {"a name that ends alike",
     OWN,
     "example.com",
     "+badexample.com",
     {NULL},
     "fail reject p",
     "example.com",
     2},
    {"both without a record but the suffix",
     R("com", "p=reject;psd=y"),
     "a.example.com",
     "+b.example.com",
     {NULL},
     "pass none p",
     "com",
     4},
    {"two organizations of a suffix",
     R("com", "p=reject;psd=y"),
     "a.example.com",
     "+b.example2.com",
     {NULL},
     "fail reject p",
     "com",
     3},
    {"the suffix as identifier",
     R("com", "p=reject;psd=y"),
     "example.com",
     "+com",
     {NULL},
     "fail reject p",
     "com",
     2},
    {"psd=n parts them",
     OWN R("a.example.com", "p=reject;psd=n"),
     "a.example.com",
     "+example.com",
     {NULL},
     "fail reject p",
     "a.example.com",
     1},
    {"psd=n above the identifier too",
     R("a.example.com", "p=reject;psd=n"),
     "a.example.com",
     "+b.a.example.com",
     {NULL},
     "pass none p",
     "a.example.com",
     2},
    {"strict spf",
     R("example.com", "p=reject;aspf=s"),
     "example.com",
     "+a.example.com",
     {NULL},
     "fail reject p",
     "example.com",
     1},
    {"strict spf, equal",
     R("example.com", "p=reject;aspf=s"),
     "example.com",
     "+example.com",
     {NULL},
     "pass none p",
     "example.com",
     1},
    {"strict spf is not strict dkim",
     R("example.com", "p=reject;aspf=s"),
     "example.com",
     NULL,
     {"+a.example.com"},
     "pass none p",
     "example.com",
     3},
    {"strict dkim",
     R("example.com", "p=reject;adkim=s"),
     "example.com",
     NULL,
     {"+a.example.com"},
     "fail reject p",
     "example.com",
     1},
    {"strict dkim is not strict spf",
     R("example.com", "p=reject;adkim=s"),
     "example.com",
     "+a.example.com",
     {NULL},
     "pass none p",
     "example.com",
     3},
    {"strict from above",
     R("example.com", "p=reject;adkim=s;aspf=s"),
     "a.example.com",
     "+example.com",
     {"+b.example.com"},
     "fail reject p",
     "example.com",
     3},
    {"no record: nothing is compared",
     EXISTS("example.com"),
     "example.com",
     "+example.com",
     {"+example.net"},
     "none none -",
     NULL,
     2},
};

static void test_alignment(void **state)
{
    (void)state;
    CHECK(alignments);
}

static const struct row milder[] = {
    {"reject",
     R("example.com", "p=reject;t=y"),
     "example.com",
     NULL,
     {NULL},
     "fail quarantine p",
     "example.com",
     1},
    {"quarantine",
     R("example.com", "p=quarantine;t=y"),
     "example.com",
     NULL,
     {NULL},
     "fail none p",
     "example.com",
     1},
    {"none",
     R("example.com", "p=none;t=y"),
     "example.com",
     NULL,
     {NULL},
     "fail none p",
     "example.com",
     1},
    {"t=n",
     R("example.com", "p=reject;t=n"),
     "example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     1},
    {"sp",
     R("example.com", "p=none;sp=reject;t=y"),
     "a.example.com",
     NULL,
     {NULL},
     "fail quarantine sp",
     "example.com",
     3},
    {"np",
     R("example.com", "p=none;np=quarantine;t=y"),
     "a.example.com",
     NULL,
     {NULL},
     "fail none np",
     "example.com",
     4},
    {"pct is gone",
     R("example.com", "p=reject;pct=0"),
     "example.com",
     NULL,
     {NULL},
     "fail reject p",
     "example.com",
     1},
};

static void test_milder(void **state)
{
    (void)state;
    CHECK(milder);
}

/* What reports and explanations need. */
static void test_outcome(void **state)
{
    static const struct row row = {"outcome",
                                   R("example.com", "p=none;sp=reject;t=y"),
                                   "a.example.com",
                                   "+b.example.net",
                                   {"+c.example.com", "-example.com"},
                                   NULL,
                                   NULL,
                                   0};
    struct dmarc_world world;
    struct dmarc_outcome outcome;

    (void)state;
    dmarc_world_init(&world, row.zone, 65536);
    evaluate(&world, &row, &outcome);
    assert_int_equal(outcome.result, DMARC_RESULT_PASS);
    assert_int_equal(outcome.policy, DMARC_POLICY_REJECT);
    assert_int_equal(outcome.disposition, DMARC_POLICY_NONE);
    assert_true(outcome.is_dkim_aligned);
    assert_false(outcome.is_spf_aligned);
    assert_true(outcome.has_organizational);
    assert_string_equal(outcome.organizational_domain.text, "example.com");
    assert_string_equal(outcome.author_domain.text, "a.example.com");
    assert_true(base_text_equals(outcome.record.text, BASE_TEXT("v=DMARC1;p=none;sp=reject;t=y")));
    assert_non_null(outcome.walk);
    assert_int_equal(outcome.walk->count, 3);
    dmarc_world_deinit(&world);
}

static void test_own_record(void **state)
{
    static const struct row row = {"own", OWN, "example.com", NULL, {NULL}, NULL, NULL, 0};
    struct dmarc_world world;
    struct dmarc_outcome outcome;

    (void)state;
    dmarc_world_init(&world, row.zone, 65536);
    evaluate(&world, &row, &outcome);
    assert_null(outcome.walk);
    assert_true(outcome.has_organizational);
    assert_string_equal(outcome.organizational_domain.text, "example.com");
    dmarc_world_deinit(&world);
}

static void test_prefetch(void **state)
{
    static const struct {
        const char *author;
        size_t want;
    } rows[] = {{"com", 1}, {"example.com", 1}, {"a.example.com", 2}, {"1.2.3.4.5.6.7.8.9", 2}};

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_name author = dmarc_world_name(rows[i].author);
        struct dmarc_world world;

        dmarc_world_init(&world, EXISTS("x"), 65536);
        dmarc_prefetch(world.lookups, &author);
        assert_int_equal(dns_lookups_count(world.lookups), rows[i].want);
        dmarc_world_deinit(&world);
    }
}

/* Wherever memory runs out the result is temperror. */
static void test_memory(void **state)
{
    static const struct row row = {"memory",
                                   R("example.com", "p=none;np=reject"),
                                   "a.example.com",
                                   "+b.example.net",
                                   {"+c.example.org"},
                                   NULL,
                                   NULL,
                                   0};
    bool is_enough = false;

    (void)state;
    for (size_t memory = 1024; !is_enough; memory += 64) {
        struct dmarc_world world;
        struct dmarc_outcome outcome;

        dmarc_world_init(&world, row.zone, memory);
        evaluate(&world, &row, &outcome);
        is_enough = !base_arena_is_exhausted(world.arena);
        assert_string_equal(dmarc_result_text(outcome.result), is_enough ? "fail" : "temperror");
        dmarc_world_deinit(&world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_discovery), cmocka_unit_test(test_unusable),
        cmocka_unit_test(test_alignment), cmocka_unit_test(test_milder),
        cmocka_unit_test(test_outcome),   cmocka_unit_test(test_own_record),
        cmocka_unit_test(test_prefetch),  cmocka_unit_test(test_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
