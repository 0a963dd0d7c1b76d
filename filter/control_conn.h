/* One connection to the control socket: buffers of fixed bounds, a deadline, and no call that
 * blocks. Nothing is read while an answer is being written or made, so that a client which does not
 * read costs its own answer and nothing else. Control's thread only. */
#ifndef FILTER_CONTROL_CONN_H
#define FILTER_CONTROL_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/control_line.h"
#include "base/text.h"
#include "filter/control_peer.h"

/* Requests on one connection. */
#define FILTER_CONTROL_REQUESTS_MAX 1000
/* How long a request may take to come, and how long an answer may not move. */
#define FILTER_CONTROL_READ_NS  (INT64_C(30) * 1000000000)
#define FILTER_CONTROL_WRITE_NS (INT64_C(10) * 1000000000)

struct filter_control_job;

struct filter_control_conn {
    /* -1: free. */
    int fd;
    struct filter_control_peer peer;
    char input[BASE_CONTROL_LINE_MAX];
    size_t input_length;
    unsigned requests;
    /* The peer sends no more. */
    bool is_ended;
    /* To be closed when the output is written. */
    bool is_closing;
    /* The answer is being made elsewhere; NULL: no. */
    struct filter_control_job *job;
    struct base_buf output;
    size_t written;
    /* INT64_MAX: none. */
    int64_t deadline_ns;
};

/* Takes over `fd`, which is non-blocking. */
void filter_control_conn_begin(struct filter_control_conn *conn, int fd, int64_t now_ns);
void filter_control_conn_end(struct filter_control_conn *conn);

/* What to poll(2) for. */
short filter_control_conn_events(const struct filter_control_conn *conn);
/* There is something to do without waiting for the peer. */
bool filter_control_conn_is_ready(const struct filter_control_conn *conn);
/* Nothing is left to do: to be ended. */
bool filter_control_conn_is_done(const struct filter_control_conn *conn);

/* Take what is there, send what goes. False: the peer is gone. */
__attribute__((warn_unused_result)) bool filter_control_conn_read(struct filter_control_conn *conn);
__attribute__((warn_unused_result)) bool filter_control_conn_write(struct filter_control_conn *conn,
                                                                   int64_t now_ns);

enum filter_control_next {
    FILTER_CONTROL_NONE,
    FILTER_CONTROL_REQUEST,
    /* *fault_r says why. */
    FILTER_CONTROL_MALFORMED,
    /* No line so far, and no room for more of it; or one request too many. To be closed. */
    FILTER_CONTROL_TOO_LONG,
    FILTER_CONTROL_TOO_MANY,
};

/* Takes the next line out of the input, unless an answer is due. */
enum filter_control_next filter_control_conn_next(struct filter_control_conn *conn,
                                                  struct base_control_request *request_r,
                                                  const char **fault_r);
/* Takes over what `answer` holds, and begins to send it. */
void filter_control_conn_answer(struct filter_control_conn *conn, struct base_buf *answer,
                                int64_t now_ns);

#endif
