#include "filter/control_conn.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

void filter_control_conn_begin(struct filter_control_conn *conn, int fd, int64_t now_ns)
{
    *conn = (struct filter_control_conn){.fd = fd, .deadline_ns = now_ns + FILTER_CONTROL_READ_NS};
    base_buf_init(&conn->output, NULL, 0);
}

void filter_control_conn_end(struct filter_control_conn *conn)
{
    (void)close(conn->fd);
    base_buf_deinit(&conn->output);
    conn->fd = -1;
}

static bool has_output(const struct filter_control_conn *conn)
{
    return conn->written < conn->output.length;
}

static bool has_line(const struct filter_control_conn *conn)
{
    return conn->input_length == sizeof conn->input ||
           memchr(conn->input, '\n', conn->input_length) != NULL;
}

static bool may_go_on(const struct filter_control_conn *conn)
{
    return conn->job == NULL && !conn->is_closing && !has_output(conn);
}

short filter_control_conn_events(const struct filter_control_conn *conn)
{
    if (has_output(conn)) {
        return POLLOUT;
    }
    return may_go_on(conn) && !conn->is_ended ? POLLIN : 0;
}

bool filter_control_conn_is_ready(const struct filter_control_conn *conn)
{
    return may_go_on(conn) && has_line(conn);
}

bool filter_control_conn_is_done(const struct filter_control_conn *conn)
{
    if (conn->job != NULL || has_output(conn)) {
        return false;
    }
    return conn->is_closing || (conn->is_ended && !has_line(conn));
}

bool filter_control_conn_read(struct filter_control_conn *conn)
{
    ssize_t got;

    if (conn->input_length == sizeof conn->input) {
        return true;
    }
    got = recv(conn->fd, conn->input + conn->input_length, sizeof conn->input - conn->input_length,
               MSG_DONTWAIT);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    conn->input_length += (size_t)got;
    conn->is_ended = got == 0;
    return true;
}

bool filter_control_conn_write(struct filter_control_conn *conn, int64_t now_ns)
{
    while (has_output(conn)) {
        ssize_t put = send(conn->fd, conn->output.data + conn->written,
                           conn->output.length - conn->written, MSG_DONTWAIT | MSG_NOSIGNAL);

        if (put < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        conn->written += (size_t)put;
        conn->deadline_ns = now_ns + FILTER_CONTROL_WRITE_NS;
    }
    if (conn->output.length > 0) {
        base_buf_deinit(&conn->output);
        base_buf_init(&conn->output, NULL, 0);
        conn->written = 0;
        conn->deadline_ns = now_ns + FILTER_CONTROL_READ_NS;
    }
    return true;
}

enum filter_control_next filter_control_conn_next(struct filter_control_conn *conn,
                                                  struct base_control_request *request_r,
                                                  const char **fault_r)
{
    const char *end = memchr(conn->input, '\n', conn->input_length);
    struct base_text line = {conn->input, 0};
    bool is_good;

    *fault_r = NULL;
    if (!filter_control_conn_is_ready(conn)) {
        return FILTER_CONTROL_NONE;
    }
    if (end == NULL) {
        return FILTER_CONTROL_TOO_LONG;
    }
    if (conn->requests++ == FILTER_CONTROL_REQUESTS_MAX) {
        return FILTER_CONTROL_TOO_MANY;
    }
    line.length = (size_t)(end - conn->input);
    is_good = base_control_line_parse(line, request_r, fault_r);
    conn->input_length -= line.length + 1;
    memmove(conn->input, end + 1, conn->input_length);
    return is_good ? FILTER_CONTROL_REQUEST : FILTER_CONTROL_MALFORMED;
}

void filter_control_conn_answer(struct filter_control_conn *conn, struct base_buf *answer,
                                int64_t now_ns)
{
    base_buf_deinit(&conn->output);
    conn->output = *answer;
    conn->written = 0;
    conn->job = NULL;
    conn->deadline_ns = now_ns + FILTER_CONTROL_WRITE_NS;
    base_buf_init(answer, NULL, 0);
}
