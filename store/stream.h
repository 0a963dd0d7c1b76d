/* A byte stream to a server, TCP or a unix socket, with or without TLS, on which nothing waits past
 * a deadline: connecting, the handshake, writing and reading share the one that each call is given
 * (base_clock_mono_ns() of the system's clock). One thread at a time a stream. Names are resolved
 * before (store_address_resolve()), never here. */
#ifndef STORE_STREAM_H
#define STORE_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/text.h"

struct store_tls;

struct store_address {
    struct sockaddr_storage storage;
    socklen_t length;
};

/* Of a unix socket; false: the path is too long. */
bool store_address_unix(const char *path, struct store_address *address_r);
/* An address in numbers; false: it is none. */
bool store_address_parse(struct base_text text, uint16_t port, struct store_address *address_r);
/* May wait for DNS. The addresses of the host, `max` at most; how many. */
size_t store_address_resolve(const char *host, uint16_t port, struct store_address *addresses_r,
                             size_t max);

/* Certificates are checked against `ca_file` (NULL: the system's) and the name; TLS 1.2 at least.
 * NULL and *error_r on a fault. Thread-safe once it is there. */
__attribute__((warn_unused_result)) struct store_tls *store_tls_create(const char *ca_file,
                                                                       const char *name,
                                                                       struct base_error *error_r);
/* Sets *tls to NULL; NULL inside is fine. */
void store_tls_destroy(struct store_tls **tls);

struct store_stream {
    int fd;
    /* NULL: without TLS. */
    void *ssl;
};

/* `tls` may be NULL. Closed again when it fails. */
__attribute__((warn_unused_result)) bool store_stream_open(struct store_stream *stream,
                                                           const struct store_address *address,
                                                           struct store_tls *tls,
                                                           int64_t deadline_ns);
__attribute__((warn_unused_result)) bool store_stream_write(struct store_stream *stream,
                                                            const void *data, size_t length,
                                                            int64_t deadline_ns);
/* At least one octet; 0: the end, a fault or the deadline. */
__attribute__((warn_unused_result)) size_t store_stream_read(struct store_stream *stream,
                                                             void *data, size_t size,
                                                             int64_t deadline_ns);
/* Nothing is there to be read that nobody asked for, and the server has not hung up. */
bool store_stream_is_quiet(const struct store_stream *stream);
/* Idempotent. */
void store_stream_close(struct store_stream *stream);

#endif
