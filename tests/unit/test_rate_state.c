/* Counters over a restart and over a kill: what comes back, what does not; clocks that are set
 * between two starts; files that are none; a disk that is full. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "policy/rate/state.h"
#include "store/ledger.h"

#define S     BASE_NS_PER_S
#define HOUR  (3600 * S)
#define START INT64_C(1790000000)

static const struct rate_windows two = {.count = 2, .at = {{10, HOUR}, {8, 60 * S}}};

struct world {
    char folder[64];
    char path[128];
    struct base_clock clock;
    struct rate_state *state;
    struct rate_store *store;
};

static void start(struct world *world)
{
    struct rate_engine_options options = {.clock = &world->clock};
    struct base_error error = {""};

    world->state = rate_state_open(world->path, &error);
    if (world->state == NULL)
        fail_msg("%s", error.text);
    rate_state_prepare(world->state, &options);
    world->store = rate_engine_create(&options);
    if (!rate_state_start(world->state, world->store, &error))
        fail_msg("%s", error.text);
}

static void stop(struct world *world)
{
    rate_state_close(&world->state);
    rate_store_destroy(&world->store);
}

static struct rate_item item(const char *key, int64_t amount, const char *value)
{
    return (struct rate_item){.name = BASE_TEXT("r"),
                              .key = base_text_of(key),
                              .windows = &two,
                              .amount = amount,
                              .value = base_text_of(value),
                              .is_refusing = true};
}

static bool spend(struct world *world, const char *key, int64_t amount, const char *value)
{
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item(key, amount, value);
    bool is_charged = rate_store_charge(world->store, &reservation, &one, 1);

    rate_store_commit(world->store, &reservation);
    return is_charged;
}

/* Of the first window. */
struct asked {
    const char *key;
    int64_t used;
    bool is_held;
};

static void find(void *context, const struct rate_status *status)
{
    struct asked *asked = context;

    if (!base_text_equals(status->key, base_text_of(asked->key)))
        return;
    asked->used = status->used[0];
    asked->is_held = status->is_held;
}

static struct asked ask(struct world *world, const char *key)
{
    struct asked asked = {.key = key};

    rate_store_list(world->store, find, &asked);
    return asked;
}

