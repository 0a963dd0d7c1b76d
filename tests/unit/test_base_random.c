/* base/random: every octet is drawn, also of what is longer than one call of the system gives, and
 * none past the end; and a system that has no entropy. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/random.h"

/* What the system says: 0 octets at a time at most; errno where that is less than 0. */
static ssize_t most;
static int fault;
static unsigned interruptions;

/* In the place of libc's. */
ssize_t getrandom(void *out, size_t size, unsigned flags)
{
    unsigned char *octets = out;

    if (interruptions > 0) {
        interruptions--;
        errno = EINTR;
        return -1;
    }
    /* What blocks is let wait for ever. */
    if (most < 0 && (flags & GRND_NONBLOCK) == 0 && fault == EAGAIN)
        abort();
    if (most < 0) {
        errno = fault;
        return -1;
    }
    if (size > (size_t)most)
        size = (size_t)most;
    for (size_t i = 0; i < size; i++)
        octets[i] = (unsigned char)(i % 251 + 1);
    return (ssize_t)size;
}

static void require_drawn(const unsigned char *octets, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (octets[i] == 0)
            fail_msg("octet %zu of %zu was not drawn", i, size);
    assert_int_equal(octets[size], 0);
}

static void test_sizes(void **state)
{
    static const size_t sizes[] = {0, 1, 8, 16, 255, 256, 257, 1000};
    static const ssize_t pieces[] = {1, 7, 256, 4096};
    unsigned char octets[1001];

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t j = 0; j < sizeof(pieces) / sizeof(pieces[0]); j++) {
            most = pieces[j];
            interruptions = 2;
            memset(octets, 0, sizeof(octets));
            base_random_seed(octets, sizes[i]);
            require_drawn(octets, sizes[i]);
            memset(octets, 0, sizeof(octets));
            base_random_draw(octets, sizes[i]);
            require_drawn(octets, sizes[i]);
        }
}

/* Early at boot: something, that is not the same each time, and nobody waits. */
static void test_no_entropy(void **state)
{
    static const int faults[] = {EAGAIN, ENOSYS, EPERM};
    uint64_t seeds[2 * sizeof(faults) / sizeof(faults[0])][2];
    size_t count = 0;

    (void)state;
    most = -1;
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
        for (int again = 0; again < 2; again++) {
            fault = faults[i];
            memset(seeds[count], 0, sizeof(seeds[count]));
            base_random_seed(seeds[count], sizeof(seeds[count]));
            assert_int_not_equal(seeds[count][0], 0);
            assert_int_not_equal(seeds[count][1], 0);
            for (size_t j = 0; j < count; j++)
                assert_memory_not_equal(seeds[j], seeds[count], sizeof(seeds[j]));
            count++;
        }
    /* No octet past the end. */
    memset(seeds, 0, sizeof(seeds));
    base_random_seed(seeds, 3);
    assert_int_equal(((unsigned char *)seeds)[3], 0);
}

static void test_panic(void **state)
{
    int status = 0;
    pid_t child = fork();

    (void)state;
    most = -1;
    fault = ENOSYS;
    if (child == 0) {
        unsigned char octets[8];

        (void)close(2);
        base_random_draw(octets, sizeof(octets));
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_no_entropy),
        cmocka_unit_test(test_panic),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
