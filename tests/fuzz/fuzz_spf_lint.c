/* The checker of SPF records: the octets are the TXT records that DNS gives, a line each, in the
 * order in which they are asked for; '|' is the seam of two strings. Addresses are there or not by
 * the name. Whatever is published: the walk is bounded, what it says adds up. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/spf/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* 100 terms that ask, of ten hosts and two families at most, and the names themselves. */
#define QUESTIONS_MAX (2 + 100 + 100 * 21)

static void must(bool is_true, const char *what)
{
    if (!is_true) {
        fprintf(stderr, "broken: %s\n", what);
        abort();
    }
}

struct world {
    struct dns_resolver resolver;
    struct base_text rest;
    unsigned questions;
};

struct dns_pending {
    struct dns_answer *answer;
};

/* The line as character-strings of at most 255 octets. */
static struct dns_answer *make_txt(struct base_text line)
{
    struct dns_answer *answer;
    struct base_buf rdata;

    base_buf_init(&rdata, NULL, 1 << 17);
    while (line.data != NULL) {
        struct base_text string = base_text_split(&line, '|');

        for (size_t at = 0; at == 0 || at < string.length; at += 255) {
            size_t length = string.length - at < 255 ? string.length - at : 255;

            base_buf_append_char(&rdata, (char)length);
            if (length > 0)
                base_buf_append(&rdata, string.data + at, length);
        }
    }
    const struct base_text whole = base_buf_text(&rdata);

    answer = dns_answer_create(DNS_TYPE_TXT, &whole, 1, 60, false);
    base_buf_deinit(&rdata);
    return answer;
}

static struct dns_answer *make_answer(struct world *world, const struct dns_name *name,
                                      enum dns_type type)
{
    static const struct base_text mx = {"\0\1\1m\0", 5};
    static const struct base_text ip6 = {"\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16};
    static const struct base_text ip4 = {"\xc0\0\2\1", 4};
    unsigned salt = name->length + (unsigned)type;

    if (type == DNS_TYPE_TXT && world->rest.data != NULL)
        return make_txt(base_text_split(&world->rest, '\n'));
    if (salt % 5 == 0)
        return dns_answer_create_empty(DNS_STATUS_SERVFAIL, 0);
    if (salt % 3 == 0 || type == DNS_TYPE_TXT || type == DNS_TYPE_SPF)
        return dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 0);
    return dns_answer_create(type,
                             type == DNS_TYPE_MX  ? &mx
                             : type == DNS_TYPE_A ? &ip4
                                                  : &ip6,
                             1, 60, false);
}

static struct dns_pending *world_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                     enum dns_type type)
{
    struct world *world = (struct world *)resolver;
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    world->questions++;
    pending->answer = make_answer(world, name, type);
    return pending;
}

static struct dns_answer *world_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    (void)timeout_ns;
    return dns_answer_ref(pending->answer);
}

static void world_drop(struct dns_pending **pending)
{
    dns_answer_unref(&(*pending)->answer);
    base_mem_free(*pending);
    *pending = NULL;
}

static const struct dns_resolver_ops ops = {
    .name = "fuzz", .ask = world_ask, .wait = world_wait, .drop = world_drop};

static void check_report(const struct spf_lint_report *report)
{
    unsigned counts[3] = {0, 0, 0};

    for (const struct policy_finding *it = report->found.first; it != NULL; it = it->next) {
        must(it->domain.length > 0 && it->text[0] != '\0' && it->mend[0] != '\0', "a finding");
        counts[it->severity]++;
    }
    must(counts[POLICY_SEVERITY_NOTE] == report->found.notes &&
             counts[POLICY_SEVERITY_WARNING] == report->found.warnings &&
             counts[POLICY_SEVERITY_ERROR] == report->found.errors,
         "the sums of findings");
    must(counts[0] + counts[1] + counts[2] <= 210, "too many findings");
    must(report->terms <= 101 && report->voids4 <= report->terms && report->voids6 <= report->terms,
         "the sums of terms");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world world = {.resolver = {.ops = &ops}, .rest = {(const char *)data, size}};
    struct base_clock clock = base_clock_manual(1795348800);
    struct base_arena *arena = base_arena_create((size_t)16 << 20, NULL);
    struct dns_budget budget = {BASE_NS_PER_S};
    struct dns_lookups_options options = {
        .resolver = &world.resolver, .clock = &clock, .max_questions = 10000};
    struct dns_lookups *lookups = dns_lookups_create(arena, &options);
    struct spf_lint_report report;
    struct dns_name domain;

    must(dns_name_make(&domain, BASE_TEXT("example.org")) == DNS_NAME_OK, "the domain");
    dns_lookups_set_budget(lookups, &budget);
    const struct spf_lint_request request = {arena, lookups, &domain};

    spf_lint(&request, &report);
    check_report(&report);
    must(world.questions <= QUESTIONS_MAX, "too many questions");
    dns_lookups_destroy(&lookups);
    base_arena_destroy(&arena);
    return 0;
}
