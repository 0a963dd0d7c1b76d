/* Questions, caps and budgets against a fake resolver whose waits move a manual clock. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/mem.h"
#include "dns/lookups.h"

/* Answers each question `delay_ns` after it was asked. */
struct fake_resolver {
    struct dns_resolver resolver;
    struct base_clock clock;
    int64_t delay_ns;
    struct base_text rdata;
    unsigned asked;
    unsigned open;
    unsigned waits;
    /* The clock stands still in waits. */
    bool is_frozen;
};

struct dns_pending {
    struct fake_resolver *fake;
    int64_t due_ns;
    struct dns_answer *answer;
};

static struct dns_pending *fake_ask(struct dns_resolver *resolver, const struct dns_name *name,
                                    enum dns_type type)
{
    struct fake_resolver *fake = (struct fake_resolver *)resolver;
    struct dns_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    (void)name;
    fake->asked++;
    fake->open++;
    pending->fake = fake;
    pending->due_ns = base_clock_mono_ns(&fake->clock) + fake->delay_ns;
    pending->answer = fake->rdata.length > 0 ? dns_answer_create(type, &fake->rdata, 1, 60, false)
                                             : dns_answer_create_empty(DNS_STATUS_NXDOMAIN, 60);
    return pending;
}

static struct dns_answer *fake_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    struct fake_resolver *fake = pending->fake;
    int64_t left = pending->due_ns - base_clock_mono_ns(&fake->clock);
    int64_t step = left < timeout_ns ? left : timeout_ns;

    fake->waits += timeout_ns > 0;
    if (step > 0 && !fake->is_frozen)
        base_clock_advance(&fake->clock, step);
    return left <= timeout_ns ? dns_answer_ref(pending->answer) : NULL;
}

static void fake_drop(struct dns_pending **pending)
{
    (*pending)->fake->open--;
    dns_answer_unref(&(*pending)->answer);
    base_mem_free(*pending);
    *pending = NULL;
}

static const struct dns_resolver_ops fake_ops = {
    .name = "fake", .ask = fake_ask, .wait = fake_wait, .drop = fake_drop};

struct fixture {
    struct fake_resolver fake;
    struct base_arena *arena;
    struct dns_lookups *lookups;
};

static void fixture_open(struct fixture *f, int64_t delay_ns, unsigned max_questions)
{
    *f = (struct fixture){.fake = {.resolver.ops = &fake_ops, .delay_ns = delay_ns}};
    f->fake.clock = base_clock_manual(1000);
    f->arena = base_arena_create(1 << 20, NULL);
    f->lookups = dns_lookups_create(f->arena, &(struct dns_lookups_options){
                                                  .resolver = &f->fake.resolver,
                                                  .clock = &f->fake.clock,
                                                  .max_questions = max_questions,
                                              });
    assert_non_null(f->lookups);
}

static void fixture_close(struct fixture *f)
{
    dns_lookups_destroy(&f->lookups);
    assert_null(f->lookups);
    assert_int_equal(f->fake.open, 0);
    base_arena_destroy(&f->arena);
}

static struct dns_name name_of(const char *text)
{
    struct dns_name name;

    assert_int_equal(dns_name_make(&name, base_text_of(text)), DNS_NAME_OK);
    return name;
}

static enum dns_status get(struct fixture *f, const char *text, enum dns_type type)
{
    struct dns_name name = name_of(text);

    return dns_lookups_get(f->lookups, &name, type)->status;
}

static void prefetch(struct fixture *f, const char *text, enum dns_type type)
{
    struct dns_name name = name_of(text);

    dns_lookups_prefetch(f->lookups, &name, type);
}

