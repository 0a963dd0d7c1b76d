/* The check of published DMARC records (RFC 9989 sections 4.7, 4.8; RFC 9990 section 4): each
 * finding, and the record beside it that has none. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/dmarc/lint.h"

struct world {
    struct base_clock clock;
    struct dns_budget budget;
    struct dns_resolver *resolver;
    struct dmarc_lint lint;
};

static void world_init(struct world *world, const char *zone, const char *domain, size_t memory)
{
    struct dns_lookups_options options = {.max_questions = 400};
    struct base_error error = {""};
    struct base_buf text;

    *world = (struct world){.clock = base_clock_manual(1795348800), .budget = {BASE_NS_PER_S}};
    base_buf_init(&text, NULL, 65536);
    base_buf_appendf(&text, "$ORIGIN .\n$TTL 300\n%s", zone);
    world->resolver = dns_zone_create(base_buf_text(&text), "zone", &error);
    base_buf_deinit(&text);
    if (world->resolver == NULL)
        fail_msg("%s\n%s", error.text, zone);
    options.resolver = world->resolver;
    options.clock = &world->clock;
    world->lint.arena = base_arena_create(memory, NULL);
    world->lint.lookups = dns_lookups_create(world->lint.arena, &options);
    assert_non_null(world->lint.lookups);
    dns_lookups_set_budget(world->lint.lookups, &world->budget);
    assert_int_equal(dns_name_make(&world->lint.domain, base_text_of(domain)), DNS_NAME_OK);
    dmarc_lint_domain(&world->lint);
}

static void world_deinit(struct world *world)
{
    dns_lookups_destroy(&world->lint.lookups);
    base_arena_destroy(&world->lint.arena);
    dns_resolver_destroy(&world->resolver);
}

/* "error p-invalid, note ..."; counts agree with it and every finding has a mend. */
static void expect(const struct world *world, const char *name, const char *want)
{
    struct base_buf words;
    size_t errors = 0;
    size_t warnings = 0;

    base_buf_init(&words, NULL, 4096);
    for (const struct policy_finding *it = world->lint.found.first; it != NULL; it = it->next) {
        base_buf_appendf(&words, "%s%s %s", words.length == 0 ? "" : ", ",
                         policy_severity_text(it->severity), it->word);
        errors += it->severity == POLICY_SEVERITY_ERROR;
        warnings += it->severity == POLICY_SEVERITY_WARNING;
        assert_true(it->mend[0] != '\0' && it->text[0] != '\0');
    }
    if (strcmp(base_buf_cstr(&words), want) != 0)
        fail_msg("%s: got \"%s\", want \"%s\"", name, base_buf_cstr(&words), want);
    assert_int_equal(world->lint.found.errors, errors);
    assert_int_equal(world->lint.found.warnings, warnings);
    base_buf_deinit(&words);
}

