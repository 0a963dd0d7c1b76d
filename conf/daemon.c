#include "conf/daemon.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>

#include "conf/words.h"

#define MIB INT64_C(1048576)
#define S   INT64_C(1000)
#define MIN (60 * S)
#define H   (60 * MIN)

/* In the order of enum base_log_target, base_log_format, base_log_level. */
static const char *const log_targets[] = {"stderr", "syslog", NULL};
static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warning", "error", NULL};
static const char *const log_facilities[] = {"mail",   "daemon", "user",   "auth",   "authpriv",
                                             "cron",   "ftp",    "lpr",    "news",   "syslog",
                                             "uucp",   "local0", "local1", "local2", "local3",
                                             "local4", "local5", "local6", "local7", NULL};
static const int facility_codes[] = {LOG_MAIL,   LOG_DAEMON, LOG_USER,   LOG_AUTH,   LOG_AUTHPRIV,
                                     LOG_CRON,   LOG_FTP,    LOG_LPR,    LOG_NEWS,   LOG_SYSLOG,
                                     LOG_UUCP,   LOG_LOCAL0, LOG_LOCAL1, LOG_LOCAL2, LOG_LOCAL3,
                                     LOG_LOCAL4, LOG_LOCAL5, LOG_LOCAL6, LOG_LOCAL7};

_Static_assert(sizeof(log_facilities) / sizeof(log_facilities[0]) ==
                   sizeof(facility_codes) / sizeof(facility_codes[0]) + 1,
               "a code for each facility");

#define FIELD(field) offsetof(struct conf_daemon, field)

static const struct conf_option options[] = {
    {.name = "listen",
     .type = CONF_STRING,
     .offset = FIELD(listen),
     .fallback = "unix:/var/spool/postfix/postseal/postseal.sock"},
    {.name = "listen-mode", .type = CONF_MODE, .offset = FIELD(listen_mode), .fallback = "0660"},
    {.name = "listen-group",
     .type = CONF_STRING,
     .offset = FIELD(listen_group),
     .fallback = "postfix"},
    {.name = "listen-exposed",
     .type = CONF_BOOL,
     .offset = FIELD(listen_exposed),
     .fallback = "no"},
    {.name = "user", .type = CONF_STRING, .offset = FIELD(user), .fallback = "postseal"},
    {.name = "group", .type = CONF_STRING, .offset = FIELD(group), .fallback = "postseal"},
    {.name = "pid-file",
     .type = CONF_STRING,
     .offset = FIELD(pid_file),
     .fallback = "/run/postseal/postseald.pid"},
    {.name = "state-dir",
     .type = CONF_STRING,
     .offset = FIELD(state_dir),
     .fallback = "/var/lib/postseal"},
    {.name = "control-group", .type = CONF_STRING, .offset = FIELD(control_group)},
    {.name = "log-target",
     .type = CONF_WORD,
     .offset = FIELD(log_target),
     .fallback = "syslog",
     .words = log_targets},
    {.name = "log-format",
     .type = CONF_WORD,
     .offset = FIELD(log_format),
     .fallback = "text",
     .words = log_formats},
    {.name = "log-level",
     .type = CONF_WORD,
     .offset = FIELD(log_level),
     .fallback = "info",
     .words = log_levels},
    {.name = "log-facility",
     .type = CONF_WORD,
     .offset = FIELD(log_facility),
     .fallback = "mail",
     .words = log_facilities},
    {.name = "memory-max",
     .type = CONF_SIZE,
     .offset = FIELD(memory_max),
     .fallback = "256MiB",
     .min = 16 * MIB,
     .max = 1024 * 1024 * MIB},
    {.name = "sessions-max",
     .type = CONF_INT,
     .offset = FIELD(sessions_max),
     .fallback = "2000",
     .min = 1,
     .max = 100000},
    {.name = "mta-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(mta_timeout),
     .fallback = "2h",
     .min = 10 * S,
     .max = 24 * H},
    {.name = "shutdown-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(shutdown_timeout),
     .fallback = "30s",
     .min = 1 * S,
     .max = 10 * MIN},
    {.name = "nameservers", .type = CONF_LIST, .offset = FIELD(nameservers)},
    {.name = "trust-anchor", .type = CONF_STRING, .offset = FIELD(trust_anchor)},
    {.name = "dns-timeout-envelope",
     .type = CONF_DURATION,
     .offset = FIELD(dns_timeout_envelope),
     .fallback = "7s",
     .min = 100,
     .max = 25 * S},
    {.name = "dns-timeout",
     .type = CONF_DURATION,
     .offset = FIELD(dns_timeout),
     .fallback = "20s",
     .min = 100,
     .max = 4 * MIN},
    {.name = "dns-questions",
     .type = CONF_INT,
     .offset = FIELD(dns_questions),
     .fallback = "400",
     .min = 10,
     .max = 10000},
};

