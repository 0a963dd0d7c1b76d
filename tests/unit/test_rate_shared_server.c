/* How the shared store finds its server, what it makes of one that has lost its keys or says
 * nonsense, and what holds however it is used. Skipped, and said so, where there is no
 * redis-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <openssl/err.h>

#include "tests/unit/shared_world.h"

/* A server that comes back empty is told what this host knows. */
static void test_lost_keys(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store(world, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("lost", 7);
    char answer[64];

    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_commit(store, &reservation);
    assert_int_equal(fill(store, "lost-too"), 10);
    ask(world, "FLUSHALL", answer, sizeof(answer));
    assert_string_equal(answer, "OK");
    assert_int_equal(fill(store, "lost"), 3);
    /* Each key is told, also after the first. */
    assert_int_equal(fill(store, "lost-too"), 0);
    stop_server(world);
    start_server(world);
    assert_int_equal(fill(store, "lost"), 0);
    rate_store_destroy(&store);
}

/* Of different values it is told how many there were, and of a key that it is held. */
static void test_lost_values(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store(world, 1);
    struct rate_item held[2] = {item_of("held", 11), item_of("for-good", 11)};
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("values", 1);
    char answer[64];
    char value[16];

    for (int i = 0; i < 8; i++) {
        (void)snprintf(value, sizeof(value), "%d", i);
        item.value = base_text_of(value);
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        assert_int_equal(item.used, i);
    }
    rate_store_commit(store, &reservation);
    for (int i = 0; i < 2; i++) {
        held[i].hold_ns = i == 0 ? 300 * BASE_NS_PER_S : -1;
        assert_int_equal(charge(store, &reservation, &held[i]), RATE_HELD);
        held[i].amount = 1;
    }
    ask(world, "FLUSHALL", answer, sizeof(answer));
    assert_string_equal(answer, "OK");
    for (int i = 0; i < 3; i++) {
        (void)snprintf(value, sizeof(value), "x%d", i);
        item.value = base_text_of(value);
        assert_int_equal(charge(store, &reservation, &item), i < 2 ? RATE_FREE : RATE_OVER);
        assert_int_equal(item.used, 8 + i);
    }
    rate_store_give_back(store, &reservation);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(charge(store, &reservation, &held[i]), RATE_HELD);
        assert_false(held[i].is_newly_blocked);
    }
    assert_true(held[0].wait_ns > 0 && held[0].wait_ns <= 301 * BASE_NS_PER_S);
    assert_int_equal(held[1].wait_ns, -1);
    /* It is released, and stays so. */
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("for-good")),
                     1);
    ask(world, "FLUSHALL", answer, sizeof(answer));
    held[1].hold_ns = 0;
    assert_int_equal(charge(store, &reservation, &held[1]), RATE_FREE);
    /* The lost ones expire as the others would have. */
    pass(world, HOUR_NS + HOUR_NS / 16);
    base_clock_advance(&world->clock, HOUR_NS + HOUR_NS / 16 + 1);
    item.value = BASE_TEXT("late");
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    assert_int_equal(item.used, 0);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* Nonsense where the script keeps its own is as nothing. */
static void test_nonsense(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store(world, 1);
    char answer[256];

    assert_int_equal(fill(store, "nonsense"), 10);
    ask(world,
        "EVAL \"for _, k in ipairs(redis.call('KEYS', '*:k:*')) do redis.call('SET', k, "
        "'rubbish') end return 1\" 0",
        answer, sizeof(answer));
    assert_int_equal(fill(store, "nonsense"), 10);
    rate_store_destroy(&store);
}

/* Whether a charge reached the server. */
static bool has_answered(struct rate_store *store, char *fault, size_t size)
{
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("reach", 1);
    struct rate_shared_numbers numbers;

    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_shared_numbers(store, &numbers);
    (void)snprintf(fault, size, "%s", numbers.fault);
    rate_store_give_back(store, &reservation);
    return numbers.failures == 0;
}

static void test_tls_and_users(void **state)
{
    struct world *world = *state;
    char answer[256];
    char fault[200];
    char good[64];
    char wrong[64];
    const struct {
        const char *url;
        const char *user;
        const char *password;
        /* NULL: it answers. */
        const char *fault;
    } cases[] = {
        {good, NULL, NULL, NULL},
        {good, "postseal", "right", NULL},
        {good, "postseal", "wrong", "WRONGPASS"},
        {good, "reader", "right", "NOPERM"},
        /* The certificate is for 127.0.0.1. */
        {wrong, NULL, NULL, "no connection"},
    };

    (void)snprintf(good, sizeof(good), "rediss://127.0.0.1:%u/3", world->port);
    (void)snprintf(wrong, sizeof(wrong), "rediss://localhost:%u", world->port);
    ask(world, "ACL SETUSER postseal on '>right' '~{postseal}*' +@all -@admin", answer,
        sizeof(answer));
    assert_string_equal(answer, "OK");
    ask(world, "ACL SETUSER reader on '>right' '~*' +get +select", answer, sizeof(answer));
    assert_string_equal(answer, "OK");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct rate_store *store = open_store_at(world, cases[i].url, cases[i].user,
                                                 cases[i].password, 1, 10 * BASE_NS_PER_S);
        bool is_good;

        /* What another use of OpenSSL left behind is no fault of this one. */
        ERR_raise(ERR_LIB_USER, 1);
        is_good = has_answered(store, fault, sizeof(fault));
        if (is_good != (cases[i].fault == NULL) ||
            (!is_good && strstr(fault, cases[i].fault) == NULL))
            fail_msg("case %zu: %s", i, fault);
        rate_store_destroy(&store);
    }
}

