/* What a server may answer, right and wrong: a server of the test's own says it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/redis.h"
#include "store/redis_nodes.h"

#define OK_3    "*3\r\n:1\r\n:2\r\n:3\r\n"
#define OK_1    "*1\r\n:1\r\n"
#define REPLIES 4

/* Says `replies` in turn, and the last of them again; NULL: nothing. After one that begins with !
 * it hangs up; one that begins with ~ has no end. */
struct fake {
    int fd;
    unsigned port;
    const char *replies[REPLIES];
    atomic_bool is_mute;
    atomic_uint accepted;
    atomic_uint requests;
    atomic_bool is_stopping;
    pthread_t thread;
};

static bool say(int fd, const char *text)
{
    bool is_last = text != NULL && *text == '!';
    bool is_endless = text != NULL && *text == '~';

    if (text == NULL)
        return true;
    if (is_last || is_endless)
        text++;
    do {
        if (send(fd, text, strlen(text), MSG_NOSIGNAL) < 0)
            return false;
    } while (is_endless);
    return !is_last;
}

/* A request is what comes at once: all here are short. False: it has hung up. */
static bool answer(struct fake *fake, int fd)
{
    char request[16384];
    ssize_t count = recv(fd, request, sizeof(request), 0);
    unsigned number;

    if (count <= 0)
        return false;
    number = atomic_fetch_add(&fake->requests, 1);
    while (number > 0 && (number >= REPLIES || fake->replies[number] == NULL))
        number--;
    return say(fd, atomic_load(&fake->is_mute) ? NULL : fake->replies[number]);
}

static void *serve(void *context)
{
    struct fake *fake = context;
    struct pollfd fds[16] = {{.fd = fake->fd, .events = POLLIN}};
    nfds_t count = 1;

    while (!atomic_load(&fake->is_stopping)) {
        if (poll(fds, count, 10) <= 0)
            continue;
        for (nfds_t i = 1; i < count; i++)
            if (fds[i].revents != 0 && !answer(fake, fds[i].fd)) {
                (void)close(fds[i].fd);
                fds[i] = fds[--count];
            }
        if ((fds[0].revents & POLLIN) != 0 && count < 16) {
            atomic_fetch_add(&fake->accepted, 1);
            fds[count++] = (struct pollfd){.fd = accept(fake->fd, NULL, NULL), .events = POLLIN};
        }
    }
    while (count > 1)
        (void)close(fds[--count].fd);
    return NULL;
}

static void fake_listen(struct fake *fake)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    fake->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fake->fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(fake->fd, 16), 0);
    assert_int_equal(getsockname(fake->fd, (struct sockaddr *)&address, &length), 0);
    fake->port = ntohs(address.sin_port);
}

static void fake_start(struct fake *fake)
{
    assert_int_equal(pthread_create(&fake->thread, NULL, serve, fake), 0);
}

static void fake_stop(struct fake *fake)
{
    atomic_store(&fake->is_stopping, true);
    (void)pthread_join(fake->thread, NULL);
    (void)close(fake->fd);
}

static struct store_redis *open_redis(const struct fake *fake)
{
    struct base_error error = {""};
    struct store_redis_options options = {NULL};
    struct store_redis *redis;
    char url[64];

    (void)snprintf(url, sizeof(url), "redis://127.0.0.1:%u", fake->port);
    options.url = url;
    redis = store_redis_create(&options, &error);
    assert_non_null(redis);
    return redis;
}

static enum store_redis_status run(struct store_redis *redis, struct store_redis_reply *reply)
{
    static const struct store_redis_call call = {.script = "return 1", .key = BASE_TEXT("{k}")};

    return store_redis_run(redis, &call, 5 * BASE_NS_PER_S, reply);
}

/* --- one answer ------------------------------------------------------------------------------- */