/* What stands at _dmarc.example.org. */
static void test_record(void **state)
{
#define RUA "rua=mailto:a@example.org"
    static const struct {
        const char *record;
        const char *want;
    } rows[] = {
        {"v=DMARC1; p=reject; " RUA, ""},
        {"v=DMARC1;p=reject;" RUA ";", ""},
        {"v = DMARC1 ; p = Reject ; " RUA " ; ", ""},
        {"v=DMARC1; p=quarantine; sp=reject; np=reject; adkim=s; aspf=r; psd=u; t=n; " RUA, ""},
        {"v=DMARC1; p=reject; " RUA "; ruf=mailto:f@example.org; fo=1:d:s", ""},
        /* the version */
        {"p=reject; v=DMARC1; " RUA, "error version"},
        {" v=DMARC1; p=reject; " RUA, "error version"},
        {"v=DMARC2; p=reject; " RUA, "error version"},
        {"v=dmarc1; p=reject; " RUA, "error version"},
        {"v=DMARC1 p=reject; " RUA, "error version"},
        {"v=spf1 -all", "warning foreign, error no-record"},
        /* policies */
        {"v=DMARC1; " RUA, "error p-missing"},
        {"v=DMARC1", "error p-missing, warning rua-missing"},
        {"v=DMARC1; p=; " RUA, "error p-invalid"},
        {"v=DMARC1; p=reject; sp=; np =\\001; " RUA, "error sp-invalid, error np-invalid"},
        {"v=DMARC1; p; sp; " RUA, "error malformed, error malformed, error p-missing"},
        {"v=DMARC1; p=block; " RUA, "error p-invalid"},
        {"v=DMARC1; p=reject; sp=all; " RUA, "error sp-invalid"},
        {"v=DMARC1; p=reject; np=x; " RUA, "error np-invalid"},
        {"v=DMARC1; p=none; " RUA, "note p-none"},
        {"v=DMARC1; p=none", "warning p-none, warning rua-missing"},
        {"v=DMARC1; p=reject; sp=none; " RUA, "warning sp-weaker"},
        {"v=DMARC1; p=reject; np=quarantine; " RUA, "warning np-weaker"},
        {"v=DMARC1; p=reject; t=y; " RUA, "warning test"},
        {"v=DMARC1; p=none; t=y; " RUA, "note p-none, note test"},
        {"v=DMARC1; p=none; sp=reject; t=y; " RUA, "note p-none, warning test"},
        /* tags that are gone, unknown, twice, malformed */
        {"v=DMARC1; p=reject; pct=50; rf=afrf; ri=86400; " RUA,
         "warning gone, warning gone, warning gone"},
        {"v=DMARC1; p=reject; policy=none; " RUA, "warning unknown"},
        {"v=DMARC1; p=reject; P=none; " RUA, "error duplicate"},
        {"v=DMARC1; v=DMARC1; p=reject; " RUA, "error duplicate"},
        {"v=DMARC1; p=reject, " RUA, "error p-invalid, warning rua-missing"},
        {"v=DMARC1; p=reject;; " RUA, "warning empty-tag"},
        {"v=DMARC1; p=reject; hello; " RUA, "error malformed"},
        {"v=DMARC1; p=reject; x-y=1; " RUA, "error malformed"},
        {"v=DMARC1; p=reject; adkim=strict; " RUA, "error value"},
        {"v=DMARC1; p=reject; aspf=x; " RUA, "error value"},
        {"v=DMARC1; p=reject; psd=x; " RUA, "error value"},
        {"v=DMARC1; p=reject; t=1; " RUA, "error value"},
        {"v=DMARC1; p=reject; psd=y; " RUA, "warning psd"},
        {"v=DMARC1; p=reject; psd=n; " RUA, "note psd"},
        /* failure reports */
        {"v=DMARC1; p=reject; fo=1; " RUA, "warning fo-pointless"},
        {"v=DMARC1; p=reject; ruf=mailto:f@example.org; fo=0:1; " RUA, "error value"},
        {"v=DMARC1; p=reject; ruf=mailto:f@example.org; fo=d:d; " RUA, "error value"},
        {"v=DMARC1; p=reject; ruf=mailto:f@example.org; fo=1:; " RUA, "error value"},
        {"v=DMARC1; p=reject; ruf=mailto:f@example.org; fo=x; " RUA, "error value"},
        /* addresses */
        {"v=DMARC1; p=reject", "warning rua-missing"},
        {"v=DMARC1; p=reject; rua=a@example.org", "error uri"},
        {"v=DMARC1; p=reject; rua=mailto:example.org", "error uri"},
        {"v=DMARC1; p=reject; rua=mailto:a@example..org", "error uri"},
        {"v=DMARC1; p=reject; rua=mailto:a@example.org b@example.org", "error uri"},
        {"v=DMARC1; p=reject; rua=mailto:a@example.org,", "error uri"},
        {"v=DMARC1; p=reject; rua=mailto:a@example.org!10m", "warning size-limit"},
        {"v=DMARC1; p=reject; rua=https://example.org/r", "warning uri-scheme"},
        {"v=DMARC1; p=reject; rua=mailto:a@example.org?subject=x@other.example", ""},
        {"v=DMARC1; p=reject; rua=mailto:a@sub.example.org, mailto:b@EXAMPLE.org", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;
        struct base_buf zone;

        base_buf_init(&zone, NULL, 4096);
        base_buf_appendf(&zone, "_dmarc.example.org TXT \"%s\"\n", rows[i].record);
        world_init(&world, base_buf_cstr(&zone), "example.org", 1 << 20);
        expect(&world, rows[i].record, rows[i].want);
        base_buf_deinit(&zone);
        world_deinit(&world);
    }
}

#define OWN(tags) "_dmarc.example.org TXT \"v=DMARC1; p=reject; " tags "\"\n"

static void test_zones(void **state)
{
    static const struct {
        const char *name;
        const char *zone;
        const char *domain;
        const char *want;
    } rows[] = {
        {"nothing", "", "example.org", "error no-record"},
        {"two records", OWN("") "_dmarc.example.org TXT \"v=DMARC1; p=none\"\n", "example.org",
         "error several-records"},
        {"a stranger's record beside it", OWN(RUA) "_dmarc.example.org TXT \"hello\"\n",
         "example.org", "warning foreign"},
        {"one of the organization", OWN(RUA), "a.example.org", "note inherited"},
        {"one of the public suffix", "_dmarc.org TXT \"v=DMARC1; p=reject; psd=y\"\n",
         "example.org", "note inherited"},
        {"sp and np of a subdomain",
         OWN(RUA) "_dmarc.a.example.org TXT \"v=DMARC1; p=reject; sp=reject; np=reject; " RUA
                  "\"\n",
         "a.example.org", "warning sp-pointless, warning np-pointless"},
        {"sp of a subdomain that is an organization",
         OWN(RUA) "_dmarc.a.example.org TXT \"v=DMARC1; p=reject; sp=reject; psd=n; "
                  "rua=mailto:a@a.example.org\"\n",
         "a.example.org", "note psd"},
        {"own DNS down", "$FAULT _dmarc.example.org TXT SERVFAIL\n", "example.org", "error dns"},
        {"DNS above down", "$FAULT _dmarc.org TXT SERVFAIL\n" OWN(RUA), "example.org",
         "error dns, warning destination-dns"},
        {"strings", "_dmarc.example.org TXT \"v=DMARC1; p=reject; \" \"" RUA "\"\n", "example.org",
         "note several-strings"},
        {"reports elsewhere, refused", OWN("rua=mailto:a@other.example"), "example.org",
         "error destination"},
        {"reports elsewhere, both tags, told once",
         OWN("rua=mailto:a@other.example; ruf=mailto:b@other.example"), "example.org",
         "error destination"},
        {"reports elsewhere, wanted",
         OWN("rua=mailto:a@other.example") "example.org._report._dmarc.other.example TXT "
                                           "\"v=DMARC1\"\n",
         "example.org", ""},
        {"reports elsewhere, wanted from all",
         OWN("rua=mailto:a@other.example") "*._report._dmarc.other.example TXT \"v=DMARC1;\"\n",
         "example.org", ""},
        {"reports elsewhere, wanted from another",
         OWN("rua=mailto:a@other.example") "example.net._report._dmarc.other.example TXT "
                                           "\"v=DMARC1\"\n",
         "example.org", "error destination"},
        {"reports elsewhere, to another mailbox there",
         OWN("rua=mailto:a@other.example") "example.org._report._dmarc.other.example TXT "
                                           "\"v=DMARC1; rua=mailto:b@Other.example!1m\"\n",
         "example.org", "note destination-override"},
        {"reports elsewhere, sent on to a third",
         OWN("rua=mailto:a@other.example") "example.org._report._dmarc.other.example TXT "
                                           "\"v=DMARC1; rua=mailto:b@third.example\"\n",
         "example.org", "error destination-override"},
        {"reports elsewhere, sent on to a third by another way",
         OWN("rua=mailto:a@other.example") "example.org._report._dmarc.other.example TXT "
                                           "\"v=DMARC1; rua=mailto:b@other.example,"
                                           "https://third.example/\"\n",
         "example.org", "error destination-override"},
        {"reports elsewhere, another record",
         OWN("rua=mailto:a@other.example") "example.org._report._dmarc.other.example TXT "
                                           "\"dmarc\"\n",
         "example.org", "error destination"},
        {"reports elsewhere, DNS down",
         OWN("rua=mailto:a@other.example") "$FAULT example.org._report._dmarc.other.example TXT "
                                           "TIMEOUT\n",
         "example.org", "warning destination-dns"},
        {"reports elsewhere, the walk's DNS down",
         OWN("rua=mailto:a@other.example") "$FAULT _dmarc.other.example TXT SERVFAIL\n",
         "example.org", "warning destination-dns"},
        {"reports within the organization", OWN(RUA), "example.org", ""},
        {"reports from a subdomain to its organization",
         OWN(RUA) "_dmarc.a.example.org TXT \"v=DMARC1; p=reject; " RUA "\"\n", "a.example.org",
         ""},
        {"psd=n makes the parent another organization",
         OWN(RUA) "_dmarc.a.example.org TXT \"v=DMARC1; p=reject; psd=n; " RUA "\"\n",
         "a.example.org", "error destination, note psd"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world world;

        world_init(&world, rows[i].zone, rows[i].domain, 1 << 20);
        expect(&world, rows[i].name, rows[i].want);
        world_deinit(&world);
    }
}

static void test_caps(void **state)
{
    struct base_buf zone;
    struct world world;
    char label[64];

    (void)state;
    base_buf_init(&zone, NULL, 65536);
    base_buf_append_cstr(&zone, "_dmarc.example.org TXT \"v=DMARC1; p=reject; " RUA "\"");
    for (int i = 0; i < 100; i++)
        base_buf_append_cstr(&zone, " \"; x=1; y=2\"");
    world_init(&world, base_buf_cstr(&zone), "example.org", 1 << 20);
    assert_int_equal(world.lint.found.errors, 1);
    assert_int_equal(world.lint.found.warnings, 62);
    world_deinit(&world);
    /* no room for findings: still no clean bill */
    world_init(&world, base_buf_cstr(&zone), "example.org", 24 << 10);
    assert_true(world.lint.found.errors > 0);
    world_deinit(&world);
    base_buf_deinit(&zone);

    memset(label, 'a', sizeof(label) - 1);
    label[sizeof(label) - 1] = '\0';
    base_buf_init(&zone, NULL, 1024);
    base_buf_appendf(&zone, "%s.%s.%s.%.56s", label, label, label, label);
    world_init(&world, "", base_buf_cstr(&zone), 1 << 20);
    expect(&world, "name too long", "error name-too-long");
    world_deinit(&world);
    base_buf_deinit(&zone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record),
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_caps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
