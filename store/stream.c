/* Sockets that never block, and poll(2) up to the deadline. */
#include "store/stream.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct store_tls {
    SSL_CTX *context;
    char *name;
};

bool store_address_unix(const char *path, struct store_address *address_r)
{
    struct sockaddr_un *address = (struct sockaddr_un *)&address_r->storage;

    memset(address_r, 0, sizeof(*address_r));
    if (strlen(path) >= sizeof(address->sun_path))
        return false;
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, path, strlen(path) + 1);
    address_r->length = sizeof(*address);
    return true;
}

static size_t resolve(const char *host, uint16_t port, int flags, struct store_address *addresses_r,
                      size_t max)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV | flags};
    struct addrinfo *list = NULL;
    size_t count = 0;
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    if (getaddrinfo(host, service, &hints, &list) != 0)
        return 0;
    for (const struct addrinfo *it = list; it != NULL && count < max; it = it->ai_next) {
        memset(&addresses_r[count], 0, sizeof(addresses_r[count]));
        memcpy(&addresses_r[count].storage, it->ai_addr, it->ai_addrlen);
        addresses_r[count++].length = it->ai_addrlen;
    }
    freeaddrinfo(list);
    return count;
}

size_t store_address_resolve(const char *host, uint16_t port, struct store_address *addresses_r,
                             size_t max)
{
    return resolve(host, port, 0, addresses_r, max);
}

bool store_address_parse(struct base_text text, uint16_t port, struct store_address *address_r)
{
    char host[64];

    if (text.length == 0 || text.length >= sizeof(host))
        return false;
    memcpy(host, text.data, text.length);
    host[text.length] = '\0';
    return strlen(host) == text.length && resolve(host, port, AI_NUMERICHOST, address_r, 1) == 1;
}

struct store_tls *store_tls_create(const char *ca_file, const char *name,
                                   struct base_error *error_r)
{
    struct store_tls *tls = base_mem_alloc_zero(1, sizeof(*tls));
    bool is_good;

    tls->context = SSL_CTX_new(TLS_client_method());
    tls->name = base_mem_strdup(name);
    is_good = tls->context != NULL &&
              SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION) == 1 &&
              (ca_file == NULL ? SSL_CTX_set_default_verify_paths(tls->context)
                               : SSL_CTX_load_verify_file(tls->context, ca_file)) == 1;
    if (!is_good) {
        base_error_set(error_r, "%s: no certificates can be read: %s",
                       ca_file == NULL ? "the system's certificates" : ca_file,
                       ERR_reason_error_string(ERR_peek_last_error()));
        ERR_clear_error();
        store_tls_destroy(&tls);
        return NULL;
    }
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(tls->context,
                     SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return tls;
}

void store_tls_destroy(struct store_tls **tls)
{
    if (*tls == NULL)
        return;
    SSL_CTX_free((*tls)->context);
    base_mem_free((*tls)->name);
    base_mem_free(*tls);
    *tls = NULL;
}

/* False: the deadline has passed. */
static bool wait_for(const struct store_stream *stream, short events, int64_t deadline_ns)
{
    struct base_clock clock = base_clock_system();
    struct pollfd item = {.fd = stream->fd, .events = events};
    int count;

    do {
        int64_t left_ns = deadline_ns - base_clock_mono_ns(&clock);

        if (left_ns <= 0)
            return false;
        count = poll(&item, 1, (int)(left_ns / BASE_NS_PER_MS) + 1);
    } while (count < 0 && errno == EINTR);
    return count > 0;
}

/* What TLS waits for before it can go on; 0: it has failed. */
static short wanted_events(const struct store_stream *stream, int status)
{
    int error = SSL_get_error(stream->ssl, status);

    if (error == SSL_ERROR_WANT_READ)
        return POLLIN;
    if (error == SSL_ERROR_WANT_WRITE)
        return POLLOUT;
    ERR_clear_error();
    return 0;
}

