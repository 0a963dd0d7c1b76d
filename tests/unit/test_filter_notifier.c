/* The process that tells people of rates: a program's input, its time, its death; a mail, word by
 * word; once a period. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "conf/conf.h"
#include "filter/notifier.h"
#include "filter/notifier_mail.h"

struct world {
    char folder[64];
    char program[128];
    /* What the program writes into. */
    char fifo[128];
    int fd;
};

static int set_up(void **state)
{
    static struct world world;

    snprintf(world.folder, sizeof(world.folder), "/tmp/test_notifier.XXXXXX");
    if (mkdtemp(world.folder) == NULL)
        return -1;
    snprintf(world.program, sizeof(world.program), "%s/program", world.folder);
    snprintf(world.fifo, sizeof(world.fifo), "%s/fifo", world.folder);
    if (mkfifo(world.fifo, 0600) != 0)
        return -1;
    world.fd = open(world.fifo, O_RDWR | O_CLOEXEC);
    *state = &world;
    return world.fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    const struct world *world = *state;
    char command[128];

    close(world->fd);
    snprintf(command, sizeof(command), "rm -rf '%s'", world->folder);
    return system(command) == 0 ? 0 : -1;
}

static void write_program(const struct world *world, const char *text)
{
    FILE *file = fopen(world->program, "w");

    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", text);
    assert_int_equal(fchmod(fileno(file), 0755), 0);
    assert_int_equal(fclose(file), 0);
}

static void tell_through(const struct filter_notifier *notifier, const char *smtp,
                         const char *target, enum rate_event_kind kind, const char *key)
{
    const struct rate_watch *watch = filter_notifier_watch(notifier);
    const struct conf_item item = {.text = target};
    const struct conf_list targets = {.count = 1, .items = &item};
    struct rate_event event = {
        .kind = kind,
        .rate = "r",
        .key = base_text_of(key),
        .count = "recipients",
        .action = "hold",
        .limit = {200, INT64_C(3600000000000)},
        .used = 200,
        .time_s = 1795348800,
        .targets = &targets,
        .smtp = smtp,
        .period_s = 3600,
    };

    watch->tell(watch->context, &event);
}

static void tell(const struct filter_notifier *notifier, const char *target,
                 enum rate_event_kind kind, const char *key)
{
    tell_through(notifier, "127.0.0.1:25", target, kind, key);
}

/* A line of what the program wrote; it has five seconds. */
static void must_read(const struct world *world, const char *want)
{
    struct pollfd poll_fd = {.fd = world->fd, .events = POLLIN};
    char line[1024] = "";
    size_t length = 0;

    while (length == 0 || line[length - 1] != '\n') {
        if (poll(&poll_fd, 1, 5000) != 1)
            fail_msg("nothing came behind \"%s\"", line);
        assert_int_equal(read(world->fd, line + length, 1), 1);
        length++;
        assert_true(length < sizeof(line));
    }
    line[length - 1] = '\0';
    assert_string_equal(line, want);
}

static struct filter_notifier *start(void)
{
    struct base_error error;
    struct filter_notifier *notifier = filter_notifier_start(false, &error);

    if (notifier == NULL)
        fail_msg("%s", error.text);
    return notifier;
}

static void test_program(void **state)
{
    const struct world *world = *state;
    struct filter_notifier *notifier = start();
    char text[512];
    char target[160];

    snprintf(text, sizeof(text), "cat > %s; pwd > %s; echo $# > %s", world->fifo, world->fifo,
             world->fifo);
    write_program(world, text);
    snprintf(target, sizeof(target), "exec:%s", world->program);
    /* No shell looks at the key. */
    tell(notifier, target, RATE_EVENT_BLOCK, "$(id) `id` \"'; id\n");
    must_read(world, "{\"event\":\"block\",\"time\":\"2026-11-22T12:00:00Z\",\"rate\":\"r\","
                     "\"key\":\"$(id) `id` \\\"'; id\\n\",\"count\":\"recipients\",\"used\":200,"
                     "\"limit\":\"200/1h\",\"action\":\"hold\"}");
    must_read(world, "/");
    must_read(world, "0");
    /* The same again is not told, another is. */
    tell(notifier, target, RATE_EVENT_BLOCK, "$(id) `id` \"'; id\n");
    tell(notifier, target, RATE_EVENT_RELEASE, "bob");
    must_read(world, "{\"event\":\"release\",\"time\":\"2026-11-22T12:00:00Z\",\"rate\":\"r\","
                     "\"key\":\"bob\",\"count\":\"recipients\",\"used\":200,"
                     "\"limit\":\"200/1h\",\"action\":\"hold\"}");
    must_read(world, "/");
    must_read(world, "0");
    assert_int_equal(filter_notifier_dropped(notifier), 0);
    filter_notifier_stop(&notifier);
    assert_null(notifier);
    filter_notifier_stop(&notifier);
}

