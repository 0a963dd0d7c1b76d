/* filter/control_*: who may do what, answers and their cap, one connection with its bounds and
 * deadlines (time is an argument, the peer the other end of a socketpair(2)), and jobs. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/json.h"
#include "base/mem.h"
#include "filter/control.h"
#include "filter/control_answer.h"
#include "filter/control_conn.h"
#include "filter/control_jobs.h"
#include "filter/control_peer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* --- peers ------------------------------------------------------------------------------------ */

static void test_peer(void **state)
{
    static const gid_t groups[] = {100, 200, 300};
    static const struct {
        uid_t uid;
        gid_t gid;
        size_t group_count;
        bool has_group;
        bool may_ask;
        bool may_steer;
    } cases[] = {
        {0, 0, 0, false, true, true},     {0, 0, 0, true, true, true},
        {50, 50, 0, false, true, false},  {50, 50, 3, true, true, true},
        {50, 50, 2, true, true, false},   {1000, 300, 0, true, true, true},
        {1000, 50, 3, true, true, true},  {1000, 50, 2, true, false, false},
        {1000, 0, 0, true, false, false}, {1000, 300, 3, false, false, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct filter_control_gate gate = {
            .uid = 50, .has_group = cases[i].has_group, .group = cases[i].has_group ? 300 : 0};
        struct filter_control_peer peer = {.uid = cases[i].uid};

        filter_control_peer_judge(&gate, cases[i].gid, groups, cases[i].group_count, &peer);
        if (peer.may_ask != cases[i].may_ask || peer.may_steer != cases[i].may_steer)
            fail_msg("case %zu: ask %d, steer %d", i, peer.may_ask, peer.may_steer);
    }
}

static void test_peer_of_socket(void **state)
{
    const struct filter_control_gate gate = {
        .uid = geteuid(), .has_group = true, .group = getegid()};
    struct filter_control_peer peer;
    int ends[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    assert_true(filter_control_peer_read(ends[0], &gate, &peer));
    assert_int_equal(peer.uid, geteuid());
    assert_int_equal(peer.pid, getpid());
    assert_true(peer.may_ask && peer.may_steer);
    close(ends[0]);
    close(ends[1]);
    assert_false(filter_control_peer_read(-1, &gate, &peer));
    assert_false(peer.may_ask || peer.may_steer);
}

/* --- answers ---------------------------------------------------------------------------------- */

static struct base_json *row(const char *text)
{
    struct base_json *object = base_json_object();

    base_json_set_cstr(object, "row", text);
    return object;
}

static void test_answer(void **state)
{
    struct filter_control_answer answer;

    (void)state;
    filter_control_answer_init(&answer);
    assert_true(filter_control_answer_add(&answer, row("a\nb")));
    filter_control_answer_end(&answer);
    assert_string_equal(base_buf_cstr(&answer.text), "{\"row\":\"a\\nb\"}\n{\"ok\":true}\n");
    filter_control_answer_deinit(&answer);

    filter_control_answer_init(&answer);
    filter_control_answer_fail(&answer, "refused", "%s: \"%s\"", "x.conf:1", "y");
    filter_control_answer_end(&answer);
    assert_string_equal(base_buf_cstr(&answer.text),
                        "{\"ok\":false,\"code\":\"refused\",\"error\":\"x.conf:1: \\\"y\\\"\"}\n");
    filter_control_answer_deinit(&answer);
}

/* What is past the cap is left out whole, and the last line is there and says so. */
static void test_answer_cut(void **state)
{
    static const char last[] = "\n{\"ok\":true,\"cut\":true}\n";
    struct filter_control_answer answer;
    char *text = base_mem_alloc_zero(1, 1001);
    struct base_text whole;

    (void)state;
    memset(text, 'x', 1000);
    filter_control_answer_init(&answer);
    while (filter_control_answer_add(&answer, row(text)))
        ;
    assert_false(filter_control_answer_add(&answer, row("small")));
    filter_control_answer_end(&answer);
    whole = base_buf_text(&answer.text);
    assert_in_range(whole.length, FILTER_CONTROL_ANSWER_MAX - 1100,
                    FILTER_CONTROL_ANSWER_MAX + sizeof(last));
    assert_memory_equal(whole.data + whole.length - (sizeof(last) - 1), last, sizeof(last) - 1);
    /* Whole rows, of 1000 octets and what is around them. */
    assert_int_equal((whole.length - (sizeof(last) - 2)) % (1000 + strlen("{\"row\":\"\"}\n")), 0);
    filter_control_answer_deinit(&answer);
    base_mem_free(text);
}

/* --- connections ------------------------------------------------------------------------------ */

struct link {
    struct filter_control_conn conn;
    int peer;
};

static struct link connect_pair(void)
{
    struct link link;
    int ends[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    filter_control_conn_begin(&link.conn, ends[0], 0);
    link.peer = ends[1];
    return link;
}

static void disconnect(struct link *link)
{
    filter_control_conn_end(&link->conn);
    assert_int_equal(link->conn.fd, -1);
    if (link->peer >= 0)
        close(link->peer);
}

static void say(struct link *link, const char *text)
{
    assert_int_equal(send(link->peer, text, strlen(text), 0), (ssize_t)strlen(text));
    assert_true(filter_control_conn_read(&link->conn));
}

static void want_request(struct link *link, const char *word)
{
    struct base_control_request request;
    const char *fault;

    assert_int_equal(filter_control_conn_next(&link->conn, &request, &fault),
                     FILTER_CONTROL_REQUEST);
    assert_string_equal(request.words[0].data, word);
}

static enum filter_control_next next(struct link *link)
{
    struct base_control_request request;
    const char *fault;

    return filter_control_conn_next(&link->conn, &request, &fault);
}

static void answer(struct link *link, const char *text, int64_t now_ns)
{
    struct base_buf buf;

    base_buf_init(&buf, NULL, (size_t)1 << 24);
    base_buf_append_cstr(&buf, text);
    filter_control_conn_answer(&link->conn, &buf, now_ns);
    base_buf_deinit(&buf);
}

/* A line in pieces, two lines at once, and no reading ahead of an answer. */
static void test_lines(void **state)
{
    struct link link = connect_pair();

    (void)state;
    say(&link, "sta");
    assert_int_equal(next(&link), FILTER_CONTROL_NONE);
    assert_int_equal(filter_control_conn_events(&link.conn), POLLIN);
    say(&link, "tus\nlog debug\nhalf");
    want_request(&link, "status");
    answer(&link, "{}\n", 5);
    assert_int_equal(filter_control_conn_events(&link.conn), POLLOUT);
    assert_false(filter_control_conn_is_ready(&link.conn));
    assert_int_equal(next(&link), FILTER_CONTROL_NONE);
    assert_true(filter_control_conn_write(&link.conn, 5));
    assert_true(filter_control_conn_is_ready(&link.conn));
    want_request(&link, "log");
    assert_int_equal(next(&link), FILTER_CONTROL_NONE);
    disconnect(&link);
}

/* A command that runs elsewhere: nothing is read, nothing ends it. */
static void test_busy(void **state)
{
    struct link link = connect_pair();
    struct filter_control_job job = {.conn = NULL};

    (void)state;
    say(&link, "reload\nstatus\n");
    want_request(&link, "reload");
    link.conn.job = &job;
    assert_int_equal(filter_control_conn_events(&link.conn), 0);
    assert_int_equal(next(&link), FILTER_CONTROL_NONE);
    assert_false(filter_control_conn_is_done(&link.conn));
    answer(&link, "{}\n", 0);
    assert_null(link.conn.job);
    assert_true(filter_control_conn_write(&link.conn, 0));
    want_request(&link, "status");
    disconnect(&link);
}

/* Whoever says no more gets what was asked; half a line is nothing. */
static void test_end(void **state)
{
    struct link link = connect_pair();

    (void)state;
    say(&link, "status\nhal");
    assert_int_equal(shutdown(link.peer, SHUT_WR), 0);
    assert_true(filter_control_conn_read(&link.conn));
    assert_false(filter_control_conn_is_done(&link.conn));
    want_request(&link, "status");
    answer(&link, "{}\n", 0);
    assert_false(filter_control_conn_is_done(&link.conn));
    assert_true(filter_control_conn_write(&link.conn, 0));
    assert_true(filter_control_conn_is_done(&link.conn));
    disconnect(&link);
}

static void test_too_long(void **state)
{
    struct link link = connect_pair();
    char line[BASE_CONTROL_LINE_MAX + 1];

    (void)state;
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    /* One octet less would do, with an LF. */
    say(&link, line + 2);
    assert_int_equal(next(&link), FILTER_CONTROL_NONE);
    say(&link, "\n");
    want_request(&link, line + 2);
    say(&link, line);
    assert_int_equal(next(&link), FILTER_CONTROL_TOO_LONG);
    disconnect(&link);
}

static void test_too_many(void **state)
{
    struct link link = connect_pair();

    (void)state;
    for (int i = 0; i < FILTER_CONTROL_REQUESTS_MAX; i++) {
        say(&link, i % 2 == 0 ? "status\n" : "\n");
        assert_int_equal(next(&link),
                         i % 2 == 0 ? FILTER_CONTROL_REQUEST : FILTER_CONTROL_MALFORMED);
    }
    say(&link, "status\n");
    assert_int_equal(next(&link), FILTER_CONTROL_TOO_MANY);
    disconnect(&link);
}

/* The deadline of a request is not moved by drips, that of an answer is moved by progress. */
static void test_deadlines(void **state)
{
    const size_t large = (size_t)8 << 20;
    struct link link = connect_pair();
    char *text = base_mem_alloc_zero(1, large + 1);
    char room[65536];
    int64_t deadline_ns;

    (void)state;
    assert_int_equal(link.conn.deadline_ns, FILTER_CONTROL_READ_NS);
    say(&link, "s");
    assert_int_equal(link.conn.deadline_ns, FILTER_CONTROL_READ_NS);
    say(&link, "tatus\n");
    want_request(&link, "status");
    memset(text, 'x', large);
    answer(&link, text, 7);
    base_mem_free(text);
    assert_int_equal(link.conn.deadline_ns, 7 + FILTER_CONTROL_WRITE_NS);
    assert_true(filter_control_conn_write(&link.conn, 8));
    deadline_ns = link.conn.deadline_ns;
    assert_int_equal(deadline_ns, 8 + FILTER_CONTROL_WRITE_NS);
    assert_int_equal(filter_control_conn_events(&link.conn), POLLOUT);
    /* The peer does not read: nothing moves. */
    assert_true(filter_control_conn_write(&link.conn, 1000));
    assert_int_equal(link.conn.deadline_ns, deadline_ns);
    while (recv(link.peer, room, sizeof(room), 0) > 0)
        ;
    assert_true(filter_control_conn_write(&link.conn, 2000));
    assert_int_equal(link.conn.deadline_ns, 2000 + FILTER_CONTROL_WRITE_NS);
    /* The peer goes away. */
    close(link.peer);
    link.peer = -1;
    assert_false(filter_control_conn_write(&link.conn, 3000));
    disconnect(&link);
}

/* --- jobs ------------------------------------------------------------------------------------- */

static void run_echo(void *context, const struct filter_control_request *request,
                     struct filter_control_answer *out)
{
    (*(int *)context)++;
    (void)filter_control_answer_add(out, row(request->arguments[0].data));
}

static struct filter_control_job *make_job(const struct filter_control_command *command,
                                           void *context)
{
    struct filter_control_job *job = base_mem_alloc_zero(1, sizeof(*job));
    const char *fault;

    job->command = command;
    job->context = context;
    assert_true(base_control_line_parse(BASE_TEXT("echo hello"), &job->request, &fault));
    filter_control_answer_init(&job->answer);
    return job;
}

static bool is_readable(int fd)
{
    struct pollfd polled = {.fd = fd, .events = POLLIN};

    return poll(&polled, 1, 0) == 1;
}

static void test_jobs(void **state)
{
    static const struct filter_control_command echo = {.name = "echo", .run = run_echo};
    struct filter_control_jobs jobs;
    struct filter_control_job *job;
    struct base_error error;
    int runs = 0;

    (void)state;
    assert_true(filter_control_jobs_init(&jobs, &error));
    filter_control_jobs_push(&jobs, make_job(&echo, &runs));
    filter_control_jobs_push(&jobs, make_job(&echo, &runs));
    assert_true(is_readable(jobs.queued_fd));
    assert_null(filter_control_jobs_pop_done(&jobs));
    /* One a turn. */
    filter_control_jobs_run(&jobs);
    assert_int_equal(runs, 1);
    assert_true(is_readable(jobs.queued_fd));
    filter_control_jobs_run(&jobs);
    assert_int_equal(runs, 2);
    assert_false(is_readable(jobs.queued_fd));
    assert_true(is_readable(jobs.done_fd));
    filter_control_jobs_run(&jobs);
    assert_int_equal(runs, 2);
    for (int i = 0; i < 2; i++) {
        job = filter_control_jobs_pop_done(&jobs);
        assert_string_equal(base_buf_cstr(&job->answer.text), "{\"row\":\"hello\"}\n");
        filter_control_jobs_free(job);
    }
    /* What waits when it is closed, and what comes later, fails and is not run. */
    filter_control_jobs_push(&jobs, make_job(&echo, &runs));
    filter_control_jobs_close(&jobs);
    filter_control_jobs_push(&jobs, make_job(&echo, &runs));
    filter_control_jobs_run(&jobs);
    assert_int_equal(runs, 2);
    job = filter_control_jobs_pop_done(&jobs);
    assert_true(job->answer.is_failed);
    assert_string_equal(job->answer.code, "stopping");
    filter_control_jobs_free(job);
    /* The second one is freed with the queues. */
    filter_control_jobs_deinit(&jobs);
}

/* Those who ask, and go away, again and again: nothing is left of what only asks; what steers is
 * done, and of that no more waits than there is room for. */
static void test_jobs_abandoned(void **state)
{
    static const struct filter_control_command asks = {.name = "echo", .run = run_echo};
    static const struct filter_control_command steers = {
        .name = "echo", .run = run_echo, .is_privileged = true};
    struct filter_control_conn conn;
    struct filter_control_jobs jobs;
    struct filter_control_job *job;
    struct base_error error;
    int runs = 0;

    (void)state;
    assert_true(filter_control_jobs_init(&jobs, &error));
    filter_control_jobs_push(&jobs, make_job(&asks, &runs));
    for (int i = 0; i < 1000; i++) {
        job = make_job(&asks, &runs);
        job->conn = &conn;
        filter_control_jobs_push(&jobs, job);
        filter_control_jobs_abandon(&jobs, job);
    }
    assert_int_equal(jobs.queued_count, 1);
    for (int i = 0; i < 1000; i++) {
        job = make_job(&steers, &runs);
        job->conn = &conn;
        filter_control_jobs_push(&jobs, job);
        /* Those without room are done already. */
        filter_control_jobs_abandon(&jobs, job);
    }
    assert_int_equal(jobs.queued_count, FILTER_CONTROL_JOBS_MAX);
    for (int i = 0; i < 1000 + 1 - FILTER_CONTROL_JOBS_MAX; i++) {
        job = filter_control_jobs_pop_done(&jobs);
        assert_null(job->conn);
        assert_true(job->answer.is_failed);
        assert_string_equal(job->answer.code, "busy");
        filter_control_jobs_free(job);
    }
    assert_null(filter_control_jobs_pop_done(&jobs));
    for (int i = 0; i < 2 * FILTER_CONTROL_JOBS_MAX; i++)
        filter_control_jobs_run(&jobs);
    assert_int_equal(runs, FILTER_CONTROL_JOBS_MAX);
    assert_int_equal(jobs.queued_count, 0);
    filter_control_jobs_deinit(&jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_peer),     cmocka_unit_test(test_peer_of_socket),
        cmocka_unit_test(test_answer),   cmocka_unit_test(test_answer_cut),
        cmocka_unit_test(test_lines),    cmocka_unit_test(test_busy),
        cmocka_unit_test(test_end),      cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_deadlines),
        cmocka_unit_test(test_jobs),     cmocka_unit_test(test_jobs_abandoned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