static void test_secret_options(void **state)
{
    static const struct {
        const char *url;
        const char *want;
    } cases[] = {
        {"redis://user:secret@host/", "does not belong"},
        {"http://host/", "is no address"},
        {"redis://host:0/", "is no address"},
        {"redis://host:65536/", "is no address"},
        {"redis:///1", "is no address"},
        {"redis://host/x", "is no address"},
        {"unix:relative", "is no address"},
        {"unix:/s?name=1", "is no address"},
        {"redis://[::1/", "is no address"},
    };
    struct rate_shared_options options = {.secret = BASE_TEXT("x")};

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};

        options.url = cases[i].url;
        assert_null(rate_shared_create(&options, &error));
        if (strstr(error.text, cases[i].want) == NULL || strstr(error.text, "secret") != NULL)
            fail_msg("%s: %s", cases[i].url, error.text);
    }
}

/* --- what may be said of any run of it -------------------------------------------------------- */

#define STEPS 300

struct charged {
    int64_t time_ns;
    int64_t amount;
};

/* What was charged in the time before, real time and what the machine needs left out. */
static int64_t charged_since(const struct charged *all, size_t count, int64_t since_ns)
{
    int64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (all[i].time_ns > since_ns)
            sum += all[i].amount;
    return sum;
}

/* Amounts at random times, some of them given back: never more than the limit in any hour; after an
 * hour and a sixteenth of rest all of it is free. */
static void test_never_more(void **state)
{
    static const struct rate_windows windows = {2, {{100, HOUR_NS, 0}, {30, HOUR_NS / 6, 0}}};
    struct rate_store *store = open_store(*state, 1);
    struct charged all[STEPS];
    size_t count = 0;
    unsigned seed = 1;
    int64_t now_ns = 0;

    for (int i = 0; i < STEPS; i++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("never-more", rand_r(&seed) % 12 + 1);
        bool is_kept = rand_r(&seed) % 4 != 0;

        if (rand_r(&seed) % 2 == 0) {
            int64_t ns = rand_r(&seed) % 900 * BASE_NS_PER_S;

            pass(*state, ns);
            now_ns += ns;
        }
        item.windows = &windows;
        if (charge(store, &reservation, &item) == RATE_FREE && is_kept)
            all[count++] = (struct charged){now_ns, item.amount};
        for (unsigned w = 0; w < windows.count; w++)
            assert_true(
                charged_since(all, count, now_ns - windows.at[w].length_ns + 60 * BASE_NS_PER_S) <=
                windows.at[w].limit);
        if (is_kept)
            rate_store_commit(store, &reservation);
        else
            rate_store_give_back(store, &reservation);
    }
    assert_true(count > STEPS / 4 && count < STEPS * 3 / 4);
    pass(*state, HOUR_NS + HOUR_NS / 16);
    {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("never-more", 30);

        item.windows = &windows;
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        assert_int_equal(item.used, 0);
        rate_store_give_back(store, &reservation);
    }
    rate_store_destroy(&store);
}

/* The order of the rules plays no part: neither for the answers nor for what is counted. */
static void test_order(void **state)
{
    static const struct rate_windows windows[2] = {{1, {{20, HOUR_NS, 0}}},
                                                   {1, {{7, HOUR_NS / 4, 0}}}};
    static const char *const keys[2][2] = {{"order-a", "order-b"}, {"other-a", "other-b"}};
    struct rate_store *store = open_store(*state, 1);
    unsigned seed = 2;

    for (int i = 0; i < STEPS / 3; i++) {
        struct rate_reservation reservations[2] = {{0}, {0}};
        struct rate_item items[2][2];
        int amounts[2] = {rand_r(&seed) % 5, rand_r(&seed) % 3 + 1};
        bool are_refusing[2] = {rand_r(&seed) % 2 == 0, rand_r(&seed) % 2 == 0};
        bool are_ok[2];

        for (unsigned order = 0; order < 2; order++) {
            for (unsigned r = 0; r < 2; r++) {
                struct rate_item *item = &items[order][order == 0 ? r : 1 - r];

                *item = item_of(keys[order][r], amounts[r]);
                item->windows = &windows[r];
                item->is_refusing = are_refusing[r];
            }
            are_ok[order] = rate_store_charge(store, &reservations[order], items[order], 2);
            rate_store_commit(store, &reservations[order]);
        }
        assert_int_equal(are_ok[0], are_ok[1]);
        for (unsigned r = 0; r < 2; r++) {
            assert_int_equal(items[0][r].answer, items[1][1 - r].answer);
            assert_int_equal(items[0][r].used, items[1][1 - r].used);
        }
        if (rand_r(&seed) % 3 == 0)
            pass(*state, rand_r(&seed) % 600 * BASE_NS_PER_S);
    }
    rate_store_destroy(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_keys),      cmocka_unit_test(test_lost_values),
        cmocka_unit_test(test_never_more),     cmocka_unit_test(test_order),
        cmocka_unit_test(test_nonsense),       cmocka_unit_test(test_tls_and_users),
        cmocka_unit_test(test_secret_options),
    };

    if (server_path() == NULL) {
        puts("skipped: no redis-server here (Debian: redis-server)");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
