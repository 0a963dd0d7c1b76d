/* See notifier_mail.h. Replies are read line by line and only their codes looked at. */
#include "filter/notifier_mail.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "filter/notifier_run.h"
#include "policy/rate/events.h"

struct talk {
    int fd;
    struct timespec end;
    struct base_error *error_r;
};

static bool wait_for(const struct talk *talk, short events)
{
    struct timespec now = base_clock_deadline(0);
    int64_t left_ms =
        (talk->end.tv_sec - now.tv_sec) * 1000 + (talk->end.tv_nsec - now.tv_nsec) / BASE_NS_PER_MS;
    struct pollfd poll_fd = {.fd = talk->fd, .events = events};

    if (left_ms > 0 && poll(&poll_fd, 1, (int)left_ms) == 1) {
        return true;
    }
    base_error_set(talk->error_r, "the mail server does not answer");
    return false;
}

static int connect_to(const char *smtp, struct talk *talk)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char host[256];
    char port[16];
    int error = 0;
    socklen_t size = sizeof error;

    if (!rate_event_split_smtp(smtp, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        base_error_set(talk->error_r, "%s: no such host", smtp);
        return -1;
    }
    for (struct addrinfo *it = found; it != NULL && talk->fd < 0; it = it->ai_next) {
        talk->fd = socket(it->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (talk->fd >= 0 &&
            ((connect(talk->fd, it->ai_addr, it->ai_addrlen) != 0 && errno != EINPROGRESS) ||
             !wait_for(talk, POLLOUT) ||
             getsockopt(talk->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)) {
            base_error_set(talk->error_r, "%s: %s", smtp, strerror(error != 0 ? error : errno));
            close(talk->fd);
            talk->fd = -1;
        }
    }
    freeaddrinfo(found);
    return talk->fd;
}

static bool say(const struct talk *talk, struct base_text text)
{
    while (text.length > 0) {
        ssize_t sent;

        if (!wait_for(talk, POLLOUT)) {
            return false;
        }
        sent = send(talk->fd, text.data, text.length, MSG_NOSIGNAL);
        if (sent < 0) {
            base_error_set(talk->error_r, "%s", strerror(errno));
            return false;
        }
        text = (struct base_text){text.data + sent, text.length - (size_t)sent};
    }
    return true;
}

/* The last line of a reply, whose code begins with `want`. */
static bool expect(const struct talk *talk, char want)
{
    char line[512];
    size_t length = 0;

    for (;;) {
        ssize_t got;
        char c;

        if (!wait_for(talk, POLLIN)) {
            return false;
        }
        got = recv(talk->fd, &c, 1, 0);
        if (got <= 0) {
            base_error_set(talk->error_r, "the mail server breaks off");
            return false;
        }
        if (c != '\n') {
            if (length + 1 < sizeof line) {
                line[length++] = c;
            }
            continue;
        }
        line[length] = '\0';
        if (length > 3 && line[3] == '-') {
            length = 0;
            continue;
        }
        if (line[0] == want) {
            return true;
        }
        base_error_set(talk->error_r, "the mail server says: %s", line);
        return false;
    }
}

static void append_member(struct base_buf *out, const char *label, const struct base_json *event,
                          const char *name)
{
    struct base_text text = base_json_text(base_json_get(event, name));

    base_buf_append_cstr(out, label);
    for (size_t i = 0; i < text.length; i++) {
        base_buf_append_char(out, base_ascii_is_print(text.data[i]) ? text.data[i] : '?');
    }
    base_buf_append_cstr(out, "\r\n");
}

/* Every line begins with our own words: no dot stands first. */
static void write_message(struct base_buf *out, const char *address, const struct base_json *event)
{
    int64_t used = 0;
    int64_t sent;

    (void)base_json_int(base_json_get(event, "used"), &used);
    base_buf_appendf(out, "From: Postseal <%s>\r\nTo: <%s>\r\n", address, address);
    append_member(out, "Subject: rate ", event, "event");
    base_buf_append_cstr(out, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                              "Content-Type: text/plain; charset=us-ascii\r\n\r\n");
    append_member(out, "Event:  ", event, "event");
    append_member(out, "Time:   ", event, "time");
    append_member(out, "Rate:   ", event, "rate");
    append_member(out, "Key:    ", event, "key");
    append_member(out, "Counts: ", event, "count");
    base_buf_appendf(out, "Used:   %lld\r\n", (long long)used);
    if (base_json_int(base_json_get(event, "sent"), &sent)) {
        base_buf_appendf(out, "Sent:   %lld\r\n", (long long)sent);
    }
    append_member(out, "Limit:  ", event, "limit");
    append_member(out, "Action: ", event, "action");
    base_buf_append_cstr(out, ".\r\n");
}

/* A command with its argument, which has been checked when the configuration was read. */
static bool command(const struct talk *talk, char want, const char *before, const char *argument,
                    const char *behind)
{
    char storage[1200];
    struct base_buf line;

    base_buf_init_fixed(&line, storage, sizeof storage);
    base_buf_append_cstr(&line, before);
    base_buf_append_cstr(&line, argument);
    base_buf_append_cstr(&line, behind);
    base_buf_append_cstr(&line, "\r\n");
    return !line.is_over && say(talk, base_buf_text(&line)) && expect(talk, want);
}

bool filter_notifier_mail(const char *smtp, const char *helo, const char *address,
                          const struct base_json *event, struct base_error *error_r)
{
    struct talk talk = {.fd = -1,
                        .end = base_clock_deadline(FILTER_NOTIFIER_SECONDS * BASE_NS_PER_S),
                        .error_r = error_r};
    struct base_buf message;
    bool is_taken;

    if (connect_to(smtp, &talk) < 0) {
        return false;
    }
    base_buf_init(&message, NULL, FILTER_NOTIFIER_PACKET_MAX);
    write_message(&message, address, event);
    is_taken = expect(&talk, '2') && command(&talk, '2', "HELO ", helo, "") &&
               command(&talk, '2', "MAIL FROM:<>", "", "") &&
               command(&talk, '2', "RCPT TO:<", address, ">") &&
               command(&talk, '3', "DATA", "", "") && say(&talk, base_buf_text(&message)) &&
               expect(&talk, '2');
    if (is_taken) {
        (void)command(&talk, '2', "QUIT", "", "");
    }
    base_buf_deinit(&message);
    close(talk.fd);
    return is_taken;
}
