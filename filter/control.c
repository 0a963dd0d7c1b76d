/* One thread, one poll(2). A client has its own buffers and deadline (control_conn.c); a command
 * runs here, or on the main thread (control_jobs.c), and then its client alone waits. */
#include "filter/control.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "base/control_line.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/panic.h"
#include "filter/control_conn.h"
#include "filter/control_jobs.h"
#include "filter/control_socket.h"

/* Clients served at once; of them those that only root gets, and those of one other user. Who comes
 * when there is no room is told so. */
#define CONNS_MAX       32
#define CONNS_ROOT_ONLY 4
#define CONNS_A_USER    8
#define TABLES_MAX      16
/* New clients taken in one turn, so that those who are there get theirs. */
#define ACCEPTS_A_TURN 64
/* No descriptors are left: when to look again. */
#define PAUSE_NS (INT64_C(100) * BASE_NS_PER_MS)

struct table {
    const struct filter_control_command *commands;
    size_t count;
    void *context;
};

struct filter_control {
    struct filter_control_socket socket;
    struct filter_control_gate gate;
    const struct base_clock *clock;
    struct table tables[TABLES_MAX];
    size_t table_count;
    struct filter_control_jobs jobs;
    pthread_t thread;
    bool has_thread;
    atomic_bool is_stopping;
    /* Control's thread only, from here on. */
    struct filter_control_conn conns[CONNS_MAX];
    int64_t paused_until_ns;
};

/* --- commands ------------------------------------------------------------------------------------
 */

static const struct filter_control_command *find(const struct filter_control *control,
                                                 struct base_text name, void **context_r)
{
    for (size_t i = 0; i < control->table_count; i++) {
        const struct table *table = &control->tables[i];

        for (size_t j = 0; j < table->count; j++) {
            if (base_text_equals(base_text_of(table->commands[j].name), name)) {
                *context_r = table->context;
                return &table->commands[j];
            }
        }
    }
    return NULL;
}

static void run_help(void *context, const struct filter_control_request *request,
                     struct filter_control_answer *answer)
{
    const struct filter_control *control = context;

    (void)request;
    for (size_t i = 0; i < control->table_count; i++) {
        for (size_t j = 0; j < control->tables[i].count; j++) {
            const struct filter_control_command *command = &control->tables[i].commands[j];
            struct base_json *row = base_json_object();

            base_json_set_cstr(row, "command", command->name);
            base_json_set_cstr(row, "arguments",
                               command->arguments == NULL ? "" : command->arguments);
            base_json_set_cstr(row, "help", command->help);
            base_json_set_bool(row, "privileged", command->is_privileged);
            (void)filter_control_answer_add(answer, row);
        }
    }
}

static void log_steering(const struct filter_control_conn *conn,
                         const struct base_control_request *request)
{
    char storage[512];
    struct base_buf words;

    base_buf_init_fixed(&words, storage, sizeof storage);
    for (size_t i = 0; i < request->count; i++) {
        base_buf_append_char(&words, ' ');
        base_control_line_append_word(&words, request->words[i]);
    }
    base_log_info("control: user %u, process %ld:%s", (unsigned)conn->peer.uid,
                  (long)conn->peer.pid, base_buf_cstr(&words));
}

/* The command of a request that may run; NULL: the answer says why not. */
static const struct filter_control_command *admit(const struct filter_control *control,
                                                  const struct filter_control_conn *conn,
                                                  const struct base_control_request *request,
                                                  struct filter_control_answer *answer,
                                                  void **context_r)
{
    const struct filter_control_command *command = find(control, request->words[0], context_r);
    size_t count = request->count - 1;

    if (command == NULL) {
        filter_control_answer_fail(answer, "unknown", "there is no command \"%.100s\"",
                                   request->words[0].data);
    } else if (count < command->arguments_min || count > command->arguments_max) {
        filter_control_answer_fail(answer, "usage", "usage: %s%s%s", command->name,
                                   command->arguments == NULL ? "" : " ",
                                   command->arguments == NULL ? "" : command->arguments);
    } else if (command->is_privileged && !conn->peer.may_steer) {
        filter_control_answer_fail(
            answer, "denied", "%s is for root and for members of control-group", command->name);
    } else {
        return command;
    }
    return NULL;
}

