/* conf/daemon: the daemon's own options, what must fit together, and sockets. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>
#include <syslog.h>

#include "base/log.h"
#include "conf/daemon.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct conf_snapshot *read_text(const char *text, struct base_error *error)
{
    static const struct conf_table *const tables[] = {&conf_daemon_table};
    error->text[0] = '\0';
    return conf_read_text(text, "d.conf", tables, 1, error);
}

static void test_defaults(void **state)
{
    struct base_error error;
    struct conf_snapshot *snapshot = read_text("", &error);
    (void)state;
    assert_string_equal(error.text, "");
    assert_non_null(snapshot);
    const struct conf_daemon *daemon = conf_daemon_get(snapshot);
    assert_string_equal(daemon->listen, "unix:/var/spool/postfix/postseal/postseal.sock");
    assert_int_equal(daemon->listen_mode, 0660);
    assert_string_equal(daemon->listen_group, "postfix");
    assert_false(daemon->listen_exposed);
    assert_string_equal(daemon->user, "postseal");
    assert_string_equal(daemon->group, "postseal");
    assert_string_equal(daemon->pid_file, "/run/postseal/postseald.pid");
    assert_string_equal(daemon->state_dir, "/var/lib/postseal");
    assert_null(daemon->control_group);
    assert_int_equal(daemon->log_target, BASE_LOG_SYSLOG);
    assert_int_equal(daemon->log_format, BASE_LOG_TEXT);
    assert_int_equal(daemon->log_level, BASE_LOG_INFO);
    assert_int_equal(conf_daemon_facility(daemon), LOG_MAIL);
    assert_int_equal(daemon->memory_max, 256 << 20);
    assert_int_equal(daemon->sessions_max, 2000);
    assert_int_equal(daemon->mta_timeout, 7200000);
    assert_int_equal(daemon->shutdown_timeout, 30000);
    assert_int_equal(daemon->nameservers.count, 0);
    assert_null(daemon->trust_anchor);
    assert_int_equal(daemon->dns_timeout_envelope, 7000);
    assert_int_equal(daemon->dns_timeout, 20000);
    assert_int_equal(daemon->dns_questions, 400);
    conf_snapshot_unref(&snapshot);
}

/* The words stand in the order of the enums and of syslog's codes. */
static void test_words(void **state)
{
    struct base_error error;
    (void)state;
    struct conf_snapshot *snapshot = read_text(
        "log-target = stderr log-format = json log-level = error log-facility = local7", &error);
    assert_non_null(snapshot);
    const struct conf_daemon *daemon = conf_daemon_get(snapshot);
    assert_int_equal(daemon->log_target, BASE_LOG_STDERR);
    assert_int_equal(daemon->log_format, BASE_LOG_JSON);
    assert_int_equal(daemon->log_level, BASE_LOG_ERROR);
    assert_int_equal(conf_daemon_facility(daemon), LOG_LOCAL7);
    conf_snapshot_unref(&snapshot);
    snapshot = read_text("log-level = debug log-facility = authpriv", &error);
    assert_non_null(snapshot);
    assert_int_equal(conf_daemon_get(snapshot)->log_level, BASE_LOG_DEBUG);
    assert_int_equal(conf_daemon_facility(conf_daemon_get(snapshot)), LOG_AUTHPRIV);
    conf_snapshot_unref(&snapshot);
    snapshot = read_text("log-level = warning log-facility = uucp", &error);
    assert_non_null(snapshot);
    assert_int_equal(conf_daemon_get(snapshot)->log_level, BASE_LOG_WARNING);
    assert_int_equal(conf_daemon_facility(conf_daemon_get(snapshot)), LOG_UUCP);
    conf_snapshot_unref(&snapshot);
}

