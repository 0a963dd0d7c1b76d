/* store/lease: who shares the lock, and who gets it for himself. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <unistd.h>

#include "store/lease.h"

#include "tests/unit/store_files.h"

struct world {
    struct store_lease *lease;
    /* The lease's, and that of somebody else. */
    int ours;
    int other;
};

static int lock(int fd, int command, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET};

    return fcntl(fd, command, &lock);
}

static int try_lock(const struct world *world, short type)
{
    return lock(world->other, F_OFD_SETLK, type);
}

static int wait_for_lock(const struct world *world, short type)
{
    return lock(world->other, F_OFD_SETLKW, type);
}

static struct world begin(struct files *files)
{
    const char *path;

    files_write(files, "file", BASE_TEXT("x"), 0644);
    path = files_name(files, "", "file");
    struct world world = {.ours = open(path, O_RDONLY | O_CLOEXEC),
                          .other = open(path, O_RDWR | O_CLOEXEC)};

    assert_true(world.ours >= 0);
    assert_true(world.other >= 0);
    world.lease = store_lease_create(world.ours);
    return world;
}

static void end(struct world *world)
{
    store_lease_destroy(&world->lease);
    assert_null(world->lease);
    store_lease_destroy(&world->lease);
    close(world->other);
    close(world->ours);
}

static void test_shared(void **state)
{
    struct world world = begin(*state);

    assert_int_equal(try_lock(&world, F_WRLCK), 0);
    assert_int_equal(try_lock(&world, F_UNLCK), 0);
    assert_true(store_lease_join(world.lease));
    assert_true(store_lease_join(world.lease));
    assert_int_equal(try_lock(&world, F_WRLCK), -1);
    assert_int_equal(try_lock(&world, F_RDLCK), 0);
    assert_int_equal(try_lock(&world, F_UNLCK), 0);
    store_lease_leave(world.lease);
    assert_int_equal(try_lock(&world, F_WRLCK), -1);
    store_lease_leave(world.lease);
    /* Not for ever. */
    assert_int_equal(wait_for_lock(&world, F_WRLCK), 0);
    assert_int_equal(try_lock(&world, F_UNLCK), 0);
    assert_true(store_lease_join(world.lease));
    assert_int_equal(try_lock(&world, F_WRLCK), -1);
    store_lease_leave(world.lease);
    end(&world);
}

static void test_given_back_at_the_end(void **state)
{
    struct world world = begin(*state);

    assert_true(store_lease_join(world.lease));
    store_lease_leave(world.lease);
    store_lease_destroy(&world.lease);
    assert_int_equal(try_lock(&world, F_WRLCK), 0);
    end(&world);
}

/* --- many who join, one who waits --------------------------------------------------------------
 */

struct crowd {
    struct world world;
    atomic_bool is_over;
    atomic_uint joined;
    /* Of the other one. */
    atomic_bool is_exclusive;
};

static void *come_and_go(void *context)
{
    struct crowd *crowd = context;

    while (!atomic_load(&crowd->is_over)) {
        if (!store_lease_join(crowd->world.lease))
            return "not joined";
        if (atomic_load(&crowd->is_exclusive))
            return "joined beside the exclusive lock";
        (void)atomic_fetch_add(&crowd->joined, 1);
        store_lease_leave(crowd->world.lease);
    }
    return NULL;
}

static void test_crowd(void **state)
{
    struct crowd crowd = {.world = begin(*state)};
    pthread_t threads[4];
    unsigned before = 0;

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &crowd), 0);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(wait_for_lock(&crowd.world, F_WRLCK), 0);
        atomic_store(&crowd.is_exclusive, true);
        assert_true(i == 0 || atomic_load(&crowd.joined) > before);
        before = atomic_load(&crowd.joined);
        atomic_store(&crowd.is_exclusive, false);
        assert_int_equal(try_lock(&crowd.world, F_UNLCK), 0);
        while (atomic_load(&crowd.joined) == before)
            (void)sched_yield();
    }
    atomic_store(&crowd.is_over, true);
    for (size_t i = 0; i < 4; i++) {
        void *fault;

        assert_int_equal(pthread_join(threads[i], &fault), 0);
        assert_null(fault);
    }
    end(&crowd.world);
}

static void test_no_lock(void **state)
{
    struct world world = begin(*state);
    struct store_lease *lease = store_lease_create(-1);

    assert_false(store_lease_join(lease));
    store_lease_destroy(&lease);
    end(&world);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_shared),
        TEST(test_given_back_at_the_end),
        TEST(test_crowd),
        TEST(test_no_lock),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
