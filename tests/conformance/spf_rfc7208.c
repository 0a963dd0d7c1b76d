/* shared/suites/spf: the RFC 7208 suite, results and explanations. The first value of `expect` is
 * the one that is wanted. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "tests/conformance/spf_case.h"
#include "tests/conformance/suite.h"

static bool run_case(const struct base_json *test, struct dns_resolver *resolver, bool is_verbose)
{
    const char *want = base_json_text(base_json_at(base_json_get(test, "expect"), 0)).data;
    struct base_text explanation = base_json_text(base_json_get(test, "explanation"));
    struct spf_case run;
    const struct spf_outcome *outcome = &run.outcome;
    struct base_text got;
    bool is_good;

    spf_case_run(&run, test, resolver);
    got = outcome->explanation.data == NULL ? BASE_TEXT("DEFAULT") : outcome->explanation;
    is_good = strcmp(spf_verdict_text(outcome->verdict), want) == 0 &&
              spf_case_is_term_of(outcome) &&
              (explanation.data == NULL || base_text_equals(got, explanation));
    if (!is_good || is_verbose)
        printf("%s %s: want %s \"%s\", got %s \"%.*s\", reason %s, term %.*s\n",
               is_good ? "ok" : "FAIL", suite_text(test, "id", "?"), want,
               explanation.data == NULL ? "" : explanation.data, spf_verdict_text(outcome->verdict),
               (int)got.length, got.data, outcome->reason == NULL ? "-" : outcome->reason,
               (int)outcome->term.length, outcome->term.data == NULL ? "" : outcome->term.data);
    spf_case_end(&run);
    return is_good;
}

int main(int argc, char **argv)
{
    struct base_text zones_text = suite_read("spf/rfc7208.zones.json");
    struct base_text cases_text = suite_read("spf/rfc7208.cases.jsonl");
    struct base_text rest = cases_text;
    const char *only = argc > 1 ? argv[1] : NULL;
    struct base_error error;
    struct base_json *zones;
    struct base_json *test;
    unsigned passed = 0;
    unsigned failed = 0;

    if (zones_text.data == NULL || cases_text.data == NULL)
        return SUITE_SKIPPED;
    zones = base_json_parse(zones_text, &error);
    while ((test = suite_next(&rest)) != NULL) {
        struct dns_resolver *resolver;
        int64_t zone = 0;

        if (only == NULL || strcmp(suite_text(test, "id", ""), only) == 0) {
            (void)base_json_int(base_json_get(test, "zone"), &zone);
            resolver = suite_zone(base_json_get(base_json_at(zones, (size_t)zone), "zone"));
            *(run_case(test, resolver, only != NULL) ? &passed : &failed) += 1;
            dns_resolver_destroy(&resolver);
        }
        base_json_destroy(&test);
    }
    printf("%u passed, %u failed\n", passed, failed);
    base_json_destroy(&zones);
    base_mem_free((char *)(uintptr_t)zones_text.data);
    base_mem_free((char *)(uintptr_t)cases_text.data);
    return failed == 0 ? 0 : 1;
}