static void test_asked_once(void **state)
{
    struct dns_name name = name_of("example.org");
    struct dns_lookups_entry entry;
    const struct dns_answer *answer;
    struct fixture f;

    (void)state;
    fixture_open(&f, 0, 400);
    f.fake.rdata = BASE_TEXT("\x02hi");
    prefetch(&f, "example.org", DNS_TYPE_TXT);
    prefetch(&f, "Example.ORG.", DNS_TYPE_TXT);
    answer = dns_lookups_get(f.lookups, &name, DNS_TYPE_TXT);
    assert_int_equal(answer->status, DNS_STATUS_OK);
    assert_ptr_equal(answer, dns_lookups_get(f.lookups, &name, DNS_TYPE_TXT));
    assert_int_equal(f.fake.asked, 1);
    assert_int_equal(get(&f, "example.org", DNS_TYPE_A), DNS_STATUS_NODATA);
    assert_int_equal(get(&f, "www.example.org", DNS_TYPE_TXT), DNS_STATUS_OK);
    assert_int_equal(f.fake.asked, 3);
    assert_int_equal(f.fake.waits, 0);
    assert_int_equal(dns_lookups_count(f.lookups), 3);
    assert_true(dns_lookups_at(f.lookups, 1, &entry));
    assert_string_equal(entry.name->text, "example.org");
    assert_int_equal(entry.type, DNS_TYPE_A);
    assert_false(dns_lookups_at(f.lookups, 3, &entry));
    fixture_close(&f);
    dns_lookups_destroy(&(struct dns_lookups *){NULL});
}

/* Waits overlap: three questions of a second each, asked together, cost one second. */
/* Looking neither asks nor waits nor settles anything. */
static void test_is_answered(void **state)
{
    struct fixture f;
    struct dns_name name = name_of("a.example");

    (void)state;
    fixture_open(&f, BASE_NS_PER_S, 1);
    assert_false(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_TXT));
    assert_int_equal(f.fake.asked, 0);
    prefetch(&f, "a.example", DNS_TYPE_TXT);
    assert_false(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_TXT));
    assert_false(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_A));
    base_clock_advance(&f.fake.clock, BASE_NS_PER_S);
    assert_true(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_TXT));
    assert_int_equal(f.fake.waits, 0);
    assert_int_equal(get(&f, "a.example", DNS_TYPE_TXT), DNS_STATUS_NXDOMAIN);
    assert_true(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_TXT));
    /* Past the cap: CAPPED is an answer. */
    prefetch(&f, "a.example", DNS_TYPE_A);
    assert_true(dns_lookups_is_answered(f.lookups, &name, DNS_TYPE_A));
    fixture_close(&f);
}

