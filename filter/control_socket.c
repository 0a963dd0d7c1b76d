/* All in the state folder is done as the daemon's user, to whom it belongs; root lends no more than
 * the group. */
#include "filter/control_socket.h"

#include <errno.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/daemon.h"
#include "filter/privileges.h"

#define BACKLOG 128
/* What mode 0660 leaves out. */
#define MASK 0117

static bool find_group(const struct conf_snapshot *conf, struct filter_control_gate *gate,
                       struct base_error *error_r)
{
    const char *name = conf_daemon_get(conf)->control_group;
    const struct group *group = name == NULL ? NULL : getgrnam(name);

    if (name == NULL) {
        return true;
    }
    if (group == NULL) {
        conf_error_at(
            error_r,
            conf_section_where(conf_snapshot_top(conf, &conf_daemon_table), "control-group"),
            "control-group: there is no group \"%s\": make it (addgroup --system), or name another",
            name);
        return false;
    }
    gate->has_group = true;
    gate->group = group->gr_gid;
    return true;
}

/* The state folder's lock is ours: nobody listens on what is there. False: errno, or 0. */
static bool remove_stale(const char *path)
{
    struct stat info;

    if (lstat(path, &info) != 0) {
        return errno == ENOENT;
    }
    errno = 0;
    return S_ISSOCK(info.st_mode) && unlink(path) == 0;
}

/* As the daemon's user. False: *what_r and errno. */
static bool make(struct filter_control_socket *control, const struct filter_control_gate *gate,
                 const char **what_r)
{
    const char *path = control->address.sun_path;
    struct stat info;

    *what_r = path;
    if (!remove_stale(path)) {
        *what_r = errno == 0 ? "something that is no socket is there: move it away" : path;
        return false;
    }
    if (bind(control->fd, (const struct sockaddr *)&control->address, sizeof control->address) !=
            0 ||
        lstat(path, &info) != 0) {
        return false;
    }
    control->device = info.st_dev;
    control->inode = info.st_ino;
    if (gate->has_group && info.st_gid != gate->group &&
        lchown(path, (uid_t)-1, gate->group) != 0) {
        *what_r = "control-group: the daemon's user must be in it, or root start the daemon";
        return false;
    }
    return listen(control->fd, BACKLOG) == 0;
}

enum filter_state_fault filter_control_socket_open(struct filter_control_socket *control,
                                                   const struct conf_snapshot *conf,
                                                   const struct filter_identity *identity,
                                                   struct filter_control_gate *gate_r,
                                                   struct base_error *error_r)
{
    const char *what = NULL;
    mode_t old_mask;
    bool is_made;
    int fault;

    *control = (struct filter_control_socket){.address = {.sun_family = AF_UNIX}};
    *gate_r = (struct filter_control_gate){.uid = identity->uid};
    control->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (!find_group(conf, gate_r, error_r)) {
        filter_control_socket_close(control);
        return FILTER_STATE_BAD;
    }
    /* conf/daemon.c saw to it that it fits. */
    (void)snprintf(control->address.sun_path, sizeof control->address.sun_path, "%s/%s",
                   conf_daemon_get(conf)->state_dir, CONF_CONTROL_NAME);
    old_mask = umask(MASK);
    filter_privileges_begin_as(identity, gate_r->has_group ? gate_r->group : identity->gid);
    is_made = make(control, gate_r, &what);
    fault = errno;
    filter_privileges_end_as();
    (void)umask(old_mask);
    if (is_made) {
        return FILTER_STATE_OK;
    }
    base_error_set(error_r, "state-dir: the control socket %s: %s%s%s", control->address.sun_path,
                   what == control->address.sun_path ? "" : what,
                   what == control->address.sun_path || fault == 0 ? "" : ": ",
                   fault == 0 ? "" : strerror(fault));
    filter_control_socket_close(control);
    return FILTER_STATE_UNAVAILABLE;
}

void filter_control_socket_close(struct filter_control_socket *control)
{
    struct stat info;

    if (control->inode != 0 && lstat(control->address.sun_path, &info) == 0 &&
        info.st_dev == control->device && info.st_ino == control->inode) {
        (void)unlink(control->address.sun_path);
    }
    if (control->fd >= 0) {
        (void)close(control->fd);
    }
    control->fd = -1;
    control->inode = 0;
}
