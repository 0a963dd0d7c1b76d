/* What is remembered of the shared store: the breaker, the last counts, the backlog. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "policy/rate/backlog.h"
#include "policy/rate/breaker.h"
#include "policy/rate/known.h"

#define S BASE_NS_PER_S

static void test_breaker_opens(void **state)
{
    static const struct {
        int64_t times[5];
        unsigned count;
        bool want;
    } cases[] = {
        {{0, 1, 2}, 3, true},
        {{0, 1}, 2, false},
        {{0, S / 2, S}, 3, true},
        {{0, S / 2, S + 1}, 3, false},
        {{0, S, 2 * S, 3 * S, 4 * S}, 5, false},
        {{0, 5 * S, 5 * S + 1, 5 * S + 2}, 4, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rate_breaker breaker = {0};
        bool is_opened = false;

        for (unsigned j = 0; j < cases[i].count; j++)
            is_opened = rate_breaker_fail(&breaker, cases[i].times[j] + 100 * S);
        assert_int_equal(is_opened, cases[i].want);
        assert_int_equal(breaker.is_open, cases[i].want);
        assert_int_equal(breaker.breaks, cases[i].want ? 1 : 0);
    }
}

static void test_breaker_probes(void **state)
{
    struct rate_breaker breaker = {0};

    (void)state;
    assert_false(rate_breaker_take_probe(&breaker, 10 * S));
    for (int i = 0; i < 3; i++)
        (void)rate_breaker_fail(&breaker, 10 * S);
    assert_false(rate_breaker_take_probe(&breaker, 10 * S + S - 1));
    assert_true(rate_breaker_take_probe(&breaker, 11 * S));
    assert_false(rate_breaker_take_probe(&breaker, 11 * S));
    assert_true(rate_breaker_take_probe(&breaker, 12 * S));
    assert_true(rate_breaker_succeed(&breaker));
    assert_false(rate_breaker_succeed(&breaker));
    assert_false(rate_breaker_take_probe(&breaker, 99 * S));
    /* Failures of before do not count any more. */
    assert_false(rate_breaker_fail(&breaker, 12 * S));
    assert_false(rate_breaker_fail(&breaker, 12 * S));
    assert_true(rate_breaker_fail(&breaker, 12 * S));
    assert_false(rate_breaker_trip(&breaker, 12 * S));
    assert_true(rate_breaker_succeed(&breaker));
    /* At once. */
    assert_true(rate_breaker_trip(&breaker, 13 * S));
    assert_true(breaker.is_open);
    assert_false(rate_breaker_take_probe(&breaker, 13 * S));
    assert_true(rate_breaker_take_probe(&breaker, 14 * S));
}

static struct rate_digest digest_of(uint64_t number)
{
    struct rate_digest digest = {{0}};

    memcpy(digest.octets, &number, sizeof(number));
    return digest;
}

static void test_known(void **state)
{
    static const struct rate_windows windows = {.count = 2, .at = {{100, 3600 * S}, {10, 60 * S}}};
    static const struct rate_windows other = {.count = 1, .at = {{5, 60 * S}}};
    struct rate_known *known = rate_known_create(64);
    struct rate_digest digest = digest_of(7);
    struct rate_item item = {.name = BASE_TEXT("r"), .key = BASE_TEXT("k"), .windows = &windows};
    int64_t used[RATE_WINDOWS_MAX] = {50, 6};
    int64_t got[RATE_WINDOWS_MAX];

    (void)state;
    (void)rate_known_get(known, &digest, &windows, S, got);
    assert_int_equal(got[0], 0);
    rate_known_put(known, &digest, &item, used, 1, S);
    (void)rate_known_get(known, &digest, &windows, 2 * S, got);
    assert_int_equal(got[0], 50);
    assert_int_equal(got[1], 6);
    /* By the length of the window, whatever its place. */
    (void)rate_known_get(known, &digest, &other, 2 * S, got);
    assert_int_equal(got[0], 6);
    (void)rate_known_get(known, &digest, &windows, 100 * S, got);
    assert_int_equal(got[0], 50);
    assert_int_equal(got[1], 0);
    assert_int_equal(rate_known_count(known), 1);
    rate_known_forget(known, &digest);
    assert_int_equal(rate_known_count(known), 0);
    (void)rate_known_get(known, &digest, &windows, 2 * S, got);
    assert_int_equal(got[0], 0);
    rate_known_destroy(&known);
}

static void count_key(void *context, const struct rate_status *status)
{
    assert_int_equal(status->name.length, 1);
    (*(unsigned *)context)++;
}

static void test_known_is_bounded(void **state)
{
    static const struct rate_windows windows = {.count = 1, .at = {{100, 3600 * S}}};
    struct rate_known *known = rate_known_create(64);
    struct rate_item item = {.name = BASE_TEXT("r"), .key = BASE_TEXT("k"), .windows = &windows};
    int64_t used[RATE_WINDOWS_MAX] = {1};
    struct rate_digest last = digest_of(9999);
    int64_t got[RATE_WINDOWS_MAX];
    unsigned listed = 0;

    (void)state;
    for (uint64_t i = 0; i < 10000; i++) {
        struct rate_digest digest = digest_of(i);

        rate_known_put(known, &digest, &item, used, 1, (int64_t)i);
    }
    assert_int_equal(rate_known_count(known), 64);
    (void)rate_known_get(known, &last, &windows, 9999, got);
    assert_int_equal(got[0], 1);
    rate_known_list(known, 10000, count_key, &listed);
    assert_int_equal(listed, 64);
    listed = 0;
    rate_known_list(known, 2 * 3600 * S, count_key, &listed);
    assert_int_equal(listed, 0);
    rate_known_destroy(&known);
}

