/* The shared store on a real redis-server of its own, on a unix socket in a temporary folder: its
 * clock is moved by the script's own offset, so nothing here waits for windows to pass. Skipped,
 * and said so, where there is no redis-server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "policy/rate/shared.h"

#define HOUR_NS (3600 * BASE_NS_PER_S)

struct world {
    char folder[64];
    char url[96];
    pid_t pid;
    unsigned port;
    struct base_clock clock;
};

/* --- the server ------------------------------------------------------------------------------- */

static const char *server_path(void)
{
    static const char *const paths[] = {"/usr/bin/redis-server", "/usr/bin/valkey-server",
                                        "/usr/local/bin/redis-server"};

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (access(paths[i], X_OK) == 0)
            return paths[i];
    return NULL;
}

/* redis-cli's answer to a command, without the line end. */
static void ask(const struct world *world, const char *command, char *out, size_t size)
{
    char line[512];
    size_t length;
    FILE *pipe;

    (void)snprintf(line, sizeof(line), "redis-cli -s %s/s %s 2>/dev/null", world->folder, command);
    pipe = popen(line, "r");
    assert_non_null(pipe);
    length = fread(out, 1, size - 1, pipe);
    out[length] = '\0';
    out[strcspn(out, "\n")] = '\0';
    (void)pclose(pipe);
}

/* TLS needs a port: one that was free a moment ago. */
static unsigned free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
    (void)close(fd);
    return ntohs(address.sin_port);
}

static void make_certificate(const struct world *world)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                   "-days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key "
                   "-out %s/cert >/dev/null 2>&1",
                   world->folder, world->folder);
    assert_int_equal(system(line), 0);
}

static void start_server(struct world *world)
{
    char socket_path[96];
    char cert[96];
    char key[96];
    char port[16];
    char answer[64];

    (void)snprintf(socket_path, sizeof(socket_path), "%s/s", world->folder);
    (void)snprintf(cert, sizeof(cert), "%s/cert", world->folder);
    (void)snprintf(key, sizeof(key), "%s/key", world->folder);
    (void)snprintf(port, sizeof(port), "%u", world->port);
    (void)unlink(socket_path);
    world->pid = fork();
    assert_true(world->pid >= 0);
    if (world->pid == 0) {
        (void)!freopen("/dev/null", "w", stdout);
        execl(server_path(), "redis-server", "--port", "0", "--tls-port", port, "--bind",
              "127.0.0.1", "--tls-cert-file", cert, "--tls-key-file", key, "--tls-ca-cert-file",
              cert, "--tls-auth-clients", "no", "--unixsocket", socket_path, "--dir", world->folder,
              "--save", "", "--appendonly", "no", (char *)NULL);
        _exit(127);
    }
    for (int i = 0; i < 500; i++) {
        ask(world, "PING", answer, sizeof(answer));
        if (strcmp(answer, "PONG") == 0)
            return;
        (void)usleep(10000);
    }
    fail_msg("redis-server does not start");
}

static void stop_server(struct world *world)
{
    (void)kill(world->pid, SIGKILL);
    (void)kill(world->pid, SIGCONT);
    (void)waitpid(world->pid, NULL, 0);
}

/* The server's clock, as the script has it, goes on. */
static void pass(const struct world *world, int64_t ns)
{
    char command[128];
    char answer[64];

    (void)snprintf(command, sizeof(command), "HINCRBY '{postseal}:meta' o %lld",
                   (long long)(ns / 1000));
    ask(world, command, answer, sizeof(answer));
}

static int set_up(void **state)
{
    struct world *world = calloc(1, sizeof(*world));

    if (world == NULL || server_path() == NULL)
        return -1;
    (void)snprintf(world->folder, sizeof(world->folder), "/tmp/postseal-redis.XXXXXX");
    if (mkdtemp(world->folder) == NULL)
        return -1;
    (void)snprintf(world->url, sizeof(world->url), "unix:%s/s", world->folder);
    world->clock = base_clock_manual(1800000000);
    world->port = free_port();
    make_certificate(world);
    start_server(world);
    *state = world;
    return 0;
}