static void begin_job(struct filter_control *control, struct filter_control_conn *conn,
                      const struct filter_control_command *command, void *context,
                      const struct base_control_request *request)
{
    struct filter_control_job *job = base_mem_alloc_zero(1, sizeof *job);

    job->command = command;
    job->context = context;
    job->conn = conn;
    base_control_request_copy(request, &job->request);
    filter_control_answer_init(&job->answer);
    conn->job = job;
    conn->deadline_ns = INT64_MAX;
    filter_control_jobs_push(&control->jobs, job);
}

/* Ends the answer, which is handed over. */
static void send_answer(struct filter_control *control, struct filter_control_conn *conn,
                        struct filter_control_answer *answer)
{
    filter_control_answer_end(answer);
    filter_control_conn_answer(conn, &answer->text, base_clock_mono_ns(control->clock));
}

static void run(struct filter_control *control, struct filter_control_conn *conn,
                const struct base_control_request *request, struct filter_control_answer *answer)
{
    void *context = NULL;
    const struct filter_control_command *command = admit(control, conn, request, answer, &context);

    if (command != NULL && command->is_privileged) {
        log_steering(conn, request);
    }
    if (command != NULL && command->is_main) {
        begin_job(control, conn, command, context, request);
        return;
    }
    if (command != NULL) {
        struct filter_control_request arguments = {.count = request->count - 1,
                                                   .arguments = request->words + 1};

        command->run(context, &arguments, answer);
    }
    send_answer(control, conn, answer);
}

/* One failure, and the end of the connection. */
static void dismiss(struct filter_control *control, struct filter_control_conn *conn,
                    const char *code, const char *text)
{
    struct filter_control_answer answer;

    filter_control_answer_init(&answer);
    filter_control_answer_fail(&answer, code, "%s", text);
    send_answer(control, conn, &answer);
    filter_control_answer_deinit(&answer);
    conn->is_closing = true;
}

/* One request a turn: others have theirs, too. */
static void act(struct filter_control *control, struct filter_control_conn *conn)
{
    struct base_control_request request;
    struct filter_control_answer answer;
    const char *fault = NULL;

    switch (filter_control_conn_next(conn, &request, &fault)) {
    case FILTER_CONTROL_NONE:
        return;
    case FILTER_CONTROL_TOO_LONG:
        dismiss(control, conn, "limit", "a line longer than 4096 octets");
        return;
    case FILTER_CONTROL_TOO_MANY:
        dismiss(control, conn, "limit", "1000 requests on one connection: open another one");
        return;
    case FILTER_CONTROL_REQUEST:
    case FILTER_CONTROL_MALFORMED:
        break;
    }
    filter_control_answer_init(&answer);
    if (fault != NULL) {
        filter_control_answer_fail(&answer, "usage", "%s", fault);
        send_answer(control, conn, &answer);
    } else {
        run(control, conn, &request, &answer);
    }
    filter_control_answer_deinit(&answer);
}

/* --- connections ---------------------------------------------------------------------------------
 */

/* A place for one more client of that user; NULL: none. */
static struct filter_control_conn *find_place(struct filter_control *control, uid_t uid)
{
    struct filter_control_conn *place = NULL;
    size_t all = 0;
    size_t own = 0;

    for (size_t i = 0; i < CONNS_MAX; i++) {
        struct filter_control_conn *conn = &control->conns[i];

        if (conn->fd < 0) {
            place = conn;
            continue;
        }
        all++;
        own += conn->peer.uid == uid;
    }
    if (uid != 0 && (own >= CONNS_A_USER || all >= CONNS_MAX - CONNS_ROOT_ONLY)) {
        return NULL;
    }
    return place;
}

/* Told why, as far as that goes without waiting. */
static void turn_away(struct filter_control *control, struct filter_control_conn *conn,
                      const char *code, const char *text)
{
    dismiss(control, conn, code, text);
    if (!filter_control_conn_write(conn, conn->deadline_ns)) {
        base_log_debug("control: a client that was turned away had gone");
    }
    filter_control_conn_end(conn);
}

