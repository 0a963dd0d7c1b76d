/* The options that are the daemon's own and know nothing of mail: socket, user, log, memory, DNS.
 * Here and not in filter/, because `postseal check` reads them too. */
#ifndef CONF_DAEMON_H
#define CONF_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/conf.h"

/* The control socket's name in `state-dir`. */
#define CONF_CONTROL_NAME "control"

struct conf_daemon {
    /* "unix:/path", "inet:PORT@HOST", "inet6:PORT@HOST". */
    const char *listen;
    int listen_mode;
    const char *listen_group;
    /* inet sockets other than loopback are refused without it. */
    bool listen_exposed;
    const char *user;
    const char *group;
    const char *pid_file;
    /* What outlives the process, and the control socket. */
    const char *state_dir;
    /* Its members may ask and steer the daemon; NULL: root alone steers. */
    const char *control_group;
    /* enum base_log_target, base_log_format, base_log_level. */
    int log_target;
    int log_format;
    int log_level;
    /* Into a list of our own: conf_daemon_facility(). */
    int log_facility;
    int64_t memory_max;
    int64_t sessions_max;
    /* How long one command of the MTA may be waited for (smfi_settimeout), milliseconds. */
    int64_t mta_timeout;
    /* How long SIGTERM lets messages under way finish, milliseconds. */
    int64_t shutdown_timeout;

    /* Addresses, "ADDRESS" or "ADDRESS@PORT"; empty: those of the system. */
    struct conf_list nameservers;
    /* NULL: no DNSSEC validation of our own. */
    const char *trust_anchor;
    int64_t dns_timeout_envelope;
    int64_t dns_timeout;
    int64_t dns_questions;
};

/* The top-level table; its check() proves that the values fit each other. */
extern const struct conf_table conf_daemon_table;

/* The daemon's section of a snapshot; borrowed. */
const struct conf_daemon *conf_daemon_get(const struct conf_snapshot *snapshot);
/* log-facility as openlog(3) takes it: LOG_MAIL, ... */
int conf_daemon_facility(const struct conf_daemon *daemon);

enum conf_socket_kind {
    CONF_SOCKET_UNIX,
    CONF_SOCKET_INET,
    CONF_SOCKET_INET6,
};

struct conf_socket {
    enum conf_socket_kind kind;
    /* UNIX: the path. Else the host as written, "" for none. */
    char host[256];
    uint16_t port;
    /* No other host can reach it: also every UNIX socket. */
    bool is_loopback;
};

/* Takes `listen` apart. False and *error_r if it is not one of the three forms. */
__attribute__((warn_unused_result)) bool conf_socket_parse(const char *text,
                                                           struct conf_socket *socket_r,
                                                           struct base_error *error_r);

#endif
