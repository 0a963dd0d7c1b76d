#include "config.h"

#include "filter/privileges.h"

#include <errno.h>
#include <grp.h>
#include <inttypes.h>
#include <pthread.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"
#include "base/panic.h"

/* libmilter starts a thread for each session that waits. */
#define THREAD_STACK (512 * 1024)
/* Descriptors that are no session's: libunbound's sockets, log, listener. */
#define FD_RESERVE 2048

static void set_thread_stack(void)
{
    pthread_attr_t attributes;
    size_t size = THREAD_STACK;

#ifdef WITH_SANITIZER
    size *= 4;
#endif
    pthread_attr_init(&attributes);
    if (pthread_attr_setstacksize(&attributes, size) != 0 ||
        pthread_setattr_default_np(&attributes) != 0) {
        base_log_warning("the stack of threads cannot be set: the system's default stays");
    }
    pthread_attr_destroy(&attributes);
}

static void raise_descriptors(int64_t sessions_max)
{
    rlim_t wanted = (rlim_t)sessions_max + FD_RESERVE;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_max < wanted) {
        struct rlimit raised = {.rlim_cur = wanted, .rlim_max = wanted};

        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) {
            return;
        }
    }
    wanted = wanted < limit.rlim_max ? wanted : limit.rlim_max;
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = wanted;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if ((int64_t)limit.rlim_cur < sessions_max + 64) {
        base_log_warning("sessions-max = %" PRId64 " needs more than the %" PRIu64
                         " descriptors that the system allows: raise LimitNOFILE, or lower it",
                         sessions_max, (uint64_t)limit.rlim_cur);
    }
}

void filter_privileges_set_limits(int64_t sessions_max)
{
    struct rlimit none = {0, 0};

    raise_descriptors(sessions_max);
    (void)setrlimit(RLIMIT_CORE, &none);
    set_thread_stack();
}

static bool find_user(const char *user, const char *group, struct passwd *passwd_r, gid_t *gid_r,
                      struct base_error *error_r)
{
    struct passwd *passwd = user == NULL || user[0] == '\0' ? NULL : getpwnam(user);
    struct group *entry = NULL;

    if (passwd == NULL) {
        base_error_set(error_r,
                       "user: there is no user \"%s\": make it (adduser --system), or "
                       "name another",
                       user == NULL ? "" : user);
        return false;
    }
    if (passwd->pw_uid == 0) {
        base_error_set(error_r, "user: \"%s\" is root: name an unprivileged user", user);
        return false;
    }
    *passwd_r = *passwd;
    *gid_r = passwd->pw_gid;
    if (group == NULL || group[0] == '\0') {
        return true;
    }
    entry = getgrnam(group);
    if (entry == NULL) {
        base_error_set(error_r,
                       "group: there is no group \"%s\": make it (addgroup --system), or "
                       "name another",
                       group);
        return false;
    }
    *gid_r = entry->gr_gid;
    return true;
}

bool filter_privileges_find(const char *user, const char *group, struct filter_identity *identity_r,
                            struct base_error *error_r)
{
    struct passwd passwd;
    struct passwd *own;

    if (geteuid() != 0) {
        own = getpwuid(geteuid());
        *identity_r = (struct filter_identity){.uid = geteuid(), .gid = getegid()};
        if (own != NULL) {
            (void)snprintf(identity_r->name, sizeof identity_r->name, "%s", own->pw_name);
        } else {
            (void)snprintf(identity_r->name, sizeof identity_r->name, "%u", (unsigned)geteuid());
        }
        return true;
    }
    *identity_r = (struct filter_identity){.uid = 0};
    if (!find_user(user, group, &passwd, &identity_r->gid, error_r)) {
        return false;
    }
    identity_r->uid = passwd.pw_uid;
    (void)snprintf(identity_r->name, sizeof identity_r->name, "%s", user);
    return true;
}

void filter_privileges_begin_as(const struct filter_identity *identity, gid_t gid)
{
    if (geteuid() == 0 && (setegid(gid) != 0 || seteuid(identity->uid) != 0)) {
        base_panic("privileges: cannot act as user %u", (unsigned)identity->uid);
    }
}

void filter_privileges_end_as(void)
{
    if (getuid() == 0 && (seteuid(0) != 0 || setegid(getgid()) != 0)) {
        base_panic("privileges: cannot act as root again");
    }
}

static bool become(const char *user, const char *group, bool *is_config_fault_r,
                   struct base_error *error_r)
{
    struct passwd passwd;
    gid_t gid;

    *is_config_fault_r = !find_user(user, group, &passwd, &gid, error_r);
    if (*is_config_fault_r) {
        return false;
    }
    if (initgroups(user, gid) != 0 || setresgid(gid, gid, gid) != 0 ||
        setresuid(passwd.pw_uid, passwd.pw_uid, passwd.pw_uid) != 0) {
        base_error_set(error_r, "user: cannot become \"%s\": %s", user, strerror(errno));
        return false;
    }
    if (setuid(0) == 0 || seteuid(0) == 0) {
        base_error_set(error_r, "user: root's privileges came back after they were dropped");
        return false;
    }
    return true;
}

bool filter_privileges_drop(const char *user, const char *group, bool *is_config_fault_r,
                            struct base_error *error_r)
{
    bool is_dumpable = false;

    *is_config_fault_r = false;
    if (geteuid() == 0 && !become(user, group, is_config_fault_r, error_r)) {
        return false;
    }
#ifdef WITH_SANITIZER
    /* The leak checker attaches to its own process. */
    is_dumpable = true;
#endif
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_DUMPABLE, is_dumpable ? 1 : 0, 0, 0, 0) != 0) {
        base_error_set(error_r, "prctl: %s", strerror(errno));
        return false;
    }
    return true;
}