static void test_restart(void **state)
{
    struct world *world = *state;
    struct rate_reservation under_way = {NULL};
    struct rate_item one = item("alice", 1, NULL);
    struct stat status;

    start(world);
    assert_int_equal(stat(world->path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_true(spend(world, "alice", 3, NULL));
    assert_true(rate_store_charge(world->store, &under_way, &one, 1));
    base_clock_advance(&world->clock, 90 * S);
    assert_true(spend(world, "alice", 2, NULL));
    assert_true(spend(world, "values", 1, "x"));
    assert_true(spend(world, "values", 1, "y"));
    assert_true(spend(world, "values", 1, "x"));
    assert_true(spend(world, "gone", 4, NULL));
    assert_int_equal(rate_store_release(world->store, BASE_TEXT("r"), BASE_TEXT("gone")), 1);
    rate_store_give_back(world->store, &under_way);
    stop(world);
    start(world);
    assert_int_equal(ask(world, "alice").used, 5);
    assert_int_equal(ask(world, "values").used, 2);
    assert_int_equal(ask(world, "gone").used, 0);
    assert_true(spend(world, "values", 1, "y"));
    assert_int_equal(ask(world, "values").used, 2);
    /* Each window goes on as it would have. */
    assert_false(spend(world, "alice", 7, NULL));
    assert_true(spend(world, "alice", 5, NULL));
    base_clock_advance(&world->clock, HOUR + HOUR / 16);
    stop(world);
    start(world);
    assert_int_equal(ask(world, "alice").used, 0);
    assert_int_equal(ask(world, "values").used, 0);
    stop(world);
}

/* Killed: what was flushed is there, what was under way is not, whatever became of the process. */
static void test_killed(void **state)
{
    struct world *world = *state;
    struct world second = *world;
    struct rate_reservation under_way = {NULL};
    struct rate_item one = item("alice", 5, NULL);
    struct base_error error;

    start(world);
    assert_true(spend(world, "alice", 3, NULL));
    assert_true(rate_store_charge(world->store, &under_way, &one, 1));
    assert_true(rate_state_flush(world->state, &error));
    start(&second);
    assert_int_equal(ask(&second, "alice").used, 3);
    stop(&second);
    rate_store_give_back(world->store, &under_way);
    stop(world);
}

static void test_held(void **state)
{
    struct world *world = *state;
    struct rate_reservation reservation = {NULL};
    struct rate_item one = item("alice", 9, NULL);

    start(world);
    one.hold_ns = -1;
    assert_false(rate_store_charge(world->store, &reservation, &one, 1));
    one.key = BASE_TEXT("bob");
    one.hold_ns = 30 * S;
    assert_false(rate_store_charge(world->store, &reservation, &one, 1));
    base_clock_advance(&world->clock, 1000 * HOUR);
    stop(world);
    start(world);
    assert_true(ask(world, "alice").is_held);
    assert_false(ask(world, "bob").is_held);
    assert_int_equal(rate_store_release(world->store, BASE_TEXT("r"), BASE_TEXT("alice")), 1);
    stop(world);
    start(world);
    assert_false(ask(world, "alice").is_held);
    stop(world);
}

static void count_over(void *context, const struct rate_status *status)
{
    assert_true(base_text_equals(status->key, BASE_TEXT("bob")));
    ++*(unsigned *)context;
}

/* A hold that was over while nobody ran is told of once, for a week. */
static void test_hold_is_over(void **state)
{
    static const struct {
        int64_t pause_ns;
        unsigned want;
    } rows[] = {{20 * S, 0}, {10 * S, 1}, {0, 0}, {10 * S, 0}};
    struct world *world = *state;

    for (int is_late = 0; is_late < 2; is_late++) {
        struct rate_reservation reservation = {NULL};
        struct rate_item one = item("bob", 9, NULL);
        unsigned over = 0;

        start(world);
        one.hold_ns = 30 * S;
        assert_false(rate_store_charge(world->store, &reservation, &one, 1));
        base_clock_advance(&world->clock, is_late ? 8 * 24 * HOUR : 0);
        for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++, over = 0) {
            stop(world);
            base_clock_advance(&world->clock, rows[i].pause_ns);
            start(world);
            rate_store_end_holds(world->store, count_over, &over);
            if (over != (is_late ? 0 : rows[i].want))
                fail_msg("%d, %zu: %u", is_late, i, over);
        }
        stop(world);
    }
}

/* Within one boot the wall clock plays no part; over a boot it is all there is. */
static void test_clocks(void **state)
{
    static const struct {
        bool is_boot;
        int64_t set_s;
        int64_t want;
    } rows[] = {
        {false, 3600, 8}, {false, -3600, 8},   {false, -1000 * 3600, 8}, {false, 1000 * 3600, 8},
        {true, 600, 8},   {true, 3600 * 2, 0}, {true, -3600, 8},
    };
    struct world *world = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct base_error error;
        struct store_ledger *ledger;

        world->clock = base_clock_manual(START);
        world->clock.fixed_mono_ns = 500 * HOUR;
        (void)unlink(world->path);
        start(world);
        assert_true(spend(world, "alice", 8, NULL));
        stop(world);
        if (rows[i].is_boot) {
            ledger = store_ledger_open(world->path, &error);
            assert_true(store_ledger_set(ledger, "boot", "another", &error));
            store_ledger_close(&ledger);
            world->clock.fixed_mono_ns = 60 * S;
        }
        world->clock.fixed_wall_ns += rows[i].set_s * S;
        start(world);
        if (ask(world, "alice").used != rows[i].want)
            fail_msg("row %zu: %lld", i, (long long)ask(world, "alice").used);
        /* Nobody is locked out for longer than W. */
        base_clock_advance(&world->clock, HOUR + HOUR / 16);
        assert_int_equal(ask(world, "alice").used, 0);
        stop(world);
    }
}

/* Rows that this program did not write do no harm. */
static void test_strange_rows(void **state)
{
    static const struct store_ledger_row rows[] = {
        {.about = BASE_TEXT("")},
        {.about = BASE_TEXT("u")},
        {.about = BASE_TEXT("u 1")},
        {.about = BASE_TEXT("u 1/2")},
        {.about = BASE_TEXT("u -1/3600000000000")},
        {.about = BASE_TEXT("u 1/99999999999999999999999")},
        {.about = BASE_TEXT("u 1/16 1/16 1/16 1/16 1/16")},
        {.about = BASE_TEXT("u 1/3600000000000"), .window = 1},
        {.about = BASE_TEXT("u 1/3600000000000"), .window = -1},
        {.about = BASE_TEXT("u 1/3600000000000"), .slot = INT64_MAX},
        {.about = BASE_TEXT("u 1/3600000000000"), .slot = -1},
        {.about = BASE_TEXT("u 1/3600000000000"), .amount = -1},
        {.about = BASE_TEXT("u 1/3600000000000"), .amount = INT64_MAX},
        {.about = BASE_TEXT("u 101%1/3600000000000")},
        {.about = BASE_TEXT("u %1/3600000000000")},
        {.about = BASE_TEXT("u 20%/3600000000000")},
        {.about = BASE_TEXT("u 20%1")},
        {.about = BASE_TEXT("u 20%1%1/3600000000000")},
    };
    struct world *world = *state;
    struct base_error error;
    struct store_ledger *ledger = store_ledger_open(world->path, &error);

    assert_non_null(ledger);
    assert_true(store_ledger_begin(ledger, &error));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct store_ledger_row row = rows[i];
        char key[16];

        (void)snprintf(key, sizeof(key), "%zu", i);
        row.name = BASE_TEXT("r");
        row.key = base_text_of(key);
        row.expires_ns = INT64_MAX;
        if (row.amount == 0)
            row.amount = 1;
        assert_true(store_ledger_count(ledger, &row, &error));
    }
    assert_true(store_ledger_end(ledger, &error));
    store_ledger_close(&ledger);
    start(world);
    struct rate_numbers numbers;

    rate_store_numbers(world->store, &numbers);
    assert_int_equal(numbers.keys, 0);
    stop(world);
}