static void test_answers(void **state)
{
    static const struct {
        const char *name;
        const char *replies[2];
        enum store_redis_status want;
        const char *fault;
    } cases[] = {
        {"numbers", {OK_3}, STORE_REDIS_OK, ""},
        {"none", {"*0\r\n"}, STORE_REDIS_OK, ""},
        {"without its script", {"-NOSCRIPT No matching script.\r\n", OK_3}, STORE_REDIS_OK, ""},
        {"a script that is never there", {"-NOSCRIPT x\r\n"}, STORE_REDIS_REFUSED, "NOSCRIPT"},
        {"still loading", {"-LOADING Redis is loading\r\n"}, STORE_REDIS_REFUSED, "LOADING"},
        {"a replica", {"-READONLY You can't write\r\n"}, STORE_REDIS_REFUSED, "READONLY"},
        {"a replica alone", {"-MASTERDOWN Link is down\r\n"}, STORE_REDIS_REFUSED, "MASTERDOWN"},
        {"not in one piece", {"-CLUSTERDOWN The cluster\r\n"}, STORE_REDIS_REFUSED, "CLUSTERDOWN"},
        {"full", {"-OOM command not allowed\r\n"}, STORE_REDIS_REFUSED, "OOM"},
        {"busy", {"-BUSY Redis is busy\r\n"}, STORE_REDIS_REFUSED, "BUSY"},
        {"no password", {"-NOAUTH Authentication required.\r\n"}, STORE_REDIS_REFUSED, "NOAUTH"},
        {"a slot under way", {"-ASK 5 127.0.0.1:7000\r\n"}, STORE_REDIS_REFUSED, "ASK"},
        {"to a name", {"-MOVED 5 name.example:7000\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"to nobody", {"-MOVED 5 :7000\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"to port 0", {"-MOVED 5 127.0.0.1:0\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"to a large port", {"-MOVED 5 127.0.0.1:65536\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"of no slot", {"-MOVED 16384 127.0.0.1:1\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"to nothing", {"-MOVED\r\n"}, STORE_REDIS_REFUSED, "MOVED"},
        {"a word", {"+OK\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"a number", {":1\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"a text", {"$3\r\nabc\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"texts", {"*2\r\n:1\r\n$1\r\na\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"arrays", {"*1\r\n*1\r\n:1\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"nothing at all", {"*-1\r\n"}, STORE_REDIS_REFUSED, "not an array"},
        {"another protocol", {"220 ready\r\n"}, STORE_REDIS_UNKNOWN, "no answer"},
        {"a number out of range", {"*1\r\n:99999999999999999999\r\n"}, STORE_REDIS_UNKNOWN, "no"},
        {"half of it", {"!*3\r\n:1\r\n"}, STORE_REDIS_UNKNOWN, "no answer"},
        {"without an end", {"~$4000000\r\n"}, STORE_REDIS_UNKNOWN, "no answer"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake fake = {.replies = {cases[i].replies[0], cases[i].replies[1]}};
        struct store_redis_reply *reply = calloc(1, sizeof(*reply));
        struct store_redis *redis;
        enum store_redis_status got;

        assert_non_null(reply);
        fake_listen(&fake);
        fake_start(&fake);
        redis = open_redis(&fake);
        got = run(redis, reply);
        if (got != cases[i].want || strstr(reply->fault, cases[i].fault) == NULL)
            fail_msg("%s: %d %s", cases[i].name, (int)got, reply->fault);
        /* One that failed is not asked again on the same connection. */
        if (got != STORE_REDIS_OK)
            (void)run(redis, reply);
        if (got != STORE_REDIS_OK && atomic_load(&fake.accepted) != 2)
            fail_msg("%s: %u connections", cases[i].name, atomic_load(&fake.accepted));
        store_redis_destroy(&redis);
        fake_stop(&fake);
        free(reply);
    }
}

static void test_silence(void **state)
{
    static const struct store_redis_call call = {.script = "return 1", .key = BASE_TEXT("{k}")};
    struct base_clock clock = base_clock_system();
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    struct fake fake = {.fd = -1};
    struct store_redis *redis;
    int64_t begin_ns;

    (void)state;
    assert_non_null(reply);
    fake_listen(&fake);
    fake_start(&fake);
    redis = open_redis(&fake);
    begin_ns = base_clock_mono_ns(&clock);
    assert_int_equal(store_redis_run(redis, &call, 50 * BASE_NS_PER_MS, reply),
                     STORE_REDIS_UNKNOWN);
    assert_true(base_clock_mono_ns(&clock) - begin_ns < 2 * BASE_NS_PER_S);
    store_redis_destroy(&redis);
    fake_stop(&fake);
    free(reply);
}

struct caller {
    struct store_redis *redis;
    enum store_redis_status status;
    int64_t took_ns;
    pthread_t thread;
};

static void *call_once(void *context)
{
    static const struct store_redis_call call = {.script = "return 1", .key = BASE_TEXT("{k}")};
    struct base_clock clock = base_clock_system();
    int64_t begin_ns = base_clock_mono_ns(&clock);
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    struct caller *caller = context;

    assert_non_null(reply);
    caller->status = store_redis_run(caller->redis, &call, 300 * BASE_NS_PER_MS, reply);
    caller->took_ns = base_clock_mono_ns(&clock) - begin_ns;
    free(reply);
    return NULL;
}

/* More calls at once than there may be connections, and none is answered: each ends in time, and
 * nothing of it is left. */
static void test_too_many(void **state)
{
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    static struct caller callers[200];
    struct fake fake = {.replies = {OK_3}};
    struct store_redis *redis;

    (void)state;
    assert_non_null(reply);
    fake_listen(&fake);
    atomic_store(&fake.is_mute, true);
    fake_start(&fake);
    redis = open_redis(&fake);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 200; i++) {
            callers[i].redis = redis;
            assert_int_equal(pthread_create(&callers[i].thread, NULL, call_once, &callers[i]), 0);
        }
        for (size_t i = 0; i < 200; i++) {
            (void)pthread_join(callers[i].thread, NULL);
            assert_true(callers[i].status == STORE_REDIS_DOWN ||
                        callers[i].status == STORE_REDIS_UNKNOWN);
            assert_true(callers[i].took_ns < 5 * BASE_NS_PER_S);
        }
    }
    atomic_store(&fake.is_mute, false);
    assert_int_equal(run(redis, reply), STORE_REDIS_OK);
    store_redis_destroy(&redis);
    fake_stop(&fake);
    free(reply);
}

/* What nobody asked for is not taken for the next answer. */
static void test_two_answers(void **state)
{
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    struct fake fake = {.replies = {OK_3 OK_1, OK_3}};
    struct store_redis *redis;

    (void)state;
    assert_non_null(reply);
    fake_listen(&fake);
    fake_start(&fake);
    redis = open_redis(&fake);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(run(redis, reply), STORE_REDIS_OK);
        assert_int_equal(reply->count, 3);
    }
    assert_int_equal(atomic_load(&fake.accepted), 2);
    store_redis_destroy(&redis);
    fake_stop(&fake);
    free(reply);
}

/* --- several servers -------------------------------------------------------------------------- */

/* The one that was told of is asked, and the next time at once; two that name each other are not
 * followed for ever. */
static void test_moved(void **state)
{
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    struct fake fakes[2] = {{.fd = -1}, {.replies = {OK_3}}};
    struct store_redis *redis;
    char moved[2][64];

    (void)state;
    assert_non_null(reply);
    for (int i = 0; i < 2; i++)
        fake_listen(&fakes[i]);
    for (int i = 0; i < 2; i++)
        (void)snprintf(moved[i], sizeof(moved[i]), "-MOVED 5 127.0.0.1:%u\r\n", fakes[i].port);
    fakes[0].replies[0] = moved[1];
    for (int i = 0; i < 2; i++)
        fake_start(&fakes[i]);
    redis = open_redis(&fakes[0]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(run(redis, reply), STORE_REDIS_OK);
    assert_int_equal(atomic_load(&fakes[0].requests), 1);
    assert_int_equal(atomic_load(&fakes[1].requests), 3);
    assert_int_equal(atomic_load(&fakes[1].accepted), 1);
    /* The name does not lead back. */
    store_redis_refresh(redis);
    assert_int_equal(run(redis, reply), STORE_REDIS_OK);
    assert_int_equal(atomic_load(&fakes[0].requests), 1);
    fake_stop(&fakes[1]);
    assert_int_not_equal(run(redis, reply), STORE_REDIS_OK);
    /* The other is tried when this one has not answered since the last time. */
    store_redis_refresh(redis);
    assert_int_not_equal(run(redis, reply), STORE_REDIS_OK);
    assert_int_equal(atomic_load(&fakes[0].requests), 1);
    store_redis_refresh(redis);
    assert_int_not_equal(run(redis, reply), STORE_REDIS_OK);
    assert_int_equal(atomic_load(&fakes[0].requests), 2);
    store_redis_destroy(&redis);
    fake_stop(&fakes[0]);
    free(reply);
}

static void test_moved_in_a_circle(void **state)
{
    struct store_redis_reply *reply = calloc(1, sizeof(*reply));
    struct fake fakes[2] = {{.fd = -1}, {.fd = -1}};
    struct store_redis *redis;
    char moved[2][64];

    (void)state;
    assert_non_null(reply);
    for (int i = 0; i < 2; i++)
        fake_listen(&fakes[i]);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(moved[i], sizeof(moved[i]), "-MOVED 5 127.0.0.1:%u\r\n", fakes[1 - i].port);
        fakes[i].replies[0] = moved[i];
    }
    for (int i = 0; i < 2; i++)
        fake_start(&fakes[i]);
    redis = open_redis(&fakes[0]);
    assert_int_equal(run(redis, reply), STORE_REDIS_REFUSED);
    assert_int_equal(atomic_load(&fakes[0].requests) + atomic_load(&fakes[1].requests), 3);
    store_redis_destroy(&redis);
    for (int i = 0; i < 2; i++)
        fake_stop(&fakes[i]);
    free(reply);
}

static struct store_address address_of(uint16_t port)
{
    struct store_address address;

    assert_true(store_address_parse(BASE_TEXT("127.0.0.1"), port, &address));
    return address;
}

static unsigned port_of(const struct store_redis_nodes *nodes)
{
    return ntohs(((const struct sockaddr_in *)&nodes->current.storage)->sin_port);
}

static void test_nodes(void **state)
{
    struct store_redis_nodes nodes = {.has_current = false};
    struct store_redis_list list = {.count = 0};
    unsigned generation;

    (void)state;
    store_redis_nodes_try_next(&nodes);
    assert_false(nodes.has_current);
    list.at[list.count++] = address_of(1);
    store_redis_nodes_name(&nodes, &list);
    assert_int_equal(port_of(&nodes), 1);
    generation = nodes.generation;
    store_redis_nodes_try_next(&nodes);
    assert_int_equal(nodes.generation, generation);
    list.at[list.count++] = address_of(2);
    list.at[list.count++] = address_of(3);
    store_redis_nodes_learn(&nodes, &list);
    /* The one that stands in both lists is tried once. */
    store_redis_nodes_try_next(&nodes);
    assert_int_equal(port_of(&nodes), 2);
    assert_int_not_equal(nodes.generation, generation);
    store_redis_nodes_try_next(&nodes);
    assert_int_equal(port_of(&nodes), 3);
    store_redis_nodes_try_next(&nodes);
    assert_int_equal(port_of(&nodes), 1);
    /* One that the cluster has sent us to stays, whatever the name says. */
    list.at[0] = address_of(4);
    list.count = 1;
    store_redis_nodes_move(&nodes, &list.at[0]);
    list.at[0] = address_of(5);
    store_redis_nodes_name(&nodes, &list);
    assert_int_equal(port_of(&nodes), 4);
    /* One that no list has any more is left. */
    store_redis_nodes_learn(&nodes, &list);
    store_redis_nodes_name(&nodes, &list);
    assert_int_equal(port_of(&nodes), 5);
    list.count = 0;
    store_redis_nodes_name(&nodes, &list);
    assert_int_equal(port_of(&nodes), 5);
    for (uint16_t i = 1; i < 100; i++) {
        struct store_address address = address_of(i);

        store_redis_list_add(&list, &address);
        store_redis_list_add(&list, &address);
    }
    assert_int_equal(list.count, STORE_REDIS_NODES_MAX);
}

static void test_slots(void **state)
{
    static const struct {
        const char *reply;
        int want;
    } cases[] = {
        {"*1\r\n*4\r\n:0\r\n:16383\r\n*3\r\n$9\r\n127.0.0.1\r\n:7\r\n$1\r\na\r\n"
         "*3\r\n$3\r\n::1\r\n:8\r\n$1\r\nb\r\n",
         2},
        /* The same twice; one without a name, one without a port. */
        {"*2\r\n*3\r\n:0\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:7\r\n"
         "*3\r\n:2\r\n:3\r\n*2\r\n$9\r\n127.0.0.1\r\n:7\r\n",
         1},
        {"*1\r\n*4\r\n:0\r\n:1\r\n*2\r\n$0\r\n\r\n:7\r\n*2\r\n$-1\r\n:8\r\n", 0},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$9\r\n127.0.0.1\r\n:70000\r\n", 0},
        {"*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$9\r\n127.0.0.1\r\n", 0},
        {"*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n", 0},
        {"*1\r\n*0\r\n", 0},
        {"*0\r\n", 0},
        {"*1\r\n:1\r\n", -1},
        {"-ERR This instance has cluster support disabled\r\n", -1},
        {"+OK\r\n", -1},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_redis_list list;
        redisReader *reader = redisReaderCreate();
        void *reply = NULL;
        bool is_good;

        assert_int_equal(redisReaderFeed(reader, cases[i].reply, strlen(cases[i].reply)), 0);
        assert_int_equal(redisReaderGetReply(reader, &reply), 0);
        is_good = store_redis_read_slots(reply, &list);
        if (is_good != (cases[i].want >= 0) || (is_good && (int)list.count != cases[i].want))
            fail_msg("case %zu: %d, %zu nodes", i, is_good, list.count);
        freeReplyObject(reply);
        redisReaderFree(reader);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),  cmocka_unit_test(test_silence),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_two_answers),
        cmocka_unit_test(test_moved),    cmocka_unit_test(test_moved_in_a_circle),
        cmocka_unit_test(test_nodes),    cmocka_unit_test(test_slots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
