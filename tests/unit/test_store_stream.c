/* store/stream over TLS: whose certificates are good, and what a server says unasked. A server of
 * the test's own answers. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "store/stream.h"

/* What the server does after the handshake. */
enum act {
    /* Waits until the client hangs up. */
    ACT_WAIT,
    /* Answers one octet with itself, then as above. */
    ACT_ECHO,
    /* Speaks without a question. */
    ACT_SPEAK,
    /* Says that it is done. */
    ACT_CLOSE,
    /* Accepts the connection, and says nothing at all. */
    ACT_SILENCE,
};

struct server {
    SSL_CTX *context;
    char ca_file[64];
    int fd;
    uint16_t port;
    enum act act;
    pthread_t thread;
};

static X509 *make_certificate(EVP_PKEY *key, const char *names)
{
    X509 *certificate = X509_new();
    X509_NAME *name = X509_get_subject_name(certificate);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, names);

    assert_non_null(extension);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_version(certificate, 2);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"cn.test", -1, -1,
                               0);
    X509_set_issuer_name(certificate, name);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static int setup(void **state)
{
    static struct server server;
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof(address);
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = make_certificate(key, "DNS:redis.test,DNS:*.wild.test,IP:127.0.0.1");
    int fd;

    (void)signal(SIGPIPE, SIG_IGN);
    memset(&server, 0, sizeof(server));
    strcpy(server.ca_file, "/tmp/postseal-test-XXXXXX");
    fd = mkstemp(server.ca_file);
    assert_true(fd >= 0);
    FILE *file = fdopen(fd, "w");

    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
    server.context = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server.context, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server.context, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    server.fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, length), 0);
    assert_int_equal(listen(server.fd, 4), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &length), 0);
    server.port = ntohs(address.sin_port);
    *state = &server;
    return 0;
}

static int teardown(void **state)
{
    struct server *server = *state;

    SSL_CTX_free(server->context);
    (void)close(server->fd);
    (void)unlink(server->ca_file);
    return 0;
}

static void play(SSL *ssl, enum act act)
{
    char octet = 'x';

    if (act == ACT_ECHO && SSL_read(ssl, &octet, 1) == 1)
        (void)SSL_write(ssl, &octet, 1);
    if (act == ACT_SPEAK)
        (void)SSL_write(ssl, &octet, 1);
    if (act == ACT_CLOSE)
        (void)SSL_shutdown(ssl);
    else
        (void)SSL_read(ssl, &octet, 1);
}

static void *serve(void *context)
{
    struct server *server = context;
    int fd = accept(server->fd, NULL, NULL);
    SSL *ssl = SSL_new(server->context);
    char octet;

    if (server->act == ACT_SILENCE) {
        (void)recv(fd, &octet, 1, MSG_PEEK);
        while (recv(fd, &octet, 1, 0) == 1)
            continue;
    } else if (SSL_set_fd(ssl, fd) == 1 && SSL_accept(ssl) == 1) {
        play(ssl, server->act);
    }
    SSL_free(ssl);
    (void)close(fd);
    return NULL;
}

static int64_t soon(int64_t ns)
{
    const struct base_clock clock = base_clock_system();

    return base_clock_mono_ns(&clock) + ns;
}

/* Connects to the one connection that the server takes; `name` is what the client asks for. */
static bool open_stream(struct server *server, enum act act, const char *name, const char *ca_file,
                        int64_t wait_ns, struct store_stream *stream)
{
    struct store_address address;
    struct base_error error;
    struct store_tls *tls = store_tls_create(ca_file, name, &error);
    bool is_open;

    assert_non_null(tls);
    assert_int_equal(store_address_resolve("127.0.0.1", server->port, &address, 1), 1);
    server->act = act;
    assert_int_equal(pthread_create(&server->thread, NULL, serve, server), 0);
    is_open = store_stream_open(stream, &address, tls, soon(wait_ns));
    store_tls_destroy(&tls);
    return is_open;
}

static void wait_for_input(const struct store_stream *stream)
{
    struct pollfd item = {.fd = stream->fd, .events = POLLIN};

    assert_int_equal(poll(&item, 1, 10000), 1);
}

static void test_names(void **state)
{
    static const struct {
        const char *name;
        bool want;
    } cases[] = {
        {"redis.test", true},
        {"REDIS.test", true},
        {"127.0.0.1", true},
        {"a.wild.test", true},
        {"other.test", false},
        {"a.redis.test", false},
        {"127.0.0.2", false},
        {"wild.test", false},
        {"a.b.wild.test", false},
        {"::1", false},
        {"redis.test.org", false},
        /* There are other names, so that this one does not count. */
        {"cn.test", false},
    };
    struct server *server = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_stream stream;
        bool is_open = open_stream(server, ACT_WAIT, cases[i].name, server->ca_file,
                                   10 * BASE_NS_PER_S, &stream);

        if (is_open != cases[i].want)
            fail_msg("%s", cases[i].name);
        if (is_open)
            store_stream_close(&stream);
        assert_int_equal(pthread_join(server->thread, NULL), 0);
    }
}

/* Nobody whom the system trusts has signed it. */
static void test_unknown_issuer(void **state)
{
    struct server *server = *state;
    struct store_stream stream;

    assert_false(open_stream(server, ACT_WAIT, "redis.test", NULL, 10 * BASE_NS_PER_S, &stream));
    assert_int_equal(pthread_join(server->thread, NULL), 0);
}

static void test_handshake_in_time(void **state)
{
    struct server *server = *state;
    struct store_stream stream;

    assert_false(open_stream(server, ACT_SILENCE, "redis.test", server->ca_file,
                             50 * BASE_NS_PER_MS, &stream));
    assert_int_equal(pthread_join(server->thread, NULL), 0);
}

/* Session tickets are no noise; an answer to nothing is, and so is an end. */
static void test_quiet(void **state)
{
    struct server *server = *state;
    struct store_stream stream;
    char octet = 'q';

    assert_true(
        open_stream(server, ACT_ECHO, "redis.test", server->ca_file, 10 * BASE_NS_PER_S, &stream));
    wait_for_input(&stream);
    assert_true(store_stream_is_quiet(&stream));
    assert_true(store_stream_write(&stream, &octet, 1, soon(10 * BASE_NS_PER_S)));
    octet = 0;
    assert_int_equal(store_stream_read(&stream, &octet, 1, soon(10 * BASE_NS_PER_S)), 1);
    assert_int_equal(octet, 'q');
    assert_true(store_stream_is_quiet(&stream));
    store_stream_close(&stream);
    assert_int_equal(pthread_join(server->thread, NULL), 0);

    assert_true(
        open_stream(server, ACT_SPEAK, "redis.test", server->ca_file, 10 * BASE_NS_PER_S, &stream));
    /* The tickets and the octet come one behind the other. */
    for (unsigned i = 0; i < 1000 && store_stream_is_quiet(&stream); i++)
        wait_for_input(&stream);
    assert_false(store_stream_is_quiet(&stream));
    store_stream_close(&stream);
    assert_int_equal(pthread_join(server->thread, NULL), 0);

    assert_true(
        open_stream(server, ACT_CLOSE, "redis.test", server->ca_file, 10 * BASE_NS_PER_S, &stream));
    assert_int_equal(pthread_join(server->thread, NULL), 0);
    assert_false(store_stream_is_quiet(&stream));
    store_stream_close(&stream);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_names),
        TEST(test_unknown_issuer),
        TEST(test_handshake_in_time),
        TEST(test_quiet),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
