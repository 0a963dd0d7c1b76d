/* base/arena: caps, the shared budget, what a reset gives back. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <string.h>

#include "base/arena.h"

static void test_zeroed_and_aligned(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    for (int round = 0; round < 2; round++) {
        for (size_t size = 0; size < 300; size++) {
            unsigned char *memory = base_arena_alloc(arena, size);

            assert_non_null(memory);
            assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(memory[i], 0);
            if (size != 0)
                memset(memory, 0xa5, size);
        }
        base_arena_reset(arena);
    }
    assert_ptr_not_equal(base_arena_alloc(arena, 0), base_arena_alloc(arena, 0));
    base_arena_destroy(&arena);
    assert_null(arena);
    base_arena_destroy(&arena);
}

static void test_cap_by_one(void **state)
{
    static const size_t caps[] = {0, 1, 15, 16, 100, 4096, 70000};

    (void)state;
    for (size_t i = 0; i < sizeof(caps) / sizeof(caps[0]); i++) {
        struct base_arena *arena = base_arena_create(caps[i], NULL);

        assert_null(base_arena_alloc(arena, caps[i] + 1));
        assert_true(base_arena_is_exhausted(arena));
        base_arena_reset(arena);
        assert_false(base_arena_is_exhausted(arena));
        if (caps[i] != 0) {
            assert_non_null(base_arena_alloc(arena, caps[i]));
            assert_false(base_arena_is_exhausted(arena));
            assert_true(base_arena_used(arena) >= caps[i]);
        }
        assert_null(base_arena_alloc(arena, 1));
        assert_true(base_arena_is_exhausted(arena));
        base_arena_destroy(&arena);
    }
}

static void test_exhaustion_is_sticky(void **state)
{
    struct base_arena *arena = base_arena_create(100, NULL);

    (void)state;
    assert_null(base_arena_alloc(arena, 200));
    assert_null(base_arena_alloc(arena, SIZE_MAX));
    assert_null(base_arena_strndup(arena, "", SIZE_MAX));
    assert_non_null(base_arena_alloc(arena, 10));
    assert_true(base_arena_is_exhausted(arena));
    base_arena_destroy(&arena);
}

static void test_empty_allocations_count(void **state)
{
    struct base_arena *arena = base_arena_create(1000, NULL);
    size_t count = 0;

    (void)state;
    while (base_arena_alloc(arena, 0) != NULL)
        count++;
    assert_in_range(count, 1, 1000);
    base_arena_destroy(&arena);
}

static void test_budget(void **state)
{
    struct base_budget *budget = base_budget_create(20000);
    struct base_arena *a = base_arena_create(1 << 20, budget);
    struct base_arena *b = base_arena_create(1 << 20, budget);

    (void)state;
    assert_int_equal(base_budget_used(budget), 0);
    assert_non_null(base_arena_alloc(a, 1));
    assert_int_equal(base_budget_used(budget), 4096);
    assert_non_null(base_arena_alloc(b, 12000));
    assert_null(base_arena_alloc(a, 8000));
    assert_true(base_arena_is_exhausted(a));
    assert_false(base_arena_is_exhausted(b));
    /* Less than a block of the usual size is left: it can be used all the same. */
    assert_non_null(base_arena_alloc(b, 100));
    base_arena_destroy(&b);
    assert_int_equal(base_budget_used(budget), 4096);
    base_budget_set_max(budget, 10);
    assert_null(base_arena_alloc(a, 8000));
    base_arena_reset(a);
    assert_int_equal(base_budget_used(budget), 4096);
    assert_non_null(base_arena_alloc(a, 4000));
    assert_null(base_arena_alloc(a, 4000));
    base_arena_destroy(&a);
    assert_int_equal(base_budget_used(budget), 0);
    base_budget_destroy(&budget);
    base_budget_destroy(&budget);
}

enum {
    THREADS = 4,
    SHARED_MAX = 256 * 1024,
};

/* Takes what it can get, gives it back, over and over. The fault, or NULL. */
static void *use_budget(void *context)
{
    struct base_budget *budget = context;
    struct base_arena *arena = base_arena_create(SIZE_MAX, budget);

    for (int round = 0; round < 200; round++) {
        while (base_arena_alloc(arena, 3000) != NULL)
            if (base_budget_used(budget) > SHARED_MAX)
                return "past the bound";
        base_arena_reset(arena);
    }
    base_arena_destroy(&arena);
    return NULL;
}

static void test_budget_of_threads(void **state)
{
    struct base_budget *budget = base_budget_create(SHARED_MAX);
    pthread_t threads[THREADS];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, use_budget, budget), 0);
    for (int i = 0; i < THREADS; i++) {
        void *fault;

        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
    assert_int_equal(base_budget_used(budget), 0);
    base_budget_destroy(&budget);
}

static void test_reset_gives_back(void **state)
{
    struct base_budget *budget = base_budget_create(SIZE_MAX);
    struct base_arena *arena = base_arena_create(SIZE_MAX, budget);

    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 1000; i++)
            assert_non_null(base_arena_alloc(arena, 777));
        assert_true(base_budget_used(budget) > 777000);
        /* Growing blocks waste little. */
        assert_true(base_budget_used(budget) < 1000000);
        base_arena_reset(arena);
        assert_int_equal(base_budget_used(budget), 4096);
        assert_int_equal(base_arena_used(arena), 0);
    }
    base_arena_destroy(&arena);
    /* A large first allocation is not what a reset keeps. */
    arena = base_arena_create(SIZE_MAX, budget);
    assert_non_null(base_arena_alloc(arena, 1 << 20));
    base_arena_reset(arena);
    assert_int_equal(base_budget_used(budget), 0);
    assert_non_null(base_arena_alloc(arena, 1));
    base_arena_destroy(&arena);
    base_budget_destroy(&budget);
}

static void test_strings(void **state)
{
    struct base_arena *arena = base_arena_create(1000, NULL);

    (void)state;
    assert_string_equal(base_arena_strdup(arena, "abc"), "abc");
    assert_string_equal(base_arena_strndup(arena, "abcdef", 3), "abc");
    assert_string_equal(base_arena_strndup(arena, NULL, 0), "");
    assert_string_equal(base_arena_printf(arena, "%s-%d", "x", 7), "x-7");
    assert_null(base_arena_printf(arena, "%1000d", 7));
    assert_true(base_arena_is_exhausted(arena));
    base_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zeroed_and_aligned),
        cmocka_unit_test(test_cap_by_one),
        cmocka_unit_test(test_exhaustion_is_sticky),
        cmocka_unit_test(test_empty_allocations_count),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_of_threads),
        cmocka_unit_test(test_reset_gives_back),
        cmocka_unit_test(test_strings),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
