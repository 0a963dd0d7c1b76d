/* filter/control: the whole server in a folder of its own, with a clock that the test moves:
 * clients that say nothing, that do not read, and those who are served meanwhile. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "conf/daemon.h"
#include "filter/control.h"
#include "filter/control_conn.h"
#include "filter/privileges.h"

struct world {
    char folder[64];
    char path[108];
    struct base_clock clock;
    struct conf_snapshot *conf;
    struct filter_control *control;
};

/* More than the kernel keeps for a client that does not read. */
static void run_large(void *context, const struct filter_control_request *request,
                      struct filter_control_answer *answer)
{
    struct base_json *row;
    char text[1001];

    (void)context;
    (void)request;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    do {
        row = base_json_object();
        base_json_set_cstr(row, "x", text);
    } while (filter_control_answer_add(answer, row));
}

static void open_world(struct world *world)
{
    static const struct filter_control_command commands[] = {
        {.name = "large", .help = "a large answer", .run = run_large}};
    const struct conf_table *const tables[] = {&conf_daemon_table};
    const struct filter_identity identity = {.uid = geteuid(), .gid = getegid(), .name = "us"};
    struct base_error error = {""};
    char text[128];

    snprintf(world->folder, sizeof(world->folder), "/tmp/postseal-test-XXXXXX");
    assert_non_null(mkdtemp(world->folder));
    snprintf(world->path, sizeof(world->path), "%s/%s", world->folder, CONF_CONTROL_NAME);
    snprintf(text, sizeof(text), "state-dir = \"%s\"\n", world->folder);
    world->conf = conf_read_text(text, "a.conf", tables, 1, &error);
    assert_non_null(world->conf);
    world->clock = base_clock_manual(1000);
    assert_int_equal(filter_control_open(&world->control, world->conf, &identity, &error),
                     FILTER_STATE_OK);
    filter_control_register(world->control, commands, 1, NULL);
    assert_true(filter_control_start(world->control, &world->clock, &error));
}

static void close_world(struct world *world)
{
    filter_control_destroy(&world->control);
    assert_null(world->control);
    conf_snapshot_unref(&world->conf);
    assert_int_equal(access(world->path, F_OK), -1);
    assert_int_equal(rmdir(world->folder), 0);
}

static int dial(const struct world *world)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, world->path, strlen(world->path) + 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    return fd;
}

static void say(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Up to the last line, or to the end of the connection. Octets read. */
static size_t hear(int fd, char *tail, size_t size)
{
    size_t total = 0;
    size_t kept = 0;
    char piece[4096];
    ssize_t got;

    while ((got = recv(fd, piece, sizeof(piece), 0)) > 0) {
        size_t keep = (size_t)got < size - 1 ? (size_t)got : size - 1;

        if (kept + keep > size - 1) {
            size_t drop = kept + keep - (size - 1);

            memmove(tail, tail + drop, kept - drop);
            kept -= drop;
        }
        memcpy(tail + kept, piece + got - keep, keep);
        kept += keep;
        tail[kept] = '\0';
        total += (size_t)got;
        if (strstr(tail, "\"ok\":") != NULL && tail[kept - 1] == '\n')
            break;
    }
    return total;
}

/* Somebody who is served: by then control's thread has looked at the clock. */
static void want_service(const struct world *world)
{
    int fd = dial(world);
    char tail[256];

    say(fd, "help\n");
    assert_true(hear(fd, tail, sizeof(tail)) > 0);
    assert_non_null(strstr(tail, "{\"ok\":true}\n"));
    close(fd);
}

static void want_end(int fd)
{
    char octet;
    ssize_t got = recv(fd, &octet, 1, 0);

    assert_true(got == 0 || (got < 0 && errno == ECONNRESET));
    close(fd);
}

static void test_silent(void **state)
{
    struct world world;
    char tail[256];
    int silent, dripping, working;

    (void)state;
    open_world(&world);
    silent = dial(&world);
    dripping = dial(&world);
    say(dripping, "he");
    want_service(&world);
    base_clock_advance(&world.clock, FILTER_CONTROL_READ_NS - 1);
    working = dial(&world);
    say(working, "help\n");
    assert_true(hear(working, tail, sizeof(tail)) > 0);
    say(dripping, "l");
    want_service(&world);
    base_clock_advance(&world.clock, 1);
    want_service(&world);
    hear(silent, tail, sizeof(tail));
    assert_non_null(strstr(tail, "\"code\":\"timeout\""));
    want_end(silent);
    hear(dripping, tail, sizeof(tail));
    assert_non_null(strstr(tail, "\"code\":\"timeout\""));
    want_end(dripping);
    /* Whoever asked meanwhile has its own thirty seconds. */
    say(working, "help\n");
    assert_true(hear(working, tail, sizeof(tail)) > 0);
    assert_non_null(strstr(tail, "{\"ok\":true}\n"));
    close(working);
    close_world(&world);
}

static void test_deaf(void **state)
{
    struct world world;
    char tail[256];
    int deaf, slow;
    size_t total;

    (void)state;
    open_world(&world);
    deaf = dial(&world);
    slow = dial(&world);
    say(deaf, "large\n");
    say(slow, "large\n");
    want_service(&world);
    /* The slow one reads in time, and gets all of it. */
    total = hear(slow, tail, sizeof(tail));
    assert_in_range(total, FILTER_CONTROL_ANSWER_MAX - 2000, FILTER_CONTROL_ANSWER_MAX + 100);
    assert_non_null(strstr(tail, "{\"ok\":true,\"cut\":true}\n"));
    base_clock_advance(&world.clock, FILTER_CONTROL_WRITE_NS);
    want_service(&world);
    /* The other one finds what the kernel kept for it, and then the end. */
    total = hear(deaf, tail, sizeof(tail));
    assert_true(total > 0 && total < FILTER_CONTROL_ANSWER_MAX / 2);
    assert_null(strstr(tail, "\"ok\":"));
    want_end(deaf);
    close(slow);
    close_world(&world);
}

/* With clients of every kind still there. */
static void test_end(void **state)
{
    struct world world;
    int fds[3];

    (void)state;
    open_world(&world);
    for (size_t i = 0; i < 3; i++)
        fds[i] = dial(&world);
    say(fds[1], "large\n");
    say(fds[2], "hel");
    want_service(&world);
    close_world(&world);
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_deaf),
        cmocka_unit_test(test_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
