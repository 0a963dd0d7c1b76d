#include "tests/unit/fake_dns_server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"

#define TYPE_A     1
#define TYPE_CNAME 5
#define TYPE_SOA   6
#define TYPE_PTR   12
#define TYPE_MX    15
#define TYPE_TXT   16

struct fake_dns_server {
    int udp;
    int tcp;
    int stop[2];
    char address[32];
    pthread_t thread;
    atomic_uint count;
};

struct message {
    unsigned char data[8192];
    size_t length;
    /* Of the question. */
    size_t name_length;
    unsigned type;
    char label[64];
    char behaviour[64];
};

static void put(struct message *m, const void *data, size_t length)
{
    if (length > sizeof(m->data) - m->length)
        base_panic("fake_dns_server: message too long");
    memcpy(m->data + m->length, data, length);
    m->length += length;
}

static void put16(struct message *m, unsigned value)
{
    unsigned char octets[2] = {(unsigned char)(value >> 8), (unsigned char)value};

    put(m, octets, 2);
}

static void add_count(struct message *m, size_t at)
{
    m->data[at + 1]++;
}

/* A record of the question's name (a pointer to it); counted as answer or authority. */
static void put_record(struct message *m, size_t count_at, unsigned type, const void *rdata,
                       size_t length)
{
    put16(m, 0xc00c);
    put16(m, type);
    put16(m, 1);
    put16(m, 0);
    put16(m, 300);
    put16(m, (unsigned)length);
    put(m, rdata, length);
    add_count(m, count_at);
}

#define ANSWERS   6
#define AUTHORITY 8

static void put_answer(struct message *m, unsigned type, const void *rdata, size_t length)
{
    put_record(m, ANSWERS, type, rdata, length);
}

static void set_rcode(struct message *m, unsigned rcode)
{
    m->data[3] = (unsigned char)(0x80 | rcode);
}

static void put_soa(struct message *m)
{
    static const unsigned char rdata[] = {0, 0, 0,  0, 0, 1, 0,  0, 0, 60, 0,
                                          0, 0, 60, 0, 0, 0, 60, 0, 0, 0,  60};

    /* Of the root, so that it covers every question. */
    put(m, "", 1);
    put16(m, TYPE_SOA);
    put16(m, 1);
    put16(m, 0);
    put16(m, 60);
    put16(m, sizeof(rdata));
    put(m, rdata, sizeof(rdata));
    add_count(m, AUTHORITY);
}

static void answer_ok(struct message *m)
{
    unsigned char txt[64];

    switch (m->type) {
    case TYPE_A:
        put_answer(m, TYPE_A, "\xc0\x00\x02\x01", 4);
        put_answer(m, TYPE_A, "\xc0\x00\x02\x02", 4);
        break;
    case TYPE_TXT:
        txt[0] = m->data[12];
        memcpy(txt + 1, m->data + 13, txt[0]);
        put_answer(m, TYPE_TXT, txt, 1U + txt[0]);
        break;
    case TYPE_PTR:
        put_answer(m, TYPE_PTR,
                   "\x04Host\x07"
                   "eXample\x00",
                   14);
        break;
    case TYPE_MX:
        put_answer(m, TYPE_MX,
                   "\x00\x0a\x04host\x07"
                   "example\x00",
                   16);
        put_answer(m, TYPE_MX, "\x00\x00\x00", 3);
        break;
    default:
        put_soa(m);
    }
}

static void answer_big(struct message *m, bool is_tcp)
{
    unsigned char rdata[4016];

    if (!is_tcp) {
        m->data[2] |= 0x02;
        return;
    }
    for (size_t i = 0; i < 16; i++) {
        rdata[251 * i] = 250;
        memset(rdata + 251 * i + 1, 'a' + (int)i, 250);
    }
    put_answer(m, TYPE_TXT, rdata, sizeof(rdata));
}

