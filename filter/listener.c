#include "filter/listener.h"

#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <libmilter/mfapi.h>

#include "base/log.h"

/* Descriptors looked through for libmilter's: it is opened before anything else is. */
#define FD_LOOKED_AT 1024

/* --- a UNIX socket -------------------------------------------------------------------------------
 */

/* Somebody answers on the socket; *error_number_r: errno of connecting. */
static bool is_alive(const struct sockaddr_un *address, int *error_number_r)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int result = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)address, sizeof *address);

    *error_number_r = result == 0 ? 0 : errno;
    if (fd >= 0) {
        close(fd);
    }
    return result == 0 || *error_number_r == EAGAIN || *error_number_r == EINPROGRESS;
}

static enum filter_listener_fault remove_stale(const char *path, struct base_error *error_r)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat status;
    int error_number;

    if (strlen(path) >= sizeof address.sun_path) {
        base_error_set(error_r, "listen: %s: the path of a socket has at most %zu octets", path,
                       sizeof address.sun_path - 1);
        return FILTER_LISTENER_BAD;
    }
    if (lstat(path, &status) != 0) {
        return FILTER_LISTENER_OK;
    }
    if (!S_ISSOCK(status.st_mode)) {
        base_error_set(error_r,
                       "listen: %s is there and is no socket: move it away, or listen "
                       "elsewhere",
                       path);
        return FILTER_LISTENER_BAD;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    if (is_alive(&address, &error_number)) {
        base_error_set(error_r,
                       "listen: somebody listens on %s already: stop the other daemon, or "
                       "listen elsewhere",
                       path);
        return FILTER_LISTENER_UNAVAILABLE;
    }
    if (error_number != ECONNREFUSED || unlink(path) != 0) {
        base_error_set(error_r, "listen: the old socket %s cannot be removed: %s", path,
                       strerror(error_number != ECONNREFUSED ? error_number : errno));
        return FILTER_LISTENER_UNAVAILABLE;
    }
    return FILTER_LISTENER_OK;
}

/* Root may give a file to any group, others to their own ones. */
static bool may_give(gid_t gid)
{
    gid_t groups[256];
    int count = getgroups((int)(sizeof groups / sizeof *groups), groups);

    for (int i = 0; i < count; i++) {
        if (groups[i] == gid) {
            return true;
        }
    }
    return geteuid() == 0 || gid == getegid();
}

/* The default names Postfix's group: a machine that has none keeps the group that it has. */
static bool find_group(const struct conf_snapshot *conf, gid_t *gid_r, struct base_error *error_r)
{
    const struct conf_section *top = conf_snapshot_top(conf, &conf_daemon_table);
    const char *name = conf_daemon_get(conf)->listen_group;
    struct group *group = name == NULL ? NULL : getgrnam(name);
    bool is_given = conf_section_where(top, "listen-group").line > 0;
    bool is_allowed = group != NULL && (is_given || may_give(group->gr_gid));

    if (is_allowed) {
        *gid_r = group->gr_gid;
    } else if (is_given) {
        conf_error_at(error_r, conf_section_where(top, "listen-group"),
                      "listen-group: there is no group \"%s\": make it (addgroup --system), or "
                      "name the MTA's",
                      name);
    }
    return is_allowed || !is_given;
}

static bool open_any(const struct conf_daemon *daemon, struct base_error *error_r)
{
    errno = 0;
    if (smfi_opensocket(false) == MI_SUCCESS) {
        return true;
    }
    base_error_set(error_r, "listen: %s: %s", daemon->listen,
                   errno == 0 ? "no such address" : strerror(errno));
    return false;
}

/* The socket gets its group and mode as it is made: a chown or chmod by path afterwards, as root in
 * a directory of somebody else, could be led astray. Without root only chown is left, and it can
 * do nothing that the user could not. */
static enum filter_listener_fault open_unix(const struct conf_snapshot *conf,
                                            const struct conf_socket *where,
                                            struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    gid_t old_gid = getegid();
    gid_t gid = old_gid;
    mode_t old_mask;
    bool is_open;

    if (!find_group(conf, &gid, error_r)) {
        return FILTER_LISTENER_BAD;
    }
    if (geteuid() == 0 && setegid(gid) != 0) {
        base_error_set(error_r, "listen-group: %s: %s", daemon->listen_group, strerror(errno));
        return FILTER_LISTENER_UNAVAILABLE;
    }
    old_mask = umask((mode_t)(0777 & ~daemon->listen_mode));
    is_open = open_any(daemon, error_r);
    umask(old_mask);
    if (geteuid() == 0 && setegid(old_gid) != 0) {
        base_error_set(error_r, "listen-group: cannot go back to group %u: %s", (unsigned)old_gid,
                       strerror(errno));
        return FILTER_LISTENER_UNAVAILABLE;
    }
    if (is_open && gid != getegid() && geteuid() != 0 && lchown(where->host, (uid_t)-1, gid) != 0) {
        base_error_set(error_r, "listen-group: %s: %s: run as a member of that group, or as root",
                       daemon->listen_group, strerror(errno));
        return FILTER_LISTENER_UNAVAILABLE;
    }
    return is_open ? FILTER_LISTENER_OK : FILTER_LISTENER_UNAVAILABLE;
}