static bool shake_hands(struct store_stream *stream, struct store_tls *tls, int64_t deadline_ns)
{
    SSL *ssl = SSL_new(tls->context);
    int status;

    stream->ssl = ssl;
    if (ssl == NULL || SSL_set_fd(ssl, stream->fd) != 1)
        return false;
    /* An address has no server name indication, and is looked for among the addresses. */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), tls->name) != 1) {
        ERR_clear_error();
        if (SSL_set1_host(ssl, tls->name) != 1 || SSL_set_tlsext_host_name(ssl, tls->name) != 1)
            return false;
    }
    /* What others left in the thread's queue of errors (a signature that was not good) would be
     * taken for a fault of this connection: here and below. */
    ERR_clear_error();
    while ((status = SSL_connect(ssl)) != 1) {
        short events = wanted_events(stream, status);

        if (events == 0 || !wait_for(stream, events, deadline_ns))
            return false;
    }
    return true;
}

static bool is_connected(const struct store_stream *stream)
{
    int error = 0;
    socklen_t length = sizeof(error);

    return getsockopt(stream->fd, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0;
}

bool store_stream_open(struct store_stream *stream, const struct store_address *address,
                       struct store_tls *tls, int64_t deadline_ns)
{
    int family = address->storage.ss_family;
    int one = 1;
    bool is_open;

    stream->ssl = NULL;
    stream->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (stream->fd < 0)
        return false;
    if (family != AF_UNIX)
        (void)setsockopt(stream->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    is_open = connect(stream->fd, (const struct sockaddr *)&address->storage, address->length) == 0;
    /* A unix socket whose backlog is full says EAGAIN: it is as if it were down. */
    if (!is_open && errno == EINPROGRESS)
        is_open = wait_for(stream, POLLOUT, deadline_ns) && is_connected(stream);
    if (is_open && tls != NULL)
        is_open = shake_hands(stream, tls, deadline_ns);
    if (!is_open)
        store_stream_close(stream);
    return is_open;
}

bool store_stream_write(struct store_stream *stream, const void *data, size_t length,
                        int64_t deadline_ns)
{
    const char *at = data;

    while (length > 0) {
        short events = POLLOUT;
        ssize_t written;

        if (stream->ssl != NULL) {
            int status;

            ERR_clear_error();
            status = SSL_write(stream->ssl, at, length > 16384 ? 16384 : (int)length);

            written = status;
            events = status > 0 ? 0 : wanted_events(stream, status);
            if (status <= 0 && events == 0)
                return false;
        } else {
            written = send(stream->fd, at, length, MSG_NOSIGNAL);
            if (written < 0 && errno != EAGAIN && errno != EINTR)
                return false;
        }
        if (written > 0) {
            at += written;
            length -= (size_t)written;
        } else if (!wait_for(stream, events, deadline_ns)) {
            return false;
        }
    }
    return true;
}

size_t store_stream_read(struct store_stream *stream, void *data, size_t size, int64_t deadline_ns)
{
    for (;;) {
        short events = POLLIN;
        ssize_t count;

        if (stream->ssl != NULL) {
            int status;

            ERR_clear_error();
            status = SSL_read(stream->ssl, data, size > 65536 ? 65536 : (int)size);

            count = status;
            events = status > 0 ? 0 : wanted_events(stream, status);
            if (status <= 0 && events == 0)
                return 0;
        } else {
            count = recv(stream->fd, data, size, 0);
            if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
                return 0;
        }
        if (count > 0)
            return (size_t)count;
        if (!wait_for(stream, events, deadline_ns))
            return 0;
    }
}

/* TLS sends what is no answer (session tickets): it is taken on the way, and only what an answer
 * would be is noise. */
static bool is_tls_quiet(const struct store_stream *stream)
{
    char octet;
    int status;

    ERR_clear_error();
    status = SSL_peek(stream->ssl, &octet, 1);
    return status <= 0 && wanted_events(stream, status) == POLLIN;
}

bool store_stream_is_quiet(const struct store_stream *stream)
{
    struct pollfd item = {.fd = stream->fd, .events = POLLIN | POLLRDHUP};
    int count = poll(&item, 1, 0);

    if (stream->ssl != NULL)
        return (count == 0 || (item.revents & (POLLHUP | POLLRDHUP | POLLERR)) == 0) &&
               is_tls_quiet(stream);
    return count == 0;
}

void store_stream_close(struct store_stream *stream)
{
    if (stream->ssl != NULL)
        SSL_free(stream->ssl);
    stream->ssl = NULL;
    if (stream->fd >= 0)
        (void)close(stream->fd);
    stream->fd = -1;
}
