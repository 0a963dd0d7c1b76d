#include "tool/identity.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

#include "conf/daemon.h"

static bool is_set(const char *text)
{
    return text != NULL && text[0] != '\0';
}

static void warn_missing(const struct tool_io *io, const char *what, const char *name)
{
    tool_warn(io,
              "there is no %s \"%s\" yet, so keys are read as root, not as the "
              "daemon will: make it with systemd-sysusers or adduser --system --group",
              what, name);
}

enum tool_status tool_identity_take(const struct conf_daemon *daemon, const struct tool_io *io)
{
    const struct passwd *user;
    const struct group *group;
    uid_t uid;
    gid_t gid;

    if (geteuid() != 0 || !is_set(daemon->user))
        return TOOL_ANSWERED;
    user = getpwnam(daemon->user);
    if (user == NULL) {
        warn_missing(io, "user", daemon->user);
        return TOOL_ANSWERED;
    }
    uid = user->pw_uid;
    gid = user->pw_gid;
    if (is_set(daemon->group)) {
        group = getgrnam(daemon->group);
        if (group == NULL) {
            warn_missing(io, "group", daemon->group);
            return TOOL_ANSWERED;
        }
        gid = group->gr_gid;
    }
    if (initgroups(daemon->user, gid) != 0 || setgid(gid) != 0 || setuid(uid) != 0)
        return tool_fail(io, TOOL_SERVICE, "cannot become user \"%s\": %s", daemon->user,
                         strerror(errno));
    return TOOL_ANSWERED;
}
