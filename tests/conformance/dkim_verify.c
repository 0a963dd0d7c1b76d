/* shared/suites/dkim/cases.jsonl: each signature of each message, verified as the daemon does it.
 * Where a row allows several results ("fail|permerror|policy"), any of them will do. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tests/conformance/suite.h"
#include "tests/unit/dkim_message.h"

/* After the last t= of the suite, before any x=. */
#define SUITE_NOW INT64_C(1767225600)

/* Rows decided otherwise, each with its reason. */
static const struct {
    const char *id;
    const char *reason;
} otherwise[] = {
    {"lieser/dkim/19", "the row looks at one of the message's two signatures; both are checked"},
};

static bool is_otherwise(const char *id)
{
    for (size_t i = 0; i < sizeof(otherwise) / sizeof(otherwise[0]); i++) {
        if (strcmp(otherwise[i].id, id) == 0) {
            printf("otherwise %s: %s\n", id, otherwise[i].reason);
            return true;
        }
    }
    return false;
}

/* `want`: one result or several with '|' between. */
static bool allows(struct base_text want, const char *got)
{
    while (want.data != NULL)
        if (base_text_equals(base_text_split(&want, '|'), base_text_of(got)))
            return true;
    return false;
}

static struct base_json *read_zone(const struct base_json *row)
{
    struct base_text name = base_json_text(base_json_get(row, "zone"));
    char path[256];
    struct base_text text;
    struct base_error error;
    struct base_json *zone;

    if (name.data == NULL)
        return NULL;
    (void)snprintf(path, sizeof(path), "dkim/%s", name.data);
    text = suite_read(path);
    zone = base_json_parse(text, &error);
    base_mem_free((void *)text.data);
    if (zone == NULL) {
        printf("%s: %s\n", path, error.text);
        exit(1);
    }
    return zone;
}

static bool is_same(const struct base_json *signature, const struct dkim_verdict *verdict)
{
    const char *domain = suite_text(signature, "sdid", NULL);
    const char *selector = suite_text(signature, "selector", NULL);

    return (domain == NULL || strcmp(domain, verdict->domain.data) == 0) &&
           (selector == NULL || strcmp(selector, verdict->selector.data) == 0);
}

/* The suite orders a message's signatures in its own way: by algorithm. */
static bool find(const struct base_json *signature, struct base_text want,
                 const struct dkim_verdicts *verdicts, bool *used)
{
    for (size_t i = 0; i < verdicts->count; i++) {
        const struct dkim_verdict *verdict = &verdicts->items[i];

        if (used[i] || !is_same(signature, verdict) ||
            !allows(want, dkim_result_text(verdict->result)))
            continue;
        used[i] = true;
        return true;
    }
    return false;
}

static void compare(const struct base_json *row, const struct dkim_verdicts *verdicts,
                    unsigned *wrong)
{
    const struct base_json *want = base_json_get(row, "expect");
    const struct base_json *signatures = base_json_get(row, "signatures");
    const char *id = suite_text(row, "id", "");
    bool used[64] = {false};

    if (verdicts->count != base_json_count(want) && !is_otherwise(id)) {
        printf("wrong %s: %zu signatures\n", id, verdicts->count);
        ++*wrong;
    }
    for (size_t i = 0; i < base_json_count(want); i++) {
        if (find(base_json_at(signatures, i), base_json_text(base_json_at(want, i)), verdicts,
                 used))
            continue;
        printf("wrong %s: %s\n", id, suite_text(row, "name", ""));
        for (size_t k = 0; k < verdicts->count; k++)
            printf("  %s (%s)\n", dkim_result_text(verdicts->items[k].result),
                   verdicts->items[k].reason != NULL ? verdicts->items[k].reason : "");
        ++*wrong;
    }
}

static void run(const struct base_json *row, struct dkim_library *library, unsigned *wrong)
{
    struct base_json *file_zone = read_zone(row);
    struct test_message message;
    struct test_dns dns;
    struct dns_lookups_options options = {.clock = &dns.clock, .max_questions = 400};
    char path[512];
    struct base_text text;

    (void)snprintf(path, sizeof(path), "dkim/%s", suite_text(row, "message", ""));
    text = suite_read(path);
    test_message_parse(&message, text);
    dns.arena = base_arena_create(16 << 20, NULL);
    dns.clock = base_clock_manual(SUITE_NOW);
    dns.budget.left_ns = 20 * BASE_NS_PER_S;
    dns.resolver = suite_zone(file_zone != NULL ? file_zone : base_json_get(row, "zone"));
    options.resolver = dns.resolver;
    dns.lookups = dns_lookups_create(dns.arena, &options);
    dns_lookups_set_budget(dns.lookups, &dns.budget);
    compare(row, test_verify(&message, &dns, library, SUITE_NOW), wrong);
    test_dns_end(&dns);
    test_message_end(&message);
    base_json_destroy(&file_zone);
    base_mem_free((void *)text.data);
}

int main(void)
{
    struct base_text file = suite_read("dkim/cases.jsonl");
    struct base_text rest = file;
    struct dkim_library *library;
    struct base_json *row;
    unsigned count = 0;
    unsigned wrong = 0;

    if (file.data == NULL)
        return SUITE_SKIPPED;
    library = dkim_library_create();
    while ((row = suite_next(&rest)) != NULL) {
        count++;
        run(row, library, &wrong);
        base_json_destroy(&row);
    }
    printf("dkim verification: %u of %u\n", count - wrong, count);
    dkim_library_destroy(&library);
    base_mem_free((void *)file.data);
    return wrong == 0 && count > 0 ? 0 : 1;
}