static void answer_alias(struct message *m)
{
    static const unsigned char target[] = "\x06target\x02ok\x07"
                                          "example";

    put_answer(m, TYPE_CNAME, target, sizeof(target));
    put(m, target, sizeof(target));
    put16(m, TYPE_A);
    put16(m, 1);
    put16(m, 0);
    put16(m, 60);
    put16(m, 4);
    put(m, "\xc0\x00\x02\x07", 4);
    add_count(m, ANSWERS);
}

static void answer_longname(struct message *m)
{
    unsigned char rdata[255];

    memset(rdata, 'x', sizeof(rdata));
    rdata[0] = rdata[64] = rdata[128] = 63;
    rdata[192] = 61;
    rdata[254] = 0;
    put_answer(m, TYPE_PTR, rdata, sizeof(rdata));
}

static void answer_pointer(struct message *m)
{
    size_t at = m->length + 12;
    unsigned char rdata[2] = {(unsigned char)(0xc0 | at >> 8), (unsigned char)at};

    put_answer(m, TYPE_PTR, rdata, 2);
}

static void answer_cut(struct message *m)
{
    put_answer(m, TYPE_A, "\xc0\x00\x02\x01", 4);
    m->length -= 2;
}

static bool behaves(const struct message *m, const char *word)
{
    return strcmp(m->behaviour, word) == 0;
}

static bool answer_rcode(struct message *m)
{
    static const struct {
        const char *word;
        unsigned rcode;
    } rcodes[] = {{"formerr", 1}, {"servfail", 2}, {"nx", 3}, {"notimp", 4}, {"refused", 5}};

    for (size_t i = 0; i < sizeof(rcodes) / sizeof(rcodes[0]); i++)
        if (behaves(m, rcodes[i].word)) {
            set_rcode(m, rcodes[i].rcode);
            if (rcodes[i].rcode == 3)
                put_soa(m);
            return true;
        }
    return false;
}

static bool answer_hostile(struct message *m)
{
    if (behaves(m, "shorta"))
        put_answer(m, TYPE_A, "\xc0\x00\x02", 3);
    else if (behaves(m, "cut"))
        answer_cut(m);
    else if (behaves(m, "badtxt"))
        put_answer(m, TYPE_TXT,
                   "\x20"
                   "abc",
                   4);
    else if (behaves(m, "longname"))
        answer_longname(m);
    else if (behaves(m, "dotlabel"))
        put_answer(m, TYPE_PTR,
                   "\x03"
                   "a.b\x07"
                   "example\x00",
                   13);
    else if (behaves(m, "pointer"))
        answer_pointer(m);
    else if (behaves(m, "garbage"))
        memset(m->data + 2, 0xff, m->length - 2);
    else if (behaves(m, "other"))
        m->data[13] ^= 1;
    else
        return false;
    return true;
}

/* Makes the question into its answer; false: none. */
static bool answer(struct message *m, bool is_tcp)
{
    if (behaves(m, "silent"))
        return false;
    if (behaves(m, "ok"))
        answer_ok(m);
    else if (behaves(m, "big"))
        answer_big(m, is_tcp);
    else if (behaves(m, "alias"))
        answer_alias(m);
    else if (behaves(m, "loop"))
        put_answer(m, TYPE_CNAME, "\xc0\x0c", 2);
    else if (!behaves(m, "bare") && !answer_rcode(m) && !answer_hostile(m))
        put_soa(m);
    return true;
}

static void copy_label(const struct message *m, size_t at, char out[64])
{
    size_t length = m->data[at] & 63;

    memcpy(out, m->data + at + 1, length);
    out[length] = '\0';
}

/* libunbound's own questions are well-formed: what is not is left alone. */
static bool read_question(struct message *m)
{
    size_t at = 12;

    if (m->length < 17)
        return false;
    while (at < m->length && m->data[at] != 0)
        at += 1U + m->data[at];
    if (at + 5 > m->length)
        return false;
    copy_label(m, 12, m->label);
    m->behaviour[0] = '\0';
    if (m->data[12] != 0)
        copy_label(m, 13U + m->data[12], m->behaviour);
    m->type = (unsigned)(m->data[at + 1] << 8 | m->data[at + 2]);
    m->length = at + 5;
    m->data[2] = 0x85;
    m->data[3] = 0x80;
    /* Nothing but the question: no EDNS. */
    memset(m->data + 6, 0, 6);
    return true;
}