/* Whoever started the daemon ignores signals: programs are waited for, and have their own. */
static void test_ignored_signals(void **state)
{
    const struct world *world = *state;
    struct filter_notifier *notifier;
    char text[512];
    char target[160];

    (void)signal(SIGCHLD, SIG_IGN);
    (void)signal(SIGPIPE, SIG_IGN);
    notifier = start();
    (void)signal(SIGCHLD, SIG_DFL);
    (void)signal(SIGPIPE, SIG_DFL);
    snprintf(text, sizeof(text),
             "sleep 0.3; sh -c 'kill -PIPE $$; echo ignored' > %s; "
             "echo end > %s",
             world->fifo, world->fifo);
    write_program(world, text);
    snprintf(target, sizeof(target), "exec:%s", world->program);
    tell(notifier, target, RATE_EVENT_BLOCK, "signals");
    must_read(world, "end");
    filter_notifier_stop(&notifier);
}

/* One that is gone, fails, or does not read: the next one is run. */
static void test_bad_programs(void **state)
{
    static const char *const programs[] = {"exit 3", "kill -9 $$", "exec <&-; exit 0"};
    const struct world *world = *state;
    struct filter_notifier *notifier = start();
    char text[512];
    char target[160];

    tell(notifier, "exec:/nonexistent/program", RATE_EVENT_BLOCK, "none");
    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        char key[16];

        snprintf(text, sizeof(text), "echo run > %s; %s", world->fifo, programs[i]);
        write_program(world, text);
        snprintf(target, sizeof(target), "exec:%s", world->program);
        snprintf(key, sizeof(key), "%zu", i);
        tell(notifier, target, RATE_EVENT_WARNING, key);
        must_read(world, "run");
        /* Done with it before the file is another. */
        snprintf(text, sizeof(text), "%s.next", world->program);
        assert_int_equal(rename(world->program, text), 0);
    }
    filter_notifier_stop(&notifier);
}

/* --- mail ----------------------------------------------------------------------------------------
 */

struct server {
    int fd;
    char smtp[32];
};

static struct server listen_somewhere(void)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(in);
    struct server server = {.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};

    assert_true(server.fd >= 0);
    assert_int_equal(bind(server.fd, (const struct sockaddr *)&in, sizeof(in)), 0);
    assert_int_equal(listen(server.fd, 1), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&in, &size), 0);
    snprintf(server.smtp, sizeof(server.smtp), "127.0.0.1:%u", (unsigned)ntohs(in.sin_port));
    return server;
}

static void read_line(FILE *peer, char *line, size_t size)
{
    if (fgets(line, (int)size, peer) == NULL)
        fail_msg("the connection ended");
    line[strcspn(line, "\r")] = '\0';
}

static void must_say(FILE *peer, const char *want, const char *reply)
{
    char line[512];

    read_line(peer, line, sizeof(line));
    assert_string_equal(line, want);
    fprintf(peer, "%s\r\n", reply);
    fflush(peer);
}

static FILE *accept_peer(const struct server *server)
{
    struct pollfd poll_fd = {.fd = server->fd, .events = POLLIN};
    int fd;

    assert_int_equal(poll(&poll_fd, 1, 5000), 1);
    fd = accept(server->fd, NULL, NULL);
    assert_true(fd >= 0);
    FILE *peer = fdopen(fd, "r+");

    assert_non_null(peer);
    fprintf(peer, "220-two lines\r\n220 of greeting\r\n");
    fflush(peer);
    return peer;
}

