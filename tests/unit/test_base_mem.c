/* base/mem and base/panic: the heap, and what happens where it ends. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"

static void test_heap(void **state)
{
    int *numbers = base_mem_alloc_zero(100, sizeof(*numbers));
    char *text = base_mem_strdup("abc");

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(numbers[i], 0);
    text = base_mem_realloc(text, 100);
    assert_string_equal(text, "abc");
    base_mem_wipe(text, 4);
    assert_memory_equal(text, "\0\0\0\0", 4);
    base_mem_wipe(NULL, 0);
    base_mem_free(text);
    base_mem_free(numbers);
    base_mem_free(NULL);
    text = base_mem_strndup("abc\0def", 7);
    assert_memory_equal(text, "abc\0def", 8);
    base_mem_free(text);
    text = base_mem_strndup(NULL, 0);
    assert_string_equal(text, "");
    base_mem_free(text);
    text = base_mem_alloc(0);
    assert_non_null(text);
    base_mem_free(text);
}

static void panic_plainly(void)
{
    base_panic("number %d", 7);
}

static void overflow_product(void)
{
    base_mem_free(base_mem_alloc_zero(SIZE_MAX / 2, 3));
}

static void test_panics(void **state)
{
    static const struct {
        void (*act)(void);
        const char *want;
    } cases[] = {
        {panic_plainly, "error: panic: number 7\n"},
        {overflow_product, "error: panic: allocation of 9223372036854775807 times 3 octets\n"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256] = "";
        int ends[2], status;

        assert_int_equal(pipe(ends), 0);
        pid_t child = fork();

        if (child == 0) {
            /* cmocka catches SIGABRT; the daemon does not. */
            signal(SIGABRT, SIG_DFL);
            dup2(ends[1], STDERR_FILENO);
            cases[i].act();
            _exit(0);
        }
        close(ends[1]);
        assert_true(read(ends[0], text, sizeof(text) - 1) > 0);
        close(ends[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
        assert_string_equal(text, cases[i].want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_heap),
        cmocka_unit_test(test_panics),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