static void serve_udp(struct fake_dns_server *server)
{
    struct sockaddr_in from;
    socklen_t from_length = sizeof(from);
    struct message m;
    ssize_t got =
        recvfrom(server->udp, m.data, sizeof(m.data), 0, (struct sockaddr *)&from, &from_length);

    if (got < 0)
        return;
    m.length = (size_t)got;
    if (!read_question(&m))
        return;
    atomic_fetch_add(&server->count, 1);
    if (answer(&m, false))
        (void)!sendto(server->udp, m.data, m.length, 0, (struct sockaddr *)&from, from_length);
}

static bool read_whole(int fd, unsigned char *data, size_t length)
{
    for (size_t at = 0; at < length;) {
        ssize_t got = read(fd, data + at, length - at);

        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

/* One question a connection. */
static void serve_tcp(struct fake_dns_server *server)
{
    int fd = accept(server->tcp, NULL, NULL);
    struct timeval limit = {.tv_sec = 5};
    unsigned char size[2];
    struct message m;

    if (fd < 0)
        return;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (read_whole(fd, size, 2)) {
        m.length = (size_t)(size[0] << 8 | size[1]);
        if (m.length <= sizeof(m.data) && read_whole(fd, m.data, m.length) && read_question(&m) &&
            answer(&m, true)) {
            size[0] = (unsigned char)(m.length >> 8);
            size[1] = (unsigned char)m.length;
            (void)!send(fd, size, 2, MSG_NOSIGNAL | MSG_MORE);
            (void)!send(fd, m.data, m.length, MSG_NOSIGNAL);
        }
        atomic_fetch_add(&server->count, 1);
    }
    close(fd);
}

static void *server_main(void *context)
{
    struct fake_dns_server *server = context;
    struct pollfd fds[3] = {{.fd = server->stop[0], .events = POLLIN},
                            {.fd = server->udp, .events = POLLIN},
                            {.fd = server->tcp, .events = POLLIN}};

    while (poll(fds, 3, -1) >= 0 && fds[0].revents == 0) {
        if (fds[1].revents != 0)
            serve_udp(server);
        if (fds[2].revents != 0)
            serve_tcp(server);
    }
    return NULL;
}

/* UDP and TCP on one port. */
static bool bind_both(struct fake_dns_server *server)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(at);

    server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(server->udp, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        getsockname(server->udp, (struct sockaddr *)&at, &length) == 0 &&
        bind(server->tcp, (struct sockaddr *)&at, sizeof(at)) == 0 &&
        listen(server->tcp, 64) == 0) {
        snprintf(server->address, sizeof(server->address), "127.0.0.1@%u",
                 (unsigned)ntohs(at.sin_port));
        return true;
    }
    close(server->udp);
    close(server->tcp);
    return false;
}

struct fake_dns_server *fake_dns_server_start(void)
{
    struct fake_dns_server *server = base_mem_alloc_zero(1, sizeof(*server));
    int tries = 0;
    int size = 4 << 20;

    while (!bind_both(server))
        if (++tries == 100)
            base_panic("fake_dns_server: no port on 127.0.0.1");
    /* Many questions at once must not be lost: a lost one is asked again only after a while. */
    setsockopt(server->udp, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (pipe(server->stop) != 0 || pthread_create(&server->thread, NULL, server_main, server) != 0)
        base_panic("fake_dns_server: no pipe or thread");
    return server;
}

void fake_dns_server_stop(struct fake_dns_server **server)
{
    struct fake_dns_server *old = *server;

    *server = NULL;
    (void)!write(old->stop[1], "", 1);
    pthread_join(old->thread, NULL);
    close(old->stop[0]);
    close(old->stop[1]);
    close(old->udp);
    close(old->tcp);
    base_mem_free(old);
}

const char *fake_dns_server_address(const struct fake_dns_server *server)
{
    return server->address;
}

unsigned fake_dns_server_count(const struct fake_dns_server *server)
{
    return atomic_load(&server->count);
}