static void test_mail(void **state)
{
    static const char *const lines[] = {
        "From: Postseal <postmaster@example.org>",
        "To: <postmaster@example.org>",
        "Subject: rate block",
        "Auto-Submitted: auto-generated",
        "MIME-Version: 1.0",
        "Content-Type: text/plain; charset=us-ascii",
        "",
        "Event:  block",
        "Time:   2026-11-22T12:00:00Z",
        "Rate:   r",
        "Key:    alice?.?RSET",
        "Counts: recipients",
        "Used:   200",
        "Limit:  200/1h",
        "Action: hold",
        ".",
    };
    struct server server = listen_somewhere();
    struct filter_notifier *notifier = start();
    char line[512];
    char helo[128];
    FILE *peer;

    (void)state;
    tell_through(notifier, server.smtp, "mail:postmaster@example.org", RATE_EVENT_BLOCK,
                 "alice\n.\nRSET");
    peer = accept_peer(&server);
    snprintf(helo, sizeof(helo), "HELO %s", filter_notifier_watch(notifier)->helo.data);
    assert_true(strlen(helo) > 40);
    must_say(peer, helo, "250 mx");
    must_say(peer, "MAIL FROM:<>", "250 ok");
    must_say(peer, "RCPT TO:<postmaster@example.org>", "250 ok");
    must_say(peer, "DATA", "354 go on");
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        read_line(peer, line, sizeof(line));
        assert_string_equal(line, lines[i]);
    }
    fprintf(peer, "250 taken\r\n");
    fflush(peer);
    must_say(peer, "QUIT", "221 bye");
    fclose(peer);
    close(server.fd);
    filter_notifier_stop(&notifier);
}

static void test_mail_refused(void **state)
{
    struct server server = listen_somewhere();
    struct base_json *event = base_json_object();
    struct base_error error = {""};
    char gone[32];
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        FILE *peer = accept_peer(&server);
        char line[512];

        read_line(peer, line, sizeof(line));
        fprintf(peer, "250-mx\r\n250 mx\r\n");
        fflush(peer);
        read_line(peer, line, sizeof(line));
        fprintf(peer, "550 no null sender here\r\n");
        fclose(peer);
        _exit(0);
    }
    assert_false(filter_notifier_mail(server.smtp, "helo.invalid", "a@example.org", event, &error));
    assert_non_null(strstr(error.text, "550 no null sender here"));
    snprintf(gone, sizeof(gone), "%s", server.smtp);
    /* As long as the child is there, somebody listens. */
    assert_int_equal(waitpid(child, NULL, 0), child);
    close(server.fd);
    assert_false(filter_notifier_mail(gone, "helo.invalid", "a@example.org", event, &error));
    assert_non_null(strstr(error.text, gone));
    base_json_destroy(&event);
}

/* Nobody takes what is told: no caller waits. */
static void test_full(void **state)
{
    const struct world *world = *state;
    struct filter_notifier *notifier = start();
    char text[256];
    char target[160];

    snprintf(text, sizeof(text), "read line; echo run > %s; exec sleep 100", world->fifo);
    write_program(world, text);
    snprintf(target, sizeof(target), "exec:%s", world->program);
    tell(notifier, target, RATE_EVENT_BLOCK, "first");
    must_read(world, "run");
    for (int i = 0; i < 5000; i++) {
        char key[16];

        snprintf(key, sizeof(key), "%d", i);
        tell(notifier, target, RATE_EVENT_BLOCK, key);
    }
    assert_true(filter_notifier_dropped(notifier) > 1000);
    filter_notifier_stop(&notifier);
}

static void test_targets(void **state)
{
    static const struct {
        const char *target;
        bool want;
    } rows[] = {
        {"exec:/bin/sh", true},
        {"exec:bin/sh", false},
        {"exec:/nonexistent", false},
        {"exec:/etc/passwd", false},
        {"exec:/", false},
        {"mail:postmaster@example.org", true},
        {"mail:postmaster", false},
        {"mail:a@example.org>\r\nRSET", false},
        {"mail:a b@example.org", false},
        {"mail:<a@example.org>", false},
        {"/bin/sh", false},
        {"", false},
    };
    char host[256];
    char port[16];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if ((rate_event_check_target(rows[i].target) == NULL) != rows[i].want)
            fail_msg("%s", rows[i].target);
    assert_true(rate_event_split_smtp("[2001:db8::1]:25", host, port));
    assert_string_equal(host, "2001:db8::1");
    assert_string_equal(port, "25");
    assert_false(rate_event_split_smtp("localhost", host, port));
    assert_false(rate_event_split_smtp("localhost:", host, port));
    assert_false(rate_event_split_smtp("localhost:0", host, port));
    assert_false(rate_event_split_smtp("localhost:65536", host, port));
    assert_false(rate_event_split_smtp(":25", host, port));
    assert_false(rate_event_split_smtp("[]:25", host, port));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_targets),
        cmocka_unit_test_setup_teardown(test_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_ignored_signals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_programs, set_up, tear_down),
        cmocka_unit_test(test_mail),
        cmocka_unit_test(test_mail_refused),
        cmocka_unit_test_setup_teardown(test_full, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