/* --- any socket ----------------------------------------------------------------------------------
 */

/* libmilter does not tell its descriptor: it is the first one that accepts connections. */
static int find_fd(void)
{
    for (int fd = 0; fd < FD_LOOKED_AT; fd++) {
        int is_listening = 0;
        socklen_t size = sizeof is_listening;

        if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0 &&
            is_listening != 0) {
            return fd;
        }
    }
    return -1;
}

/* Sessions inherit the option from the listening socket (Linux). Edits and the reply to a message
 * are small packets in a row: Nagle's algorithm would hold the second one back until the MTA has
 * acknowledged the first, which it delays. */
static void set_no_delay(int fd)
{
    int on = 1;

    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) {
        base_log_warning("listen: TCP_NODELAY: %s", strerror(errno));
    }
}

enum filter_listener_fault filter_listener_open(struct filter_listener *listener,
                                                const struct conf_snapshot *conf,
                                                struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    enum filter_listener_fault fault = FILTER_LISTENER_OK;
    struct stat status;

    *listener = (struct filter_listener){.fd = -1, .ended_fd = -1};
    if (!conf_socket_parse(daemon->listen, &listener->socket, error_r)) {
        return FILTER_LISTENER_BAD;
    }
    if (listener->socket.kind == CONF_SOCKET_UNIX) {
        fault = remove_stale(listener->socket.host, error_r);
        if (fault == FILTER_LISTENER_OK) {
            fault = open_unix(conf, &listener->socket, error_r);
        }
    } else if (!open_any(daemon, error_r)) {
        fault = FILTER_LISTENER_UNAVAILABLE;
    }
    if (fault != FILTER_LISTENER_OK) {
        return fault;
    }
    listener->fd = find_fd();
    if (listener->socket.kind != CONF_SOCKET_UNIX) {
        set_no_delay(listener->fd);
    } else if (lstat(listener->socket.host, &status) == 0) {
        listener->device = status.st_dev;
        listener->inode = status.st_ino;
    }
    return FILTER_LISTENER_OK;
}

/* --- libmilter's thread --------------------------------------------------------------------------
 */

static void *serve(void *context)
{
    struct filter_listener *listener = context;

    if (smfi_main() != MI_SUCCESS) {
        base_log_error("libmilter stopped with a failure");
    }
    eventfd_write(listener->ended_fd, 1);
    return NULL;
}

bool filter_listener_start(struct filter_listener *listener, struct base_error *error_r)
{
    int result;

    listener->ended_fd = eventfd(0, EFD_CLOEXEC);
    if (listener->ended_fd < 0) {
        base_error_set(error_r, "no event descriptor: %s", strerror(errno));
        return false;
    }
    result = pthread_create(&listener->thread, NULL, serve, listener);
    if (result != 0) {
        base_error_set(error_r, "no thread for libmilter: %s", strerror(result));
    }
    return result == 0;
}

int filter_listener_ended_fd(const struct filter_listener *listener)
{
    return listener->ended_fd;
}

static void remove_own(const struct filter_listener *listener)
{
    struct stat status;

    if (listener->socket.kind == CONF_SOCKET_UNIX && listener->inode != 0 &&
        lstat(listener->socket.host, &status) == 0 && status.st_dev == listener->device &&
        status.st_ino == listener->inode) {
        /* May fail: the directory can be root's. The next start removes it then. */
        (void)unlink(listener->socket.host);
    }
}

void filter_listener_abandon(struct filter_listener *listener)
{
    remove_own(listener);
}

/* A listening socket that nobody knows takes the place of ours, so that libmilter's thread goes on
 * waiting in accept() without complaint; shutting the old one down turns new connections away,
 * although a poll() of that thread may still hold it. */
void filter_listener_close(struct filter_listener *listener)
{
    struct sockaddr_un nameless = {.sun_family = AF_UNIX};
    int old_fd = dup(listener->fd);
    int silent_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    remove_own(listener);
    if (silent_fd >= 0 && bind(silent_fd, (struct sockaddr *)&nameless, sizeof(sa_family_t)) == 0 &&
        listen(silent_fd, 1) == 0) {
        (void)dup2(silent_fd, listener->fd);
    }
    if (silent_fd >= 0) {
        close(silent_fd);
    }
    if (old_fd >= 0) {
        shutdown(old_fd, SHUT_RDWR);
        close(old_fd);
    }
}
