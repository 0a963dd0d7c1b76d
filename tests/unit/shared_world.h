/* A redis-server of its own, on a unix socket and a TLS port in a temporary folder, and shared
 * stores that count in it. Its clock is moved by the script's own offset, so that nothing waits for
 * windows to pass. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_SHARED_WORLD_H
#define TESTS_UNIT_SHARED_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
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
static inline void ask(const struct world *world, const char *command, char *out, size_t size)
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
static inline unsigned free_port(void)
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

static inline void make_certificate(const struct world *world)
{
    char line[512];

    (void)snprintf(line, sizeof(line),
                   "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes "
                   "-days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key "
                   "-out %s/cert >/dev/null 2>&1",
                   world->folder, world->folder);
    assert_int_equal(system(line), 0);
}

static inline void start_server(struct world *world)
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

static inline void stop_server(struct world *world)
{
    (void)kill(world->pid, SIGKILL);
    (void)kill(world->pid, SIGCONT);
    (void)waitpid(world->pid, NULL, 0);
}

/* The server's clock, as the script has it, is set. */
static inline void set_clock(const struct world *world, int64_t ns)
{
    char command[128];
    char answer[64];

    (void)snprintf(command, sizeof(command), "HINCRBY '{postseal}:meta' o %lld",
                   (long long)(ns / 1000));
    ask(world, command, answer, sizeof(answer));
}

/* Time passes, there and here. */
static inline void pass(struct world *world, int64_t ns)
{
    set_clock(world, ns);
    base_clock_advance(&world->clock, ns);
}

static inline int set_up(void **state)
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

static inline int tear_down(void **state)
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

static inline struct rate_store *open_store_at(struct world *world, const char *url,
                                               const char *user, const char *password,
                                               unsigned hosts, int64_t timeout_ns)
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

static inline struct rate_store *open_store(struct world *world, unsigned hosts)
{
    /* Long enough for a busy machine: only the test of the breaker is about being late. */
    return open_store_at(world, world->url, NULL, NULL, hosts, 10 * BASE_NS_PER_S);
}

/* --- charging --------------------------------------------------------------------------------- */

static const struct rate_windows ten_an_hour = {.count = 1, .at = {{10, HOUR_NS}}};

static inline struct rate_item item_of(const char *key, int64_t amount)
{
    return (struct rate_item){.name = BASE_TEXT("r"),
                              .key = base_text_of(key),
                              .windows = &ten_an_hour,
                              .amount = amount,
                              .is_refusing = true};
}

static inline enum rate_answer charge(struct rate_store *store,
                                      struct rate_reservation *reservation, struct rate_item *item)
{
    (void)rate_store_charge(store, reservation, item, 1);
    return item->answer;
}

/* Charges one unit a message until it is refused; how many were accepted. */
static inline int fill(struct rate_store *store, const char *key)
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

#endif