static int tear_down(void **state)
{
    struct world *world = *state;
    static const char *const names[] = {"s", "cert", "key"};

    stop_server(world);
    for (size_t i = 0; i < 3; i++) {
        char line[128];

        (void)snprintf(line, sizeof(line), "%s/%s", world->folder, names[i]);
        (void)unlink(line);
    }
    assert_int_equal(rmdir(world->folder), 0);
    free(world);
    return 0;
}

static struct rate_store *open_store_at(struct world *world, const char *url, const char *user,
                                        const char *password, unsigned hosts, int64_t timeout_ns)
{
    char ca_file[96];
    struct rate_shared_options options = {.url = url,
                                          .user = user,
                                          .password = password,
                                          .ca_file = ca_file,
                                          .secret = BASE_TEXT("0123456789abcdef"),
                                          .timeout_ns = timeout_ns,
                                          .lease_ns = 600 * BASE_NS_PER_S,
                                          .hosts = hosts,
                                          .memory = 1 << 20,
                                          .clock = &world->clock};
    struct base_error error = {""};
    struct rate_store *store;

    (void)snprintf(ca_file, sizeof(ca_file), "%s/cert", world->folder);
    store = rate_shared_create(&options, &error);
    if (store == NULL)
        fail_msg("%s", error.text);
    return store;
}

static struct rate_store *open_store(struct world *world, unsigned hosts)
{
    /* Long enough for a busy machine: only the test of the breaker is about being late. */
    return open_store_at(world, world->url, NULL, NULL, hosts, 10 * BASE_NS_PER_S);
}

/* --- charging --------------------------------------------------------------------------------- */

static const struct rate_windows ten_an_hour = {1, {{10, HOUR_NS}}};

static struct rate_item item_of(const char *key, int64_t amount)
{
    return (struct rate_item){.name = BASE_TEXT("r"),
                              .key = base_text_of(key),
                              .windows = &ten_an_hour,
                              .amount = amount,
                              .is_refusing = true};
}

static enum rate_answer charge(struct rate_store *store, struct rate_reservation *reservation,
                               struct rate_item *item)
{
    (void)rate_store_charge(store, reservation, item, 1);
    return item->answer;
}

/* Charges one unit a message until it is refused; how many were accepted. */
static int fill(struct rate_store *store, const char *key)
{
    int count = 0;

    for (; count < 1000; count++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of(key, 1);

        if (charge(store, &reservation, &item) != RATE_FREE) {
            rate_store_give_back(store, &reservation);
            break;
        }
        rate_store_commit(store, &reservation);
    }
    return count;
}