static void test_budget_counts_waits_only(void **state)
{
    struct dns_budget budget = {2 * BASE_NS_PER_S};
    struct dns_lookups_entry entry;
    struct fixture f;

    (void)state;
    fixture_open(&f, BASE_NS_PER_S, 400);
    dns_lookups_set_budget(f.lookups, &budget);
    prefetch(&f, "a.org", DNS_TYPE_A);
    prefetch(&f, "b.org", DNS_TYPE_A);
    prefetch(&f, "c.org", DNS_TYPE_A);
    assert_true(dns_lookups_at(f.lookups, 0, &entry));
    assert_int_equal(entry.status, DNS_STATUS_TIMEOUT);
    assert_int_equal(entry.elapsed_ns, -1);
    base_clock_advance(&f.fake.clock, BASE_NS_PER_S / 4);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(budget.left_ns, BASE_NS_PER_S * 5 / 4);
    assert_int_equal(get(&f, "b.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(get(&f, "c.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(budget.left_ns, BASE_NS_PER_S * 5 / 4);
    assert_true(dns_lookups_at(f.lookups, 0, &entry));
    assert_int_equal(entry.status, DNS_STATUS_NXDOMAIN);
    assert_int_equal(entry.elapsed_ns, BASE_NS_PER_S);
    fixture_close(&f);
}

static void test_budget_ends(void **state)
{
    struct dns_budget budget = {3 * BASE_NS_PER_S};
    struct dns_budget more = {60 * BASE_NS_PER_S};
    struct dns_lookups_entry entry;
    struct fixture f;

    (void)state;
    fixture_open(&f, 2 * BASE_NS_PER_S, 400);
    dns_lookups_set_budget(f.lookups, &budget);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(get(&f, "b.org", DNS_TYPE_A), DNS_STATUS_TIMEOUT);
    assert_int_equal(budget.left_ns, 0);
    assert_true(dns_lookups_at(f.lookups, 1, &entry));
    assert_int_equal(entry.elapsed_ns, BASE_NS_PER_S);
    assert_int_equal(f.fake.open, 0);
    /* The budget is used up, yet an answer that is there is taken. */
    prefetch(&f, "c.org", DNS_TYPE_A);
    base_clock_advance(&f.fake.clock, 2 * BASE_NS_PER_S);
    assert_int_equal(get(&f, "c.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    /* A time-out stays what it is, whatever the next budget. */
    dns_lookups_set_budget(f.lookups, &more);
    assert_int_equal(get(&f, "b.org", DNS_TYPE_A), DNS_STATUS_TIMEOUT);
    assert_int_equal(more.left_ns, 60 * BASE_NS_PER_S);
    assert_int_equal(get(&f, "d.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    dns_lookups_set_budget(f.lookups, NULL);
    assert_int_equal(get(&f, "e.org", DNS_TYPE_A), DNS_STATUS_TIMEOUT);
    assert_int_equal(f.fake.asked, 5);
    fixture_close(&f);
}

static void test_budget_shared(void **state)
{
    struct dns_budget budget = {3 * BASE_NS_PER_S};
    struct fixture f;
    struct fixture g;

    (void)state;
    fixture_open(&f, 2 * BASE_NS_PER_S, 400);
    fixture_open(&g, 2 * BASE_NS_PER_S, 400);
    dns_lookups_set_budget(f.lookups, &budget);
    dns_lookups_set_budget(g.lookups, &budget);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(get(&g, "a.org", DNS_TYPE_A), DNS_STATUS_TIMEOUT);
    fixture_close(&f);
    fixture_close(&g);
}

/* A wait ends even if the clock does not move. */
static void test_frozen_clock(void **state)
{
    struct dns_budget budget = {BASE_NS_PER_S};
    struct fixture f;

    (void)state;
    fixture_open(&f, 2 * BASE_NS_PER_S, 400);
    f.fake.is_frozen = true;
    dns_lookups_set_budget(f.lookups, &budget);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_TIMEOUT);
    assert_int_equal(budget.left_ns, 0);
    fixture_close(&f);
}

static void count_progress(void *context)
{
    (*(unsigned *)context)++;
}

static void test_progress(void **state)
{
    struct dns_budget budget = {60 * BASE_NS_PER_S};
    unsigned calls = 0;
    struct fixture f;

    (void)state;
    fixture_open(&f, 12 * BASE_NS_PER_S, 400);
    dns_lookups_set_budget(f.lookups, &budget);
    dns_lookups_set_progress(f.lookups, 5 * BASE_NS_PER_S, count_progress, &calls);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(calls, 2);
    /* Two seconds are over already: short waits add up. */
    f.fake.delay_ns = 3 * BASE_NS_PER_S;
    assert_int_equal(get(&f, "b.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(calls, 3);
    dns_lookups_set_progress(f.lookups, BASE_NS_PER_S, NULL, NULL);
    assert_int_equal(get(&f, "c.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(calls, 3);
    assert_int_equal(budget.left_ns, 42 * BASE_NS_PER_S);
    fixture_close(&f);
}

static void test_question_cap(void **state)
{
    struct dns_lookups_entry entry;
    struct fixture f;
    char text[16];

    (void)state;
    fixture_open(&f, 0, 3);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text, sizeof(text), "n%u.org", i);
        prefetch(&f, text, DNS_TYPE_A);
        assert_int_equal(get(&f, text, DNS_TYPE_A),
                         i < 3 ? DNS_STATUS_NXDOMAIN : DNS_STATUS_CAPPED);
    }
    assert_int_equal(get(&f, "n2.org", DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
    assert_int_equal(f.fake.asked, 3);
    /* The record says so, and does not grow without end. */
    assert_int_equal(dns_lookups_count(f.lookups), 3 + 16);
    assert_true(dns_lookups_at(f.lookups, 3, &entry));
    assert_int_equal(entry.status, DNS_STATUS_CAPPED);
    assert_int_equal(entry.elapsed_ns, -1);
    fixture_close(&f);
}

/* 4 MiB of records are kept, no more: 64 answers of 65,535 octets fit, the 65th does not. What is
 * small always fits, so that nobody's large answers hide it. */
static void test_octets_cap(void **state)
{
    static char octets[65535];
    enum dns_type type = (enum dns_type)65280;
    struct fixture f;
    char text[16];

    (void)state;
    fixture_open(&f, 0, 400);
    f.fake.rdata = (struct base_text){octets, sizeof(octets)};
    for (unsigned i = 0; i < 70; i++) {
        snprintf(text, sizeof(text), "n%u.org", i);
        assert_int_equal(get(&f, text, type), i < 64 ? DNS_STATUS_OK : DNS_STATUS_CAPPED);
    }
    f.fake.rdata.length = 4097;
    assert_int_equal(get(&f, "large.org", type), DNS_STATUS_CAPPED);
    f.fake.rdata.length = 4096;
    assert_int_equal(get(&f, "small.org", type), DNS_STATUS_OK);
    assert_int_equal(get(&f, "other.org", type), DNS_STATUS_OK);
    f.fake.rdata.length = 4097;
    assert_int_equal(get(&f, "last.org", type), DNS_STATUS_CAPPED);
    fixture_close(&f);
}

static void test_arena_exhausted(void **state)
{
    struct base_arena *tiny = base_arena_create(8, NULL);
    struct dns_lookups_options options = {.max_questions = 400};
    struct fixture f;
    unsigned answered = 0;
    char text[16];

    (void)state;
    assert_null(dns_lookups_create(tiny, &options));
    base_arena_destroy(&tiny);
    fixture_open(&f, 0, 100000);
    for (unsigned i = 0; i < 6000; i++) {
        snprintf(text, sizeof(text), "n%u.org", i);
        if (get(&f, text, DNS_TYPE_A) == DNS_STATUS_NXDOMAIN)
            answered++;
        else
            assert_int_equal(get(&f, text, DNS_TYPE_A), DNS_STATUS_CAPPED);
    }
    assert_true(answered > 1000 && answered < 6000);
    assert_true(base_arena_is_exhausted(f.arena));
    fixture_close(&f);
}

/* More than the first block of the list; found again, in order. */
static void test_many(void **state)
{
    struct dns_lookups_entry entry;
    struct fixture f;
    char text[16];

    (void)state;
    fixture_open(&f, 0, 400);
    for (unsigned round = 0; round < 2; round++)
        for (unsigned i = 0; i < 400; i++) {
            snprintf(text, sizeof(text), "n%u.org", i);
            assert_int_equal(get(&f, text, DNS_TYPE_A), DNS_STATUS_NXDOMAIN);
        }
    assert_int_equal(f.fake.asked, 400);
    for (unsigned i = 0; i < 400; i++) {
        snprintf(text, sizeof(text), "n%u.org", i);
        assert_true(dns_lookups_at(f.lookups, i, &entry));
        assert_string_equal(entry.name->text, text);
    }
    fixture_close(&f);
}

/* A second list that stands on the first: nothing is asked again, all is listed, and both wait from
 * one budget. */
static void test_before(void **state)
{
    struct dns_lookups_options options = {.max_questions = 400};
    struct dns_budget budget = {.left_ns = 3 * BASE_NS_PER_S};
    struct dns_lookups_entry entry;
    struct dns_lookups *first;
    struct fixture f;

    (void)state;
    fixture_open(&f, BASE_NS_PER_S, 400);
    f.fake.rdata = BASE_TEXT("\x02hi");
    prefetch(&f, "a.org", DNS_TYPE_TXT);
    first = f.lookups;
    options.resolver = &f.fake.resolver;
    options.clock = &f.fake.clock;
    options.before = first;
    f.lookups = dns_lookups_create(f.arena, &options);
    dns_lookups_set_budget(f.lookups, &budget);
    prefetch(&f, "a.org", DNS_TYPE_TXT);
    assert_int_equal(f.fake.asked, 1);
    prefetch(&f, "b.org", DNS_TYPE_TXT);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_TXT), DNS_STATUS_OK);
    assert_int_equal(budget.left_ns, 2 * BASE_NS_PER_S);
    assert_int_equal(get(&f, "b.org", DNS_TYPE_TXT), DNS_STATUS_OK);
    assert_int_equal(get(&f, "a.org", DNS_TYPE_A), DNS_STATUS_NODATA);
    assert_int_equal(f.fake.asked, 3);
    assert_int_equal(dns_lookups_count(f.lookups), 3);
    assert_true(dns_lookups_at(f.lookups, 0, &entry));
    assert_string_equal(entry.name->text, "a.org");
    assert_true(dns_lookups_at(f.lookups, 2, &entry));
    assert_int_equal(entry.type, DNS_TYPE_A);
    assert_false(dns_lookups_at(f.lookups, 3, &entry));
    assert_int_equal(dns_lookups_count(first), 1);
    dns_lookups_destroy(&f.lookups);
    f.lookups = first;
    fixture_close(&f);
}

/* The first list needs what the second has asked, answered or not: it passes over, and stays when
 * the second ends. */
static void test_taken(void **state)
{
    struct dns_lookups_options options = {.max_questions = 400};
    struct dns_budget budget = {.left_ns = 3 * BASE_NS_PER_S};
    const struct dns_answer *answer;
    struct dns_lookups *first;
    struct dns_name name = name_of("a.org");
    struct fixture f;

    (void)state;
    fixture_open(&f, BASE_NS_PER_S, 400);
    f.fake.rdata = BASE_TEXT("\x02hi");
    first = f.lookups;
    options.resolver = &f.fake.resolver;
    options.clock = &f.fake.clock;
    options.before = first;
    f.lookups = dns_lookups_create(f.arena, &options);
    dns_lookups_set_budget(f.lookups, &budget);
    prefetch(&f, "x.org", DNS_TYPE_TXT);
    answer = dns_lookups_get(f.lookups, &name, DNS_TYPE_TXT);
    prefetch(&f, "b.org", DNS_TYPE_TXT);
    prefetch(&f, "y.org", DNS_TYPE_TXT);
    assert_ptr_equal(dns_lookups_get(first, &name, DNS_TYPE_TXT), answer);
    name = name_of("b.org");
    dns_lookups_prefetch(first, &name, DNS_TYPE_TXT);
    assert_int_equal(dns_lookups_get(first, &name, DNS_TYPE_TXT)->status, DNS_STATUS_OK);
    assert_int_equal(get(&f, "b.org", DNS_TYPE_TXT), DNS_STATUS_OK);
    assert_int_equal(get(&f, "y.org", DNS_TYPE_TXT), DNS_STATUS_OK);
    assert_int_equal(f.fake.asked, 4);
    assert_int_equal(dns_lookups_count(first), 2);
    assert_int_equal(dns_lookups_count(f.lookups), 4);
    dns_lookups_destroy(&f.lookups);
    f.lookups = first;
    assert_int_equal(answer->status, DNS_STATUS_OK);
    name = name_of("x.org");
    assert_int_equal(dns_lookups_get(first, &name, DNS_TYPE_TXT)->status, DNS_STATUS_OK);
    assert_int_equal(f.fake.asked, 5);
    fixture_close(&f);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_is_answered),
        cmocka_unit_test(test_asked_once),
        cmocka_unit_test(test_budget_counts_waits_only),
        cmocka_unit_test(test_budget_ends),
        cmocka_unit_test(test_budget_shared),
        cmocka_unit_test(test_frozen_clock),
        cmocka_unit_test(test_progress),
        cmocka_unit_test(test_question_cap),
        cmocka_unit_test(test_octets_cap),
        cmocka_unit_test(test_arena_exhausted),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_before),
        cmocka_unit_test(test_taken),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
