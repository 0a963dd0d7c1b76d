/* shared/suites/dmarc: the RFC's own examples and others', after RFC 9989. Rows that were written
 * for RFC 7489 and are decided otherwise are named below with the reason. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dns/lookups.h"
#include "policy/dmarc/dmarc.h"
#include "tests/conformance/suite.h"

static const struct {
    const char *id;
    const char *want;
    const char *reason;
} otherwise[] = {
    {"mox/lookup-malformed.example", "fail",
     "RFC 9989 section 4.8: syntax errors behind the version are discarded; permerror was RFC "
     "7489's"},
    {"mox/verify-14", "fail",
     "RFC 9989 section 4.8: syntax errors behind the version are discarded; permerror was RFC "
     "7489's"},
};

struct run {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    struct dmarc_identifier spf;
    struct dmarc_identifier dkim[8];
    struct dns_name names[10];
    struct dmarc_request_facts request;
    struct dmarc_outcome outcome;
};

static bool set_identifier(struct dmarc_identifier *identifier, struct dns_name *name,
                           const struct base_json *facts, const char *key)
{
    const char *domain = suite_text(facts, key, "");
    const char *result = suite_text(facts, "result", "none");

    memset(identifier, 0, sizeof(*identifier));
    if (dns_name_make(name, base_text_of(domain)) != DNS_NAME_OK)
        return false;
    identifier->domain = name;
    identifier->is_pass = strcmp(result, "pass") == 0;
    identifier->is_temporary = strcmp(result, "temperror") == 0;
    return true;
}

static void evaluate(struct run *run, const struct base_json *test)
{
    const char *from = suite_text(test, "from", "");
    const struct base_json *dkim = base_json_get(test, "dkim");

    if (dns_name_make(&run->names[0], base_text_of(strrchr(from, '@') + 1)) != DNS_NAME_OK)
        exit(1);
    run->request.arena = run->arena;
    run->request.lookups = run->lookups;
    run->request.author_domain = &run->names[0];
    if (set_identifier(&run->spf, &run->names[1], base_json_get(test, "spf"), "domain"))
        run->request.spf = &run->spf;
    run->request.dkim = run->dkim;
    for (size_t i = 0; i < base_json_count(dkim) && i < 8; i++)
        if (set_identifier(&run->dkim[i], &run->names[2 + i], base_json_at(dkim, i), "d"))
            run->request.dkim_count = i + 1;
    dmarc_evaluate(&run->request, &run->outcome);
}

static unsigned faults;

static void check_text(const char *id, const char *what, const char *want, const char *got)
{
    if (want == NULL || strcmp(want, got) == 0)
        return;
    printf("FAIL %s: %s: want %s, got %s\n", id, what, want, got);
    faults++;
}

static void check_any(const char *id, const char *what, const struct base_json *wants,
                      const char *got)
{
    if (base_json_count(wants) == 0)
        return;
    for (size_t i = 0; i < base_json_count(wants); i++)
        if (strcmp(base_json_text(base_json_at(wants, i)).data, got) == 0)
            return;
    printf("FAIL %s: %s: got %s, which is none of those wanted\n", id, what, got);
    faults++;
}

static void check_bool(const char *id, const struct base_json *expect, const char *key, bool got)
{
    bool want;

    if (base_json_bool(base_json_get(expect, key), &want))
        check_text(id, key, want ? "true" : "false", got ? "true" : "false");
}

static void check_questions(const char *id, const struct base_json *expect, struct run *run)
{
    const struct base_json *wants = base_json_get(expect, "queries_author");
    struct dmarc_walk walk;
    struct dns_name name;

    if (base_json_count(wants) == 0)
        return;
    dmarc_walk_plan(&walk, &run->names[0]);
    if (walk.count != base_json_count(wants)) {
        printf("FAIL %s: %zu questions\n", id, walk.count);
        faults++;
        return;
    }
    for (size_t i = 0; i < walk.count; i++) {
        if (!dns_name_prepend(&name, "_dmarc", &walk.steps[i].domain))
            exit(1);
        check_text(id, "question", base_json_text(base_json_at(wants, i)).data, name.text);
    }
}

static void check_organizational(const char *id, const struct base_json *expect, struct run *run)
{
    const struct base_json *wants = base_json_get(expect, "org_domains");
    struct base_json *want;
    const char *domain;

    for (size_t i = 0; (domain = base_json_member(wants, i, &want)) != NULL; i++) {
        struct dmarc_walk walk;
        struct dns_name name;
        struct dns_name storage;

        if (dns_name_make(&name, base_text_of(domain)) != DNS_NAME_OK)
            exit(1);
        dmarc_walk_run(&walk, run->lookups, &name);
        check_text(id, domain, base_json_text(want).data,
                   dmarc_walk_organizational(&walk, &storage)->text);
    }
}

static void check(const struct base_json *test, struct run *run)
{
    const char *id = suite_text(test, "id", "?");
    const struct base_json *expect = base_json_get(test, "expect");
    const struct dmarc_outcome *got = &run->outcome;
    const char *result = suite_text(expect, "result", NULL);

    for (size_t i = 0; i < sizeof(otherwise) / sizeof(otherwise[0]); i++) {
        if (strcmp(otherwise[i].id, id) == 0) {
            printf("otherwise %s: %s\n", id, otherwise[i].reason);
            result = otherwise[i].want;
        }
    }
    check_text(id, "result", result, dmarc_result_text(got->result));
    check_any(id, "result", base_json_get(expect, "result_any"), dmarc_result_text(got->result));
    check_text(id, "disposition", suite_text(expect, "disposition", NULL),
               dmarc_policy_text(got->disposition));
    if (base_json_get(expect, "disposition_rfc9989") != NULL)
        check_text(id, "disposition", "reject", dmarc_policy_text(got->disposition));
    check_any(id, "disposition", base_json_get(expect, "disposition_any"),
              dmarc_policy_text(got->disposition));
    check_text(id, "policy", suite_text(expect, "policy", NULL), dmarc_policy_text(got->policy));
    check_text(id, "policy_domain", suite_text(expect, "policy_domain", NULL),
               got->policy_domain.text);
    check_text(id, "org_domain", suite_text(expect, "org_domain", NULL),
               got->organizational_domain.text);
    check_bool(id, expect, "spf_aligned", got->is_spf_aligned);
    check_bool(id, expect, "dkim_aligned", got->is_dkim_aligned);
    check_questions(id, expect, run);
    check_organizational(id, expect, run);
}

int main(void)
{
    struct base_text text = suite_read("dmarc/eval.cases.jsonl");
    struct base_text rest = text;
    struct base_clock clock = base_clock_system();
    struct base_json *test;
    unsigned passed = 0;
    unsigned failed = 0;

    if (text.data == NULL)
        return SUITE_SKIPPED;
    while ((test = suite_next(&rest)) != NULL) {
        struct dns_resolver *resolver = suite_zone(base_json_get(test, "zone"));
        struct dns_lookups_options options = {
            .resolver = resolver, .clock = &clock, .max_questions = 400};
        struct dns_budget budget = {BASE_NS_PER_S};
        struct run run = {.arena = base_arena_create((size_t)1 << 20, NULL)};
        unsigned before = faults;

        run.lookups = dns_lookups_create(run.arena, &options);
        dns_lookups_set_budget(run.lookups, &budget);
        evaluate(&run, test);
        check(test, &run);
        *(faults == before ? &passed : &failed) += 1;
        dns_lookups_destroy(&run.lookups);
        base_arena_destroy(&run.arena);
        dns_resolver_destroy(&resolver);
        base_json_destroy(&test);
    }
    printf("%u passed, %u failed\n", passed, failed);
    base_mem_free((char *)(uintptr_t)text.data);
    return failed == 0 ? 0 : 1;
}