static void test_limit(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("limit", 1);

    assert_int_equal(fill(store, "limit"), 10);
    assert_int_equal(charge(store, &reservation, &item), RATE_OVER);
    assert_int_equal(item.used, 10);
    assert_true(item.wait_ns > 0 && item.wait_ns <= HOUR_NS + HOUR_NS / 16);
    pass(*state, HOUR_NS + HOUR_NS / 16);
    assert_int_equal(fill(store, "limit"), 10);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void test_give_back(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation first = {0};
    struct rate_reservation second = {0};
    struct rate_item item = item_of("back", 6);

    assert_int_equal(charge(store, &first, &item), RATE_FREE);
    assert_int_equal(charge(store, &second, &item), RATE_OVER);
    rate_store_give_back(store, &first);
    assert_int_equal(charge(store, &second, &item), RATE_FREE);
    rate_store_commit(store, &second);
    assert_int_equal(fill(store, "back"), 4);
    rate_store_destroy(&store);
}

/* All are judged before any is charged. */
static void test_all_or_none(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item items[2] = {item_of("all-a", 1), item_of("all-b", 11)};

    assert_false(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[0].answer, RATE_FREE);
    assert_int_equal(items[1].answer, RATE_OVER);
    assert_int_equal(items[1].wait_ns, -1);
    rate_store_give_back(store, &reservation);
    assert_int_equal(fill(store, "all-a"), 10);
    rate_store_destroy(&store);
}

/* The same key twice in one call counts both. */
static void test_same_key(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item items[2] = {item_of("twice", 6), item_of("twice", 6)};

    assert_false(rate_store_charge(store, &reservation, items, 2));
    assert_int_equal(items[1].answer, RATE_OVER);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void test_several_windows(void **state)
{
    static const struct rate_windows windows = {2, {{100, HOUR_NS}, {3, 60 * BASE_NS_PER_S}}};
    struct rate_store *store = open_store(*state, 1);
    struct rate_item item = item_of("windows", 1);

    item.windows = &windows;
    for (int i = 0; i < 4; i++) {
        struct rate_reservation reservation = {0};

        assert_int_equal(charge(store, &reservation, &item), i < 3 ? RATE_FREE : RATE_OVER);
        rate_store_commit(store, &reservation);
    }
    assert_int_equal(item.window, 1);
    assert_true(item.wait_ns <= 64 * BASE_NS_PER_S);
    rate_store_destroy(&store);
}

static void test_distinct(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_reservation other = {0};

    for (int i = 0; i < 12; i++) {
        struct rate_item item = item_of("distinct", 1);
        char value[16];

        (void)snprintf(value, sizeof(value), "v%d", i % 6);
        item.value = base_text_of(value);
        assert_int_equal(charge(store, i % 2 == 0 ? &reservation : &other, &item), RATE_FREE);
        assert_int_equal(item.used, i < 6 ? i : 6);
    }
    rate_store_commit(store, &reservation);
    rate_store_give_back(store, &other);
    for (int i = 0; i < 12; i++) {
        struct rate_reservation more = {0};
        struct rate_item item = item_of("distinct", 1);
        char value[16];

        (void)snprintf(value, sizeof(value), "w%d", i);
        item.value = base_text_of(value);
        /* Those with even numbers were committed: v0, v2, v4. */
        assert_int_equal(charge(store, &more, &item), i < 7 ? RATE_FREE : RATE_OVER);
        rate_store_commit(store, &more);
    }
    rate_store_destroy(&store);
}

static void test_hold_and_release(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("held", 11);

    item.hold_ns = -1;
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    assert_true(item.is_newly_blocked);
    item.amount = 1;
    pass(*state, 100 * HOUR_NS);
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    assert_false(item.is_newly_blocked);
    assert_int_equal(rate_store_release(store, (struct base_text){NULL, 0}, BASE_TEXT("held")), 1);
    item.hold_ns = 0;
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

static void test_warning(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    int warnings = 0;

    for (int i = 0; i < 10; i++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("warning", 1);

        item.warn_percent = 80;
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        if (item.is_warning_due) {
            warnings++;
            assert_int_equal(i, 7);
        }
        rate_store_commit(store, &reservation);
    }
    assert_int_equal(warnings, 1);
    rate_store_destroy(&store);
}

/* A host that is dead gives back what it had reserved when its lease ends. */
static void test_lease(void **state)
{
    struct rate_store *dead = open_store(*state, 2);
    struct rate_store *living = open_store(*state, 2);
    struct rate_reservation lost = {0};
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("lease", 10);

    assert_int_equal(charge(dead, &lost, &item), RATE_FREE);
    assert_int_equal(charge(living, &reservation, &item), RATE_OVER);
    pass(*state, 601 * BASE_NS_PER_S);
    assert_int_equal(charge(living, &reservation, &item), RATE_FREE);
    rate_store_commit(living, &reservation);
    rate_store_give_back(dead, &lost);
    assert_int_equal(fill(living, "lease"), 0);
    rate_store_destroy(&living);
    rate_store_destroy(&dead);
}

/* A message that is slower than its lease counts all the same: when it goes on, and at its end. */
static void test_slow_message(void **state)
{
    struct rate_store *store = open_store(*state, 2);
    struct rate_reservation slow = {0};
    struct rate_reservation slower = {0};
    struct rate_item item = item_of("slow", 5);

    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    item.amount = 1;
    assert_int_equal(charge(store, &slower, &item), RATE_FREE);
    pass(*state, 601 * BASE_NS_PER_S);
    item.amount = 0;
    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    assert_int_equal(item.used, 5);
    item.amount = 1;
    assert_int_equal(charge(store, &slow, &item), RATE_FREE);
    assert_int_equal(item.used, 5);
    rate_store_commit(store, &slower);
    pass(*state, 601 * BASE_NS_PER_S);
    rate_store_commit(store, &slow);
    assert_int_equal(fill(store, "slow"), 3);
    rate_store_destroy(&store);
}

/* A limit and a burst of the same length are charged once each. */
static void test_same_length(void **state)
{
    static const struct rate_windows windows = {2, {{10, HOUR_NS}, {9, HOUR_NS}}};
    struct rate_store *store = open_store(*state, 1);

    for (int i = 0; i < 9; i++) {
        struct rate_reservation reservation = {0};
        struct rate_item item = item_of("length", 1);

        item.windows = &windows;
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
        assert_int_equal(item.used, i);
        rate_store_commit(store, &reservation);
    }
    rate_store_destroy(&store);
}

static enum rate_answer charge_value(struct rate_store *store, struct rate_reservation *reservation,
                                     const char *value)
{
    static const struct rate_windows windows = {2, {{100, HOUR_NS}, {2, 60 * BASE_NS_PER_S}}};
    struct rate_item item = item_of("again", 1);

    item.windows = &windows;
    item.value = base_text_of(value);
    return charge(store, reservation, &item);
}

/* A value that has left the short window, but not the long one, counts there when it comes back. */
static void test_value_again(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation first = {0};
    struct rate_reservation second = {0};

    assert_int_equal(charge_value(store, &first, "a"), RATE_FREE);
    rate_store_commit(store, &first);
    pass(*state, 128 * BASE_NS_PER_S);
    assert_int_equal(charge_value(store, &first, "a"), RATE_FREE);
    assert_int_equal(charge_value(store, &second, "b"), RATE_FREE);
    assert_int_equal(charge_value(store, &second, "c"), RATE_OVER);
    rate_store_give_back(store, &first);
    assert_int_equal(charge_value(store, &second, "c"), RATE_FREE);
    rate_store_commit(store, &second);
    rate_store_destroy(&store);
}

/* Whatever lies in the server goes one day. */
static void test_expiry(void **state)
{
    struct rate_store *store = open_store(*state, 1);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("for-good", 11);
    char answer[256];

    item.hold_ns = -1;
    assert_int_equal(charge(store, &reservation, &item), RATE_HELD);
    pass(*state, HOUR_NS);
    assert_int_equal(charge_value(store, &reservation, "z"), RATE_FREE);
    ask(*state,
        "EVAL \"local n, m = 0, 0 for _, k in ipairs(redis.call('KEYS', '*')) do n = n + 1 "
        "if redis.call('TTL', k) < 0 then m = m + 1 end end return n > 5 and m or -1\" 0",
        answer, sizeof(answer));
    assert_string_equal(answer, "0");
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* --- two hosts, many threads -------------------------------------------------------------------
 */

struct runner {
    struct rate_store *store;
    int accepted;
};

static void *run_fill(void *context)
{
    struct runner *runner = context;

    runner->accepted = fill(runner->store, "together");
    return NULL;
}

static void test_exact_together(void **state)
{
    static const unsigned count = 8;
    struct rate_store *stores[2] = {open_store(*state, 2), open_store(*state, 2)};
    struct runner runners[8];
    pthread_t threads[8];
    int accepted = 0;

    for (unsigned i = 0; i < count; i++) {
        runners[i] = (struct runner){stores[i % 2], 0};
        assert_int_equal(pthread_create(&threads[i], NULL, run_fill, &runners[i]), 0);
    }
    for (unsigned i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        accepted += runners[i].accepted;
    }
    assert_int_equal(accepted, 10);
    rate_store_destroy(&stores[0]);
    rate_store_destroy(&stores[1]);
}

/* --- the server fails --------------------------------------------------------------------------
 */

static void wait_until_closed(struct world *world, struct rate_store *store)
{
    struct rate_shared_numbers numbers;

    /* The thread looks once a second of real time; its clock is ours. */
    for (int i = 0; i < 1000; i++) {
        base_clock_advance(&world->clock, BASE_NS_PER_S / 10);
        rate_shared_numbers(store, &numbers);
        if (!numbers.is_broken && numbers.waiting == 0)
            return;
        (void)usleep(10000);
    }
    fail_msg("the breaker stays open: %s", numbers.fault);
}

/* Two hosts share: each admits half of what was left, rounded up; afterwards all of it is known. */
static void test_break(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store_at(world, world->url, NULL, NULL, 2, 50 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    struct rate_shared_numbers numbers;
    struct rate_item item = item_of("break", 3);

    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(fill(store, "break"), 4);
    assert_int_equal(fill(store, "unknown"), 5);
    rate_shared_numbers(store, &numbers);
    assert_true(numbers.is_broken);
    assert_int_equal(numbers.breaks, 1);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    /* Others may come back later than this host: for that long it admits no more of its own. */
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    /* 3 and 4 are known, also those whose calls were answered too late. */
    assert_int_equal(fill(store, "break"), 3);
    assert_int_equal(fill(store, "unknown"), 5);
    rate_store_destroy(&store);
}

/* A message with a thousand recipients and many rates, all of them during a break, and one of which
 * all stand in one call: neither is too long to be said. */
static void test_many(void **state)
{
    static const struct rate_windows wide = {2, {{100000, HOUR_NS}, {90000, 2 * HOUR_NS}}};
    struct world *world = *state;
    struct rate_store *store =
        open_store_at(world, world->url, NULL, NULL, 1, 300 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    static char values[1000][16];
    static struct rate_item items[1000];
    struct rate_shared_numbers numbers;
    struct rate_item item = item_of("many", 1);

    item.windows = &wide;
    (void)kill(world->pid, SIGSTOP);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(values[i], sizeof(values[i]), "v%d", i);
        items[i] = item_of("many-values", 1);
        items[i].windows = &wide;
        items[i].value = base_text_of(values[i]);
        assert_true(rate_store_charge(store, &reservation, &items[i], 1));
        assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    }
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGCONT);
    wait_until_closed(world, store);
    base_clock_advance(&world->clock, 4 * BASE_NS_PER_S);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    assert_int_equal(item.used, 1000);
    rate_store_give_back(store, &reservation);
    rate_shared_numbers(store, &numbers);
    rate_store_destroy(&store);

    store = open_store(world, 1);
    assert_true(rate_store_charge(store, &reservation, items, 1000));
    assert_int_equal(items[999].used, 1000);
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.failures, 0);
    rate_store_give_back(store, &reservation);
    rate_store_destroy(&store);
}

/* What waits when the process ends is sent before. */
static void test_flush(void **state)
{
    struct world *world = *state;
    struct rate_store *store = open_store_at(world, world->url, NULL, NULL, 1, 50 * BASE_NS_PER_MS);
    struct rate_reservation reservation = {0};
    struct rate_item item = item_of("flush", 7);
    struct rate_shared_numbers numbers;

    (void)kill(world->pid, SIGSTOP);
    assert_int_equal(charge(store, &reservation, &item), RATE_FREE);
    rate_store_commit(store, &reservation);
    (void)kill(world->pid, SIGCONT);
    rate_shared_flush(store);
    rate_shared_numbers(store, &numbers);
    assert_int_equal(numbers.waiting, 0);
    rate_store_destroy(&store);
    store = open_store(world, 1);
    assert_int_equal(fill(store, "flush"), 3);
    rate_store_destroy(&store);
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_give_back),
        cmocka_unit_test(test_all_or_none),
        cmocka_unit_test(test_same_key),
        cmocka_unit_test(test_several_windows),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_hold_and_release),
        cmocka_unit_test(test_warning),
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_slow_message),
        cmocka_unit_test(test_same_length),
        cmocka_unit_test(test_value_again),
        cmocka_unit_test(test_expiry),
        cmocka_unit_test(test_exact_together),
        cmocka_unit_test(test_break),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_flush),
        cmocka_unit_test(test_lost_keys),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_secret_options),
        cmocka_unit_test(test_tls_and_users),
    };

    if (server_path() == NULL) {
        puts("skipped: no redis-server here (Debian: redis-server)");
        return 77;
    }
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