static void test_checks(void **state)
{
    static const struct {
        const char *text;
        /* NULL: good. */
        const char *want;
    } cases[] = {
        {"listen = \"inet:8891@127.0.0.1\"", NULL},
        {"listen = inet:8891@localhost", NULL},
        {"listen = inet6:8891@::1", NULL},
        {"\nlisten = \"inet:8891@192.0.2.1\"", "d.conf:2: listen: \"inet:8891@192.0.2.1\" can be"},
        {"listen = inet:8891", "listen-exposed = yes"},
        {"listen = inet:8891@0.0.0.0", "listen-exposed = yes"},
        {"listen = inet6:8891@::", "listen-exposed = yes"},
        {"listen = inet:8891@192.0.2.1 listen-exposed = yes", NULL},
        {"listen = /run/x.sock", "d.conf:1: listen: \"/run/x.sock\" is no socket"},
        {"listen = { \"unix:/a\", \"unix:/b\" }", "listen takes one value"},
        {"user = \"\"", "user: \"\" must not be empty"},
        {"pid-file = run/x.pid", "pid-file: \"run/x.pid\" must be a whole path"},
        {"state-dir = state", "state-dir: \"state\" must be a whole path"},
        {"state-dir = /2345678901234567890123456789012345678901234567890"
         "12345678901234567890123456789012345678901234567890",
         "d.conf:1: state-dir: "},
        {"state-dir = /2345678901234567890123456789012345678901234567890"
         "1234567890123456789012345678901234567890123456789",
         NULL},
        {"control-group = \"\"", "control-group: \"\" must not be empty"},
        {"trust-anchor = root.key", "trust-anchor: \"root.key\" must be a whole path"},
        {"trust-anchor = /usr/share/dns/root.key", NULL},
        {"nameservers = { 192.0.2.1, \"2001:db8::1\", 127.0.0.1@5353 }", NULL},
        {"nameservers = {\n192.0.2.1,\nns.example.org }", "d.conf:3: nameservers: \"ns.example"},
        {"nameservers = 192.0.2.1@0", "is no address"},
        {"nameservers = 192.0.2.1@65536", "is no address"},
        {"nameservers = 192.0.2.1@", "is no address"},
        {"nameservers = \"\"", "is no address"},
        {"dns-timeout-envelope = 20s", NULL},
        {"\ndns-timeout-envelope = 21s", "d.conf:2: dns-timeout-envelope"},
        {"dns-timeout = 6999ms", "d.conf:1: dns-timeout-envelope"},
        {"dns-timeout = 7s", NULL},
        {"mta-timeout = 10500ms", "whole seconds"},
        {"mta-timeout = 9s", "from 10s to 1d"},
        {"memory-max = 15MiB", "from 16MiB to 1TiB"},
        {"sessions-max = 0", "from 1 to 100000"},
        {"dns-questions = 9", "from 10 to 10000"},
        {"log-facility = kern", "\"kern\" is not one of mail, daemon"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct base_error error;
        struct conf_snapshot *snapshot = read_text(cases[i].text, &error);
        if ((snapshot != NULL) != (cases[i].want == NULL) ||
            (snapshot == NULL && strstr(error.text, cases[i].want) == NULL))
            fail_msg("%s: %s", cases[i].text, error.text);
        conf_snapshot_unref(&snapshot);
    }
}

static void test_socket(void **state)
{
    static const struct {
        const char *text;
        enum conf_socket_kind kind;
        const char *host;
        uint16_t port;
        bool is_loopback;
    } cases[] = {
        {"unix:/a", CONF_SOCKET_UNIX, "/a", 0, true},
        {"inet:1", CONF_SOCKET_INET, "", 1, false},
        {"inet:1@", CONF_SOCKET_INET, "", 1, false},
        {"inet:65535@127.1.2.3", CONF_SOCKET_INET, "127.1.2.3", 65535, true},
        {"inet:25@[127.0.0.1]", CONF_SOCKET_INET, "[127.0.0.1]", 25, true},
        {"inet:25@LocalHost", CONF_SOCKET_INET, "LocalHost", 25, true},
        {"inet:25@localhost.example", CONF_SOCKET_INET, "localhost.example", 25, false},
        {"inet:25@127.0.0.1.example", CONF_SOCKET_INET, "127.0.0.1.example", 25, false},
        {"inet:25@128.0.0.1", CONF_SOCKET_INET, "128.0.0.1", 25, false},
        {"inet6:25@::1", CONF_SOCKET_INET6, "::1", 25, true},
        {"inet6:25@[::1]", CONF_SOCKET_INET6, "[::1]", 25, true},
        {"inet6:25@[IPv6:::1]", CONF_SOCKET_INET6, "[IPv6:::1]", 25, true},
        {"inet6:25@2001:db8::1", CONF_SOCKET_INET6, "2001:db8::1", 25, false},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conf_socket got;
        struct base_error error;
        assert_true(conf_socket_parse(cases[i].text, &got, &error));
        assert_int_equal(got.kind, cases[i].kind);
        assert_string_equal(got.host, cases[i].host);
        assert_int_equal(got.port, cases[i].port);
        assert_int_equal(got.is_loopback, cases[i].is_loopback);
    }
}

static void test_bad_sockets(void **state)
{
    static const char *const cases[] = {
        "",           "unix",      "unix:",         "unix:a",   "/a",      "local:/a",
        "inet",       "inet:",     "inet:@host",    "inet:0@h", "inet:-1", "inet:65536",
        "inet:x@h",   "inet: 1@h", "inet:1@h@h",    "inet6:",   "inet6:a", "inet4:1@h",
        "INET:1@::1", "UNIX:/a",   "8891@localhost"};
    struct conf_socket got;
    struct base_error error;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        error.text[0] = '\0';
        if (conf_socket_parse(cases[i], &got, &error))
            fail_msg("%s", cases[i]);
        assert_string_not_equal(error.text, "");
    }
}

/* sun_path holds 107 octets and a NUL, our host 255 and a NUL. */
static void test_longest(void **state)
{
    char text[400] = "unix:/";
    struct conf_socket got;
    struct base_error error;
    (void)state;
    memset(text + 6, 'a', 106);
    assert_true(conf_socket_parse(text, &got, &error));
    text[6 + 106] = 'a';
    assert_false(conf_socket_parse(text, &got, &error));
    assert_non_null(strstr(error.text, "at most 107"));
    memset(text, 0, sizeof(text));
    memcpy(text, "inet:1@", 7);
    memset(text + 7, 'a', 255);
    assert_true(conf_socket_parse(text, &got, &error));
    text[7 + 255] = 'a';
    assert_false(conf_socket_parse(text, &got, &error));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),    cmocka_unit_test(test_words),
        cmocka_unit_test(test_checks),      cmocka_unit_test(test_socket),
        cmocka_unit_test(test_bad_sockets), cmocka_unit_test(test_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