/* The highest numbers that are read: sums of them stay numbers; and a time that none can be. */
static void test_highest(void **state)
{
    static const char *const epochs[] = {"9223372036854775807", "9223372036854775808",
                                         "18446744073709551615", "9000000000000000000"};
    struct world *world = *state;
    struct base_error error;
    char boot[64];

    for (size_t i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
        struct store_ledger *ledger;
        struct rate_reservation reservation = {NULL};
        struct rate_item one = item("high", 1, NULL);

        start(world);
        stop(world);
        ledger = store_ledger_open(world->path, &error);
        assert_non_null(ledger);
        assert_true(store_ledger_get(ledger, "boot", boot, sizeof(boot)));
        assert_true(store_ledger_begin(ledger, &error));
        assert_true(store_ledger_set(ledger, "epoch", epochs[i], &error));
        for (int value = 0; value < 300; value++) {
            struct store_ledger_row row = {.name = BASE_TEXT("r"),
                                           .key = BASE_TEXT("high"),
                                           .about = BASE_TEXT("u 72057594037927936/3600000000000"),
                                           .slot =
                                               value % 20 == 0 ? 1 : INT64_MAX / (HOUR / 16) - 1,
                                           .value = value,
                                           .amount = RATE_LIMIT_MAX,
                                           .expires_ns = INT64_MAX};

            assert_true(store_ledger_count(ledger, &row, &error));
        }
        assert_true(store_ledger_end(ledger, &error));
        store_ledger_close(&ledger);
        start(world);
        assert_true(rate_engine_now(world->store) >= 0);
        assert_true(rate_engine_now(world->store) < INT64_MAX / 2);
        assert_true(ask(world, "high").used >= RATE_LIMIT_MAX);
        /* The file's windows, and others. */
        assert_false(rate_store_charge(world->store, &reservation, &one, 1));
        assert_true(one.wait_ns > 0 && one.wait_ns <= HOUR + HOUR / 16);
        assert_true(spend(world, "alice", 1, NULL));
        assert_int_equal(ask(world, "alice").used, 1);
        assert_int_equal(rate_store_release(world->store, BASE_TEXT("r"), BASE_TEXT("high")), 1);
        assert_int_equal(rate_store_release(world->store, BASE_TEXT("r"), BASE_TEXT("alice")), 1);
        stop(world);
    }
}

static void test_no_file(void **state)
{
    struct world *world = *state;
    struct base_error error = {""};
    FILE *file;

    assert_null(rate_state_open("/nonexistent/rates.db", &error));
    assert_non_null(strstr(error.text, "/nonexistent/rates.db"));
    file = fopen(world->path, "w");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        fputs("this is no database\n", file);
    fclose(file);
    assert_null(rate_state_open(world->path, &error));
    assert_non_null(strstr(error.text, world->path));
}

/* A full disk: told, tried again, nothing counted twice. */
static void test_full(void **state)
{
    struct world *world = *state;
    struct rlimit before;
    struct rlimit none;
    struct base_error error = {""};

    start(world);
    assert_true(spend(world, "alice", 2, NULL));
    assert_true(rate_state_flush(world->state, &error));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    none = (struct rlimit){.rlim_cur = 1, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    assert_true(spend(world, "alice", 3, NULL));
    bool is_good = rate_state_flush(world->state, &error);
    bool is_good_again = rate_state_flush(world->state, &error);

    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_false(is_good);
    assert_false(is_good_again);
    assert_int_equal(ask(world, "alice").used, 5);
    assert_true(rate_state_flush(world->state, &error));
    assert_int_equal(rate_state_dropped(world->state), 0);
    stop(world);
    start(world);
    assert_int_equal(ask(world, "alice").used, 5);
    stop(world);
}

static int set_up(void **state)
{
    static struct world world;

    world = (struct world){.clock = base_clock_manual(START)};
    (void)snprintf(world.folder, sizeof(world.folder), "/tmp/test_rate.XXXXXX");
    if (mkdtemp(world.folder) == NULL)
        return -1;
    (void)snprintf(world.path, sizeof(world.path), "%s/rates.db", world.folder);
    *state = &world;
    return 0;
}

static int tear_down(void **state)
{
    const struct world *world = *state;
    char command[128];

    (void)snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
    return system(command) == 0 ? 0 : -1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_restart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_killed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_held, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_hold_is_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clocks, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_strange_rows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_highest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_no_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