static void test_backlog(void **state)
{
    struct rate_backlog backlog;
    struct rate_backlog_entry *entry;

    (void)state;
    rate_backlog_init(&backlog);
    assert_null(rate_backlog_take(&backlog));
    for (uint64_t i = 0; i < RATE_BACKLOG_MAX + 5; i++) {
        uint64_t id[2] = {i, 0};

        rate_backlog_put(&backlog, id, true, 3,
                         base_mem_alloc_zero(1, sizeof(struct rate_backlog_item)));
    }
    assert_int_equal(backlog.count, RATE_BACKLOG_MAX);
    assert_int_equal(backlog.lost, 5);
    entry = rate_backlog_take(&backlog);
    assert_int_equal(entry->id[0], 0);
    assert_int_equal(entry->first_local, 3);
    rate_backlog_return(&backlog, entry);
    for (uint64_t i = 0; i < 3; i++) {
        entry = rate_backlog_take(&backlog);
        assert_int_equal(entry->id[0], i);
        rate_backlog_entry_free(entry);
    }
    rate_backlog_deinit(&backlog);
    assert_int_equal(backlog.count, 0);
    /* The last one taken and given back leaves the queue whole. */
    rate_backlog_init(&backlog);
    rate_backlog_put(&backlog, (uint64_t[2]){1, 1}, false, 0, NULL);
    entry = rate_backlog_take(&backlog);
    rate_backlog_return(&backlog, entry);
    rate_backlog_put(&backlog, (uint64_t[2]){2, 2}, false, 0, NULL);
    assert_int_equal(backlog.count, 2);
    rate_backlog_deinit(&backlog);
}

/* A list of items of these sequences, the last made the first. */
static struct rate_backlog_item *items_of(const unsigned counts[], unsigned sequences)
{
    struct rate_backlog_item *items = NULL;

    for (unsigned sequence = 1; sequence <= sequences; sequence++)
        for (unsigned i = 0; i < counts[sequence - 1]; i++) {
            struct rate_backlog_item *item = base_mem_alloc_zero(1, sizeof(*item));

            item->sequence = sequence;
            item->next = items;
            items = item;
        }
    return items;
}

/* What may have arrived stays together, under the id of the message. */
static void test_backlog_in_parts(void **state)
{
    static const struct {
        unsigned counts[3];
        unsigned first_local;
        /* Items of each part, those under the message's id last. */
        size_t want[4];
    } cases[] = {
        {{1, 2, 3}, 1, {6}},          {{10, 0, 990}, 1, {1000}},
        {{10, 0, 991}, 1, {991, 10}}, {{500, 1200, 1300}, 1, {1000, 1000, 1000}},
        {{2500, 0, 0}, 1, {2500}},    {{1100, 0, 0}, 0, {1000, 100}},
        {{0, 0, 0}, 1, {0}},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const uint64_t id[2] = {7, 7};
        struct rate_backlog_entry *entry;
        struct rate_backlog backlog;

        rate_backlog_init(&backlog);
        rate_backlog_put(&backlog, id, true, cases[i].first_local, items_of(cases[i].counts, 3));
        for (size_t k = 0; (entry = rate_backlog_take(&backlog)) != NULL; k++) {
            bool is_last = backlog.count == 0;

            if (entry->item_count != cases[i].want[k] || (entry->id[0] == 7) != is_last ||
                !entry->is_commit || (entry->first_local != 0) != (is_last && i != 5))
                fail_msg("case %zu, part %zu: %zu items", i, k, entry->item_count);
            rate_backlog_entry_free(entry);
        }
        assert_int_equal(backlog.item_count, 0);
        rate_backlog_deinit(&backlog);
    }
}

static void test_backlog_items_are_bounded(void **state)
{
    const unsigned counts[1] = {RATE_BACKLOG_PART};
    struct rate_backlog backlog;

    (void)state;
    rate_backlog_init(&backlog);
    for (unsigned i = 0; i < RATE_BACKLOG_ITEMS_MAX / RATE_BACKLOG_PART + 2; i++)
        rate_backlog_put(&backlog, (uint64_t[2]){i, 0}, true, 1, items_of(counts, 1));
    assert_int_equal(backlog.item_count, RATE_BACKLOG_ITEMS_MAX);
    assert_int_equal(backlog.lost, 2);
    rate_backlog_deinit(&backlog);
    assert_int_equal(backlog.item_count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_breaker_opens),
        cmocka_unit_test(test_breaker_probes),
        cmocka_unit_test(test_known),
        cmocka_unit_test(test_known_is_bounded),
        cmocka_unit_test(test_backlog),
        cmocka_unit_test(test_backlog_in_parts),
        cmocka_unit_test(test_backlog_items_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
