/* shared/suites/spf: the RFC 7208 suite, results and explanations. The first value of `expect` is
 * the one that is wanted. */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dns/lookups.h"
#include "policy/spf/spf.h"
#include "tests/conformance/suite.h"

static void set_client(struct spf_client *client, const char *ip)
{
    unsigned char octets[16];

    if (inet_pton(AF_INET, ip, octets) == 1)
        spf_client_set(client, octets, 4);
    else if (inet_pton(AF_INET6, ip, octets) == 1)
        spf_client_set(client, octets, 16);
}

/* MAIL FROM as RFC 7208 section 2.4 wants it: a null sender is postmaster@HELO. */
static void set_sender(struct spf_request *request, struct base_text mail_from)
{
    const char *at = mail_from.length == 0 ? NULL : memrchr(mail_from.data, '@', mail_from.length);

    if (mail_from.length == 0) {
        request->domain = request->helo;
    } else if (at == NULL) {
        request->domain = mail_from;
    } else {
        request->local_part = (struct base_text){mail_from.data, (size_t)(at - mail_from.data)};
        request->domain =
            (struct base_text){at + 1, mail_from.length - request->local_part.length - 1};
    }
}

/* The verdict is libspf2's, the deciding term is found by us: they must say the same. */
static bool is_term_of(const struct spf_outcome *outcome)
{
    switch (outcome->term.length == 0 ? '\0' : outcome->term.data[0]) {
    case '\0':
        return outcome->verdict == SPF_VERDICT_NONE || outcome->verdict == SPF_VERDICT_NEUTRAL ||
               outcome->verdict == SPF_VERDICT_TEMPERROR ||
               outcome->verdict == SPF_VERDICT_PERMERROR;
    case '-':
        return outcome->verdict == SPF_VERDICT_FAIL;
    case '~':
        return outcome->verdict == SPF_VERDICT_SOFTFAIL;
    case '?':
        return outcome->verdict == SPF_VERDICT_NEUTRAL;
    default:
        return outcome->verdict == SPF_VERDICT_PASS;
    }
}

static bool run_case(const struct base_json *test, struct dns_resolver *resolver, bool is_verbose)
{
    struct base_clock clock = base_clock_system();
    struct base_arena *arena = base_arena_create((size_t)8 << 20, NULL);
    struct dns_lookups_options options = {
        .resolver = resolver, .clock = &clock, .max_questions = 400};
    struct dns_budget budget = {BASE_NS_PER_S};
    struct spf_request request = {
        .arena = arena, .max_terms = 10, .max_voids = 2, .want_explanation = true, .now_s = 1000};
    struct base_text helo = suite_octets(base_json_get(test, "helo"));
    struct base_text mail_from = suite_octets(base_json_get(test, "mailfrom"));
    const char *want = base_json_text(base_json_at(base_json_get(test, "expect"), 0)).data;
    struct base_text explanation = base_json_text(base_json_get(test, "explanation"));
    struct spf_outcome outcome;
    struct base_text got;
    bool is_good;

    request.lookups = dns_lookups_create(arena, &options);
    dns_lookups_set_budget(request.lookups, &budget);
    request.helo = helo;
    set_client(&request.client, suite_text(test, "ip", ""));
    set_sender(&request, mail_from);
    spf_check_host(&request, &outcome);
    got = outcome.explanation.data == NULL ? BASE_TEXT("DEFAULT") : outcome.explanation;
    is_good = strcmp(spf_verdict_text(outcome.verdict), want) == 0 && is_term_of(&outcome) &&
              (explanation.data == NULL || base_text_equals(got, explanation));
    if (!is_good || is_verbose)
        printf("%s %s: want %s \"%s\", got %s \"%.*s\", reason %s, term %.*s\n",
               is_good ? "ok" : "FAIL", suite_text(test, "id", "?"), want,
               explanation.data == NULL ? "" : explanation.data, spf_verdict_text(outcome.verdict),
               (int)got.length, got.data, outcome.reason == NULL ? "-" : outcome.reason,
               (int)outcome.term.length, outcome.term.data == NULL ? "" : outcome.term.data);
    dns_lookups_destroy(&request.lookups);
    base_arena_destroy(&arena);
    base_mem_free((char *)(uintptr_t)helo.data);
    base_mem_free((char *)(uintptr_t)mail_from.data);
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