static void welcome(struct filter_control *control, int fd, int64_t now_ns)
{
    struct filter_control_conn spare;
    struct filter_control_conn *conn;
    struct filter_control_peer peer;

    if (!filter_control_peer_read(fd, &control->gate, &peer)) {
        peer.may_ask = false;
    }
    conn = peer.may_ask ? find_place(control, peer.uid) : NULL;
    if (conn != NULL) {
        filter_control_conn_begin(conn, fd, now_ns);
        conn->peer = peer;
        return;
    }
    filter_control_conn_begin(&spare, fd, now_ns);
    turn_away(control, &spare, peer.may_ask ? "busy" : "denied",
              peer.may_ask ? "too many connections: try again"
                           : "only root, the daemon's user and members of control-group may ask");
}

static void welcome_all(struct filter_control *control, int64_t now_ns)
{
    for (int i = 0; i < ACCEPTS_A_TURN; i++) {
        int fd = accept4(control->socket.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED)) {
            continue;
        }
        if (fd < 0) {
            if (errno != EAGAIN) {
                control->paused_until_ns = now_ns + PAUSE_NS;
            }
            return;
        }
        welcome(control, fd, now_ns);
    }
}

static void hang_up(struct filter_control *control, struct filter_control_conn *conn)
{
    if (conn->job != NULL) {
        filter_control_jobs_abandon(&control->jobs, conn->job);
    }
    filter_control_conn_end(conn);
}

static void serve_conn(struct filter_control *control, struct filter_control_conn *conn,
                       short revents, int64_t now_ns)
{
    bool is_there = (revents & (POLLERR | POLLNVAL)) == 0 &&
                    ((revents & POLLHUP) == 0 || (revents & POLLIN) != 0);

    if (is_there && (revents & POLLIN) != 0) {
        is_there = filter_control_conn_read(conn);
    }
    if (is_there && now_ns >= conn->deadline_ns) {
        if ((filter_control_conn_events(conn) & POLLOUT) == 0) {
            dismiss(control, conn, "timeout", "no request for 30 seconds");
        } else {
            is_there = false;
        }
    }
    if (is_there) {
        act(control, conn);
        is_there = filter_control_conn_write(conn, now_ns);
    }
    if (is_there && !filter_control_conn_is_done(conn)) {
        return;
    }
    hang_up(control, conn);
}

/* Answers of the main thread. A connection that ended meanwhile, and its place perhaps taken by
 * another, has left its job behind. */
static void take_done(struct filter_control *control)
{
    struct filter_control_job *job;
    eventfd_t count;

    (void)eventfd_read(control->jobs.done_fd, &count);
    while ((job = filter_control_jobs_pop_done(&control->jobs)) != NULL) {
        if (job->conn != NULL) {
            send_answer(control, job->conn, &job->answer);
        }
        filter_control_jobs_free(job);
    }
}

/* --- the thread ----------------------------------------------------------------------------------
 */

static int64_t next_deadline(const struct filter_control *control, int64_t now_ns)
{
    int64_t next_ns = INT64_MAX;

    if (control->paused_until_ns > now_ns) {
        next_ns = control->paused_until_ns;
    }
    for (size_t i = 0; i < CONNS_MAX; i++) {
        const struct filter_control_conn *conn = &control->conns[i];

        if (conn->fd < 0) {
            continue;
        }
        if (filter_control_conn_is_ready(conn)) {
            return now_ns;
        }
        if (conn->deadline_ns < next_ns) {
            next_ns = conn->deadline_ns;
        }
    }
    return next_ns;
}

static int timeout_ms(const struct filter_control *control, int64_t now_ns)
{
    int64_t next_ns = next_deadline(control, now_ns);

    if (next_ns == INT64_MAX) {
        return -1;
    }
    /* Rounded up, or it would be looked at a moment too early, again and again. */
    return next_ns <= now_ns ? 0 : (int)((next_ns - now_ns) / BASE_NS_PER_MS + 1);
}

