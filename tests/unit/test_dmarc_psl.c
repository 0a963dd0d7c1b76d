/* dmarc-method: the organizational domain by the public suffix list (RFC 7489 section 3.2), by the
 * walk (RFC 9989 section 4.10), and where the two differ. Suffixes that will not change soon. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/text.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dmarc/psl.h"

static struct dmarc_psl *open_list(void)
{
    struct base_error error = {""};
    struct dmarc_psl *psl = dmarc_psl_create(&error);

    if (psl == NULL)
        fail_msg("%s", error.text);
    return psl;
}

static void make(struct dns_name *name, const char *text)
{
    assert_int_equal(dns_name_make(name, base_text_of(text)), DNS_NAME_OK);
}

static void test_organizational(void **state)
{
    static const struct {
        const char *name;
        const char *want;
    } rows[] = {
        {"example.com", "example.com"},
        {"a.b.example.com", "example.com"},
        {"example.co.uk", "example.co.uk"},
        {"a.example.co.uk", "example.co.uk"},
        {"com", "com"},
        {"co.uk", "co.uk"},
        /* a rule with a wildcard, and its exception */
        {"a.b.c.ck", "b.c.ck"},
        {"a.www.ck", "www.ck"},
        /* not on the list */
        {"a.b.example", "b.example"},
        {"localhost", "localhost"},
        /* an internationalized top level domain */
        {"a.b.xn--p1ai", "b.xn--p1ai"},
    };
    struct dmarc_psl *psl = open_list();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_name name;
        struct dns_name got;

        make(&name, rows[i].name);
        dmarc_psl_organizational(psl, &name, &got);
        if (strcmp(got.text, rows[i].want) != 0)
            fail_msg("%s: got %s, want %s", rows[i].name, got.text, rows[i].want);
    }
    dmarc_psl_destroy(&psl);
    assert_null(psl);
    dmarc_psl_destroy(&psl);
}

struct row {
    const char *name;
    const char *zone;
    const char *author;
    /* The domain that a signature passed for. */
    const char *signer;
    /* "result organizational-domain policy-domain", and whether `compare` notes a difference. */
    const char *by_walk;
    const char *by_list;
    bool is_different;
};

#define RECORD(name, tags) "_dmarc." name " TXT \"v=DMARC1; " tags "\"\n"

static const struct row rows[] = {
    {"both the same", RECORD("example.co.uk", "p=reject"), "a.example.co.uk", "b.example.co.uk",
     "pass example.co.uk example.co.uk", "pass example.co.uk example.co.uk", false},
    {"own record, no walk", RECORD("a.example.co.uk", "p=reject"), "a.example.co.uk",
     "a.example.co.uk", "pass a.example.co.uk a.example.co.uk",
     "pass example.co.uk a.example.co.uk", false},
    {"the list knows an organization without a record", RECORD("a.example.com", "p=reject"),
     "a.example.com", "b.example.com", "fail a.example.com a.example.com",
     "pass example.com a.example.com", true},
    {"psd=n makes a smaller organization",
     RECORD("a.example.com", "p=reject; psd=n") RECORD("example.com", "p=none"), "a.example.com",
     "b.example.com", "fail a.example.com a.example.com", "pass example.com a.example.com", true},
    {"a public suffix that is not on the list",
     RECORD("b.example", "p=reject; psd=y") RECORD("x.b.example", "p=reject"), "x.b.example",
     "y.b.example", "fail x.b.example x.b.example", "pass b.example x.b.example", true},
    {"the record of a public suffix", RECORD("co.uk", "p=reject; psd=y"), "example.co.uk",
     "example.com", "fail example.co.uk co.uk", "none example.co.uk -", true},
    {"a record between", RECORD("b.example.com", "p=reject"), "a.b.example.com", "example.net",
     "fail b.example.com b.example.com", "none example.com -", true},
    {"strict", RECORD("example.com", "p=reject; adkim=s; aspf=s"), "a.example.com", "b.example.com",
     "fail example.com example.com", "fail example.com example.com", false},
    {"no record", "", "a.example.com", "b.example.com", "none a.example.com -",
     "none example.com -", true},
    {"DNS fails where only the walk asks",
     "$FAULT _dmarc.com TXT SERVFAIL\n" RECORD("example.com", "p=reject"), "a.example.com",
     "b.example.com", "temperror - -", "pass example.com example.com", true},
    {"DNS fails at the organizational domain", "$FAULT _dmarc.example.com TXT SERVFAIL\n",
     "a.example.com", "b.example.com", "temperror - -", "temperror example.com -", false},
};

static void describe(const struct dmarc_outcome *outcome, char out[600])
{
    snprintf(out, 600, "%s %s %s", dmarc_result_text(outcome->result),
             outcome->has_organizational ? outcome->organizational_domain.text : "-",
             outcome->has_record ? outcome->policy_domain.text : "-");
}

static void check(const struct row *row, enum dmarc_method method, const struct dmarc_psl *psl)
{
    struct base_clock clock = base_clock_manual(1795348800);
    struct dns_budget budget = {BASE_NS_PER_S};
    struct dns_lookups_options options = {.clock = &clock, .max_questions = 100};
    struct base_error error = {""};
    struct dns_name author;
    struct dns_name signer;
    struct dmarc_identifier dkim = {.domain = &signer, .is_pass = true};
    struct dmarc_identifier spf = dkim;
    struct base_arena *arena = base_arena_create(1 << 20, NULL);
    struct dmarc_request_facts facts = {.arena = arena,
                                        .author_domain = &author,
                                        .spf = &spf,
                                        .dkim = &dkim,
                                        .dkim_count = 1,
                                        .method = method,
                                        .psl = psl};
    struct dmarc_outcome outcome;
    struct base_buf zone;
    char got[600];

    base_buf_init(&zone, NULL, 4096);
    base_buf_appendf(&zone, "$ORIGIN .\n$TTL 300\n%s", row->zone);
    options.resolver = dns_zone_create(base_buf_text(&zone), "zone", &error);
    if (options.resolver == NULL)
        fail_msg("%s", error.text);
    base_buf_deinit(&zone);
    make(&author, row->author);
    make(&signer, row->signer);
    facts.lookups = dns_lookups_create(arena, &options);
    dns_lookups_set_budget(facts.lookups, &budget);
    dmarc_evaluate(&facts, &outcome);

    assert_int_equal(outcome.method, method);
    describe(&outcome, got);
    if (strcmp(got, method == DMARC_METHOD_PSL ? row->by_list : row->by_walk) != 0)
        fail_msg("%s: %s: got %s", row->name, dmarc_method_text(method), got);
    assert_int_equal(outcome.is_spf_aligned, outcome.is_dkim_aligned);
    if ((outcome.by_list != NULL) != (method == DMARC_METHOD_COMPARE && row->is_different))
        fail_msg("%s: %s: a difference is noted wrong", row->name, dmarc_method_text(method));
    if (outcome.by_list != NULL) {
        describe(outcome.by_list, got);
        assert_string_equal(got, row->by_list);
    }
    dns_lookups_destroy(&facts.lookups);
    base_arena_destroy(&arena);
    dns_resolver_destroy(&options.resolver);
}

static void test_methods(void **state)
{
    struct dmarc_psl *psl = open_list();

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        check(&rows[i], DMARC_METHOD_TREEWALK, NULL);
        check(&rows[i], DMARC_METHOD_PSL, psl);
        check(&rows[i], DMARC_METHOD_COMPARE, psl);
    }
    dmarc_psl_destroy(&psl);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_organizational),
        cmocka_unit_test(test_methods),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