static bool check(struct conf_section *section, struct base_error *error_r);

const struct conf_table conf_daemon_table = {
    .struct_size = sizeof(struct conf_daemon),
    .options = options,
    .option_count = sizeof(options) / sizeof(options[0]),
    .check = check,
};

/* --- the socket ------------------------------------------------------------------------------- */

/* Without the brackets and the "IPv6:" that Sendmail writes around an address. */
static bool is_loopback(const char *host)
{
    char address[sizeof(((struct conf_socket *)NULL)->host)];
    struct in_addr v4;
    struct in6_addr v6;
    struct base_text text = base_text_of(host);
    if (text.length >= 2 && text.data[0] == '[' && text.data[text.length - 1] == ']') {
        text.data++;
        text.length -= 2;
    }
    if (base_text_starts_with_nocase(text, BASE_TEXT("IPv6:"))) {
        text.data += 5;
        text.length -= 5;
    }
    memcpy(address, text.data, text.length);
    address[text.length] = '\0';
    if (inet_pton(AF_INET, address, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    if (inet_pton(AF_INET6, address, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6);
    return base_text_equals_nocase(text, BASE_TEXT("localhost"));
}

static bool parse_unix(const char *path, struct conf_socket *socket_r, struct base_error *error_r)
{
    size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;
    if (path[0] != '/') {
        base_error_set(error_r,
                       "\"unix:%.200s\": write the whole path, as in "
                       "\"unix:/run/postseal/postseal.sock\"",
                       path);
        return false;
    }
    if (strlen(path) > most) {
        base_error_set(error_r,
                       "\"unix:%.200s\": the path of a socket has at most %zu octets, "
                       "this one has %zu",
                       path, most, strlen(path));
        return false;
    }
    socket_r->kind = CONF_SOCKET_UNIX;
    memcpy(socket_r->host, path, strlen(path) + 1);
    /* Nobody reaches it from another host. */
    socket_r->is_loopback = true;
    return true;
}

/* `text` is the whole value, `rest` what stands behind "inet:". */
static bool parse_inet(const char *text, const char *rest, struct conf_socket *socket_r,
                       struct base_error *error_r)
{
    struct base_text host = base_text_of(rest);
    struct base_text port = base_text_split(&host, '@');
    uint64_t number;
    if (!base_text_to_uint(port, UINT16_MAX, &number) || number == 0) {
        base_error_set(error_r,
                       "\"%.200s\": write the port, 1 to 65535, before the host, as in "
                       "\"inet:8891@127.0.0.1\"",
                       text);
        return false;
    }
    if (host.length >= sizeof(socket_r->host) ||
        (host.length > 0 && memchr(host.data, '@', host.length) != NULL)) {
        base_error_set(error_r, "\"%.200s\": no name of a host behind the '@'", text);
        return false;
    }
    socket_r->port = (uint16_t)number;
    if (host.length > 0)
        memcpy(socket_r->host, host.data, host.length);
    socket_r->is_loopback = is_loopback(socket_r->host);
    return true;
}

bool conf_socket_parse(const char *text, struct conf_socket *socket_r, struct base_error *error_r)
{
    memset(socket_r, 0, sizeof(*socket_r));
    if (strncmp(text, "unix:", 5) == 0)
        return parse_unix(text + 5, socket_r, error_r);
    if (strncmp(text, "inet:", 5) == 0) {
        socket_r->kind = CONF_SOCKET_INET;
        return parse_inet(text, text + 5, socket_r, error_r);
    }
    if (strncmp(text, "inet6:", 6) == 0) {
        socket_r->kind = CONF_SOCKET_INET6;
        return parse_inet(text, text + 6, socket_r, error_r);
    }
    base_error_set(error_r,
                   "\"%.200s\" is no socket: write \"unix:/path\", \"inet:PORT@HOST\" or "
                   "\"inet6:PORT@HOST\"",
                   text);
    return false;
}

/* --- what must fit together ------------------------------------------------------------------- */

static bool check_listen(const struct conf_section *section, const struct conf_daemon *daemon,
                         struct base_error *error_r)
{
    struct conf_socket socket;
    struct base_error fault;
    struct conf_where where = conf_section_where(section, "listen");
    if (!conf_socket_parse(daemon->listen, &socket, &fault)) {
        conf_error_at(error_r, where, "listen: %s", fault.text);
        return false;
    }
    if (!socket.is_loopback && !daemon->listen_exposed) {
        conf_error_at(error_r, where,
                      "listen: \"%.200s\" can be reached from other hosts, and the milter protocol "
                      "has no password: take \"unix:/path\" or a loopback address; or, behind a "
                      "firewall, add listen-exposed = yes",
                      daemon->listen);
        return false;
    }
    return true;
}

/* "192.0.2.1", "2001:db8::1", "192.0.2.1@5353". */
static bool is_nameserver(const char *text)
{
    char address[INET6_ADDRSTRLEN + 1] = "";
    unsigned char octets[sizeof(struct in6_addr)];
    uint64_t port;
    struct base_text rest = base_text_of(text);
    struct base_text host = base_text_split(&rest, '@');
    if (rest.data != NULL && (!base_text_to_uint(rest, UINT16_MAX, &port) || port == 0))
        return false;
    if (host.length >= sizeof(address))
        return false;
    memcpy(address, host.data, host.length);
    return inet_pton(AF_INET, address, octets) == 1 || inet_pton(AF_INET6, address, octets) == 1;
}

static bool check_dns(const struct conf_section *section, const struct conf_daemon *daemon,
                      struct base_error *error_r)
{
    for (size_t i = 0; i < daemon->nameservers.count; i++) {
        const struct conf_item *item = &daemon->nameservers.items[i];
        if (!is_nameserver(item->text)) {
            conf_error_at(error_r, item->where,
                          "nameservers: \"%.100s\" is no address: write an IPv4 or IPv6 address, "
                          "with \"@PORT\" behind it if the port is not 53",
                          item->text);
            return false;
        }
    }
    if (daemon->dns_timeout_envelope > daemon->dns_timeout) {
        struct conf_where where = conf_section_where(section, "dns-timeout-envelope");
        if (where.line == 0)
            where = conf_section_where(section, "dns-timeout");
        conf_error_at(error_r, where,
                      "dns-timeout-envelope (%lld ms) is longer than dns-timeout (%lld ms), of "
                      "which it is a part",
                      (long long)daemon->dns_timeout_envelope, (long long)daemon->dns_timeout);
        return false;
    }
    return true;
}

/* A name or path that has no meaning when it is empty, or a path that depends on where the daemon
 * was started. */
static bool check_texts(const struct conf_section *section, const struct conf_daemon *daemon,
                        struct base_error *error_r)
{
    const struct {
        const char *name;
        const char *value;
        bool is_path;
    } texts[] = {
        {"listen-group", daemon->listen_group, false},
        {"user", daemon->user, false},
        {"group", daemon->group, false},
        {"pid-file", daemon->pid_file, true},
        {"state-dir", daemon->state_dir, true},
        {"control-group", daemon->control_group, false},
        {"trust-anchor", daemon->trust_anchor, true},
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *value = texts[i].value;
        if (value == NULL || (texts[i].is_path ? value[0] == '/' : value[0] != '\0'))
            continue;
        conf_error_at(error_r, conf_section_where(section, texts[i].name),
                      texts[i].is_path ? "%s: \"%.200s\" must be a whole path, one that begins "
                                         "with '/'"
                                       : "%s: \"%.200s\" must not be empty",
                      texts[i].name, value);
        return false;
    }
    return true;
}

/* The control socket lies in it. */
static bool check_state_dir(const struct conf_section *section, const struct conf_daemon *daemon,
                            struct base_error *error_r)
{
    size_t most = sizeof(((struct sockaddr_un *)NULL)->sun_path) - sizeof("/" CONF_CONTROL_NAME);
    if (strlen(daemon->state_dir) <= most)
        return true;
    conf_error_at(error_r, conf_section_where(section, "state-dir"),
                  "state-dir: \"%.200s\": a socket lies in it, so that its path has at most %zu "
                  "octets, this one has %zu",
                  daemon->state_dir, most, strlen(daemon->state_dir));
    return false;
}

static bool check_mta_timeout(const struct conf_section *section, const struct conf_daemon *daemon,
                              struct base_error *error_r)
{
    if (daemon->mta_timeout % S == 0)
        return true;
    conf_error_at(error_r, conf_section_where(section, "mta-timeout"),
                  "mta-timeout: write whole seconds");
    return false;
}

static bool check(struct conf_section *section, struct base_error *error_r)
{
    const struct conf_daemon *daemon = section->values;
    return check_texts(section, daemon, error_r) && check_listen(section, daemon, error_r) &&
           check_state_dir(section, daemon, error_r) &&
           check_mta_timeout(section, daemon, error_r) && check_dns(section, daemon, error_r);
}

const struct conf_daemon *conf_daemon_get(const struct conf_snapshot *snapshot)
{
    return conf_snapshot_top(snapshot, &conf_daemon_table)->values;
}

int conf_daemon_facility(const struct conf_daemon *daemon)
{
    return facility_codes[daemon->log_facility];
}