static void turn(struct filter_control *control)
{
    struct pollfd polled[2 + CONNS_MAX];
    int64_t now_ns = base_clock_mono_ns(control->clock);

    polled[0] = (struct pollfd){.fd = control->jobs.done_fd, .events = POLLIN};
    polled[1] = (struct pollfd){.fd = now_ns < control->paused_until_ns ? -1 : control->socket.fd,
                                .events = POLLIN};
    for (size_t i = 0; i < CONNS_MAX; i++) {
        const struct filter_control_conn *conn = &control->conns[i];

        polled[2 + i] = (struct pollfd){
            .fd = conn->fd, .events = conn->fd < 0 ? 0 : filter_control_conn_events(conn)};
    }
    if (poll(polled, 2 + CONNS_MAX, timeout_ms(control, now_ns)) < 0) {
        if (errno != EINTR) {
            base_panic("control: poll: %s", strerror(errno));
        }
        return;
    }
    now_ns = base_clock_mono_ns(control->clock);
    if (polled[0].revents != 0) {
        take_done(control);
    }
    for (size_t i = 0; i < CONNS_MAX; i++) {
        if (control->conns[i].fd >= 0) {
            serve_conn(control, &control->conns[i], polled[2 + i].revents, now_ns);
        }
    }
    if (polled[1].revents != 0) {
        welcome_all(control, now_ns);
    }
}

static void *serve(void *context)
{
    struct filter_control *control = context;

    while (!atomic_load(&control->is_stopping)) {
        turn(control);
    }
    return NULL;
}

/* --- for the main thread -------------------------------------------------------------------------
 */

enum filter_state_fault filter_control_open(struct filter_control **control_r,
                                            const struct conf_snapshot *conf,
                                            const struct filter_identity *identity,
                                            struct base_error *error_r)
{
    static const struct filter_control_command help[] = {
        {.name = "help", .help = "list the commands", .run = run_help}};
    struct filter_control *control = base_mem_alloc_zero(1, sizeof *control);
    enum filter_state_fault fault;

    for (size_t i = 0; i < CONNS_MAX; i++) {
        control->conns[i].fd = -1;
    }
    control->socket.fd = -1;
    *control_r = control;
    fault = filter_control_jobs_init(&control->jobs, error_r) ? FILTER_STATE_OK
                                                              : FILTER_STATE_UNAVAILABLE;
    if (fault == FILTER_STATE_OK) {
        fault =
            filter_control_socket_open(&control->socket, conf, identity, &control->gate, error_r);
    }
    if (fault != FILTER_STATE_OK) {
        filter_control_destroy(control_r);
        return fault;
    }
    filter_control_register(control, help, 1, control);
    return FILTER_STATE_OK;
}

void filter_control_register(struct filter_control *control,
                             const struct filter_control_command *commands, size_t count,
                             void *context)
{
    if (control->table_count == TABLES_MAX || control->has_thread) {
        base_panic("control: commands of \"%s\" come too late", commands[0].name);
    }
    control->tables[control->table_count++] =
        (struct table){.commands = commands, .count = count, .context = context};
}

bool filter_control_start(struct filter_control *control, const struct base_clock *clock,
                          struct base_error *error_r)
{
    int result;

    control->clock = clock;
    result = pthread_create(&control->thread, NULL, serve, control);
    control->has_thread = result == 0;
    if (result != 0) {
        base_error_set(error_r, "no thread for the control socket: %s", strerror(result));
    }
    return result == 0;
}

void filter_control_destroy(struct filter_control **control)
{
    struct filter_control *it = *control;

    if (it == NULL) {
        return;
    }
    *control = NULL;
    if (it->has_thread) {
        atomic_store(&it->is_stopping, true);
        (void)eventfd_write(it->jobs.done_fd, 1);
        pthread_join(it->thread, NULL);
    }
    for (size_t i = 0; i < CONNS_MAX; i++) {
        if (it->conns[i].fd >= 0) {
            filter_control_conn_end(&it->conns[i]);
        }
    }
    filter_control_socket_close(&it->socket);
    filter_control_jobs_deinit(&it->jobs);
    base_mem_free(it);
}

int filter_control_job_fd(const struct filter_control *control)
{
    return control->jobs.queued_fd;
}

void filter_control_run_jobs(struct filter_control *control)
{
    filter_control_jobs_run(&control->jobs);
}

void filter_control_refuse_jobs(struct filter_control *control)
{
    filter_control_jobs_close(&control->jobs);
}
