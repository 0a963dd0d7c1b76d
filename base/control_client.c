#include "base/control_client.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/control_line.h"
#include "base/json.h"

/* Far more than a daemon sends. */
#define ANSWER_MAX ((size_t)64 << 20)
#define PIECE      ((size_t)65536)

struct talk {
    const char *path;
    int fd;
    struct base_clock clock;
    int64_t deadline_ns;
    struct base_error *error_r;
};

/* What is left of the time is the socket's own time-out. False: nothing is left. */
static bool set_timeout(const struct talk *talk, int option)
{
    int64_t left_ns = talk->deadline_ns - base_clock_mono_ns(&talk->clock);
    struct timeval left = {.tv_sec = (time_t)(left_ns / BASE_NS_PER_S),
                           .tv_usec = (suseconds_t)(left_ns % BASE_NS_PER_S / 1000)};

    /* Zero would be for ever. */
    return left_ns >= BASE_NS_PER_MS &&
           setsockopt(talk->fd, SOL_SOCKET, option, &left, sizeof(left)) == 0;
}

static bool fail(const struct talk *talk, int fault)
{
    const char *what = strerror(fault);

    if (fault == ENOENT)
        what = "there is no such socket: is postseald running?";
    else if (fault == ECONNREFUSED)
        what = "nobody listens there: is postseald running?";
    else if (fault == EACCES)
        what = "permission denied: be root, or a member of control-group";
    else if (fault == EAGAIN || fault == EINPROGRESS || fault == ETIMEDOUT)
        what = "postseald does not answer in time";
    base_error_set(talk->error_r, "%s: %s", talk->path, what);
    return false;
}

static bool open_socket(struct talk *talk)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    if (strlen(talk->path) >= sizeof(address.sun_path))
        return fail(talk, ENAMETOOLONG);
    memcpy(address.sun_path, talk->path, strlen(talk->path) + 1);
    talk->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (talk->fd < 0)
        return fail(talk, errno);
    if (!set_timeout(talk, SO_SNDTIMEO))
        return fail(talk, ETIMEDOUT);
    if (connect(talk->fd, (const struct sockaddr *)&address, sizeof(address)) != 0)
        return fail(talk, errno);
    return true;
}

static bool say(struct talk *talk, const char *const *words, size_t count)
{
    struct base_buf line;
    size_t said = 0;
    bool is_good = count <= BASE_CONTROL_WORDS_MAX;

    base_buf_init(&line, NULL, BASE_CONTROL_LINE_MAX);
    for (size_t i = 0; i < count; i++) {
        struct base_text word = base_text_of(words[i]);

        is_good = is_good && base_control_line_is_word(word);
        if (i > 0)
            base_buf_append_char(&line, ' ');
        base_control_line_append_word(&line, word);
    }
    base_buf_append_char(&line, '\n');
    if (!is_good || line.is_over) {
        base_error_set(talk->error_r, "what is asked is too long, or no printable UTF-8");
        base_buf_deinit(&line);
        return false;
    }
    while (said < line.length) {
        ssize_t put = send(talk->fd, line.data + said, line.length - said, MSG_NOSIGNAL);

        if (put < 0 && errno == EPIPE)
            /* Turned away already: why is there to be read. */
            break;
        if (put < 0 && errno != EINTR)
            break;
        said += put > 0 ? (size_t)put : 0;
    }
    is_good = said == line.length || errno == EPIPE;
    base_buf_deinit(&line);
    return is_good || fail(talk, errno);
}

enum base_control_line_kind base_control_answer_take(struct base_control_answer *answer,
                                                     struct base_text line)
{
    struct base_error ignored;
    struct base_json *row = base_json_parse(line, &ignored);
    struct base_text code;

    if (row == NULL)
        return BASE_CONTROL_NOT_UNDERSTOOD;
    if (base_json_get(row, "ok") == NULL) {
        base_json_append(answer->rows, row);
        return BASE_CONTROL_ROW;
    }
    if (!base_json_bool(base_json_get(row, "ok"), &answer->is_ok)) {
        base_json_destroy(&row);
        return BASE_CONTROL_NOT_UNDERSTOOD;
    }
    (void)base_json_bool(base_json_get(row, "cut"), &answer->is_cut);
    code = base_json_text(base_json_get(row, "code"));
    (void)snprintf(answer->code, sizeof(answer->code), "%.*s", (int)code.length,
                   code.data == NULL ? "" : code.data);
    code = base_json_text(base_json_get(row, "error"));
    base_error_set(&answer->error, "%.*s", (int)code.length, code.data == NULL ? "" : code.data);
    base_json_destroy(&row);
    return BASE_CONTROL_LAST;
}

/* The whole lines of `text`; *used_r: their octets. */
static enum base_control_line_kind take_lines(struct base_control_answer *answer,
                                              struct base_text text, size_t *used_r)
{
    const char *end;

    *used_r = 0;
    while ((end = memchr(text.data + *used_r, '\n', text.length - *used_r)) != NULL) {
        struct base_text line = {text.data + *used_r, (size_t)(end - text.data) - *used_r};
        enum base_control_line_kind kind = base_control_answer_take(answer, line);

        if (kind != BASE_CONTROL_ROW)
            return kind;
        *used_r = (size_t)(end - text.data) + 1;
    }
    return BASE_CONTROL_ROW;
}

/* Appends a piece to `text`. 1, or 0 at the end, or -1 and errno. */
static int receive(struct talk *talk, struct base_buf *text)
{
    char piece[PIECE];
    ssize_t got;

    do {
        if (!set_timeout(talk, SO_RCVTIMEO)) {
            errno = ETIMEDOUT;
            return -1;
        }
        got = recv(talk->fd, piece, sizeof(piece), 0);
    } while (got < 0 && errno == EINTR);
    if (got <= 0)
        return (int)got;
    base_buf_append(text, piece, (size_t)got);
    return 1;
}

static bool listen_to(struct talk *talk, struct base_control_answer *answer)
{
    enum base_control_line_kind kind = BASE_CONTROL_ROW;
    struct base_buf text;
    size_t taken = 0;
    int result = 1;

    base_buf_init(&text, NULL, ANSWER_MAX);
    while (kind == BASE_CONTROL_ROW && !text.is_over && (result = receive(talk, &text)) > 0) {
        struct base_text rest = {text.data + taken, text.length - taken};
        size_t used;

        kind = take_lines(answer, rest, &used);
        taken += used;
    }
    base_buf_deinit(&text);
    if (kind == BASE_CONTROL_LAST)
        return true;
    if (result < 0)
        return fail(talk, errno);
    base_error_set(talk->error_r, "%s: %s", talk->path,
                   result == 0 ? "postseald has closed the connection: is it about to stop?"
                               : "what answers there is not postseald");
    return false;
}

bool base_control_ask(const char *path, const char *const *words, size_t count, int64_t timeout_ns,
                      struct base_control_answer *answer_r, struct base_error *error_r)
{
    struct talk talk = {.path = path, .fd = -1, .clock = base_clock_system(), .error_r = error_r};
    bool is_good;

    *answer_r = (struct base_control_answer){.rows = base_json_array()};
    talk.deadline_ns = base_clock_mono_ns(&talk.clock) + timeout_ns;
    is_good = open_socket(&talk) && say(&talk, words, count) && listen_to(&talk, answer_r);
    if (talk.fd >= 0)
        (void)close(talk.fd);
    if (!is_good)
        base_control_answer_deinit(answer_r);
    return is_good;
}

void base_control_answer_deinit(struct base_control_answer *answer)
{
    base_json_destroy(&answer->rows);
}
