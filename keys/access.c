/* Root reads what one user owns and nobody else can read: `postseal key publish` serves the
 * daemon's keys as well as its own. Any other reader accepts its own files, and root's when they
 * come to it by group. */
#include "keys/access.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/folders.h"

/* Groups of one process that are looked at; Linux allows 65,536, nobody has more than this. */
#define GROUPS_MAX 1024

static bool is_own_group(gid_t gid)
{
    gid_t groups[GROUPS_MAX];
    int count;

    if (gid == getegid())
        return true;
    count = getgroups(GROUPS_MAX, groups);
    for (int i = 0; i < count; i++) {
        if (groups[i] == gid)
            return true;
    }
    return false;
}

/* The name of the reader's group for the line that mends, or its number. */
static const char *own_group_name(char *out, size_t size)
{
    char storage[4096];
    struct group group;
    struct group *found = NULL;

    if (getgrgid_r(getegid(), &group, storage, sizeof(storage), &found) == 0 && found != NULL)
        (void)snprintf(out, size, "%s", found->gr_name);
    else
        (void)snprintf(out, size, "%u", (unsigned)getegid());
    return out;
}

/* Says what is wrong and the one line that sets it right for this reader. */
static void refuse(struct base_error *error_r, const char *path, const struct stat *stat,
                   const char *what)
{
    char group[256];

    if (stat->st_uid == geteuid() && geteuid() != 0)
        base_error_set(error_r, "%s: %s (owner uid %u, gid %u, mode %04o): chmod 0600 %s", path,
                       what, (unsigned)stat->st_uid, (unsigned)stat->st_gid,
                       (unsigned)(stat->st_mode & 07777), path);
    else if (geteuid() == 0)
        base_error_set(error_r,
                       "%s: %s (owner uid %u, gid %u, mode %04o): chown root %s && chmod 0640 %s",
                       path, what, (unsigned)stat->st_uid, (unsigned)stat->st_gid,
                       (unsigned)(stat->st_mode & 07777), path, path);
    else
        base_error_set(
            error_r, "%s: %s (owner uid %u, gid %u, mode %04o): chown root:%s %s && chmod 0640 %s",
            path, what, (unsigned)stat->st_uid, (unsigned)stat->st_gid,
            (unsigned)(stat->st_mode & 07777), own_group_name(group, sizeof(group)), path, path);
}

static bool key_is_private(const struct stat *stat)
{
    mode_t mode = stat->st_mode & 07777;
    bool is_root = geteuid() == 0;

    if (stat->st_uid == geteuid() || is_root) {
        if (mode == 0400 || mode == 0600)
            return true;
    }
    return stat->st_uid == 0 && (mode == 0440 || mode == 0640) &&
           (is_root || is_own_group(stat->st_gid));
}

static bool key_accept(int fd, const char *path, struct base_error *error_r)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
        return false;
    }
    if (!S_ISREG(stat.st_mode)) {
        base_error_set(error_r, "%s: not a regular file: put the key itself there", path);
        return false;
    }
    if (!key_is_private(&stat)) {
        refuse(error_r, path, &stat, "others than the daemon may read or change this key");
        return false;
    }
    if (stat.st_nlink != 1) {
        base_error_set(error_r,
                       "%s: the file has %lu names (hard links), of which another may lie where "
                       "others reach it: cp -p %s %s.new && mv %s.new %s",
                       path, (unsigned long)stat.st_nlink, path, path, path, path);
        return false;
    }
    /* The group bits of a file with an access list are only a mask: the list says who reads it. */
    if (fgetxattr(fd, "system.posix_acl_access", NULL, 0) > 0) {
        base_error_set(error_r, "%s: the file has an access control list: setfacl -b %s", path,
                       path);
        return false;
    }
    return true;
}

static bool dir_accept(int fd, const char *path, struct base_error *error_r)
{
    struct stat stat;
    bool is_others;

    if (fstat(fd, &stat) != 0) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
        return false;
    }
    if (stat.st_uid != 0 && stat.st_uid != geteuid() && geteuid() != 0) {
        base_error_set(error_r, "%s: the directory belongs to uid %u: chown root %s", path,
                       (unsigned)stat.st_uid, path);
        return false;
    }
    is_others =
        (stat.st_mode & S_IWOTH) != 0 || ((stat.st_mode & S_IWGRP) != 0 && stat.st_gid != 0);
    if (is_others) {
        base_error_set(error_r,
                       "%s: others can write into this directory (mode %04o): chmod go-w %s", path,
                       (unsigned)(stat.st_mode & 07777), path);
        return false;
    }
    return true;
}

/* Who owns the directory may own what is above it, too: root reads the keys of the daemon's user.
 */
static bool is_way_trusted(int fd, const char *path, struct base_error *error_r)
{
    struct stat stat;

    if (fstat(fd, &stat) != 0) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
        return false;
    }
    return base_folders_are_trusted(path, stat.st_uid, &stat, error_r);
}

/* What could not be opened. */
enum object {
    OBJECT_KEY_DIR,
    OBJECT_DOMAIN_DIR,
    OBJECT_KEY,
};

static void refuse_missing(struct base_error *error_r, const char *path, enum object object)
{
    char group[256];

    if (object == OBJECT_KEY_DIR)
        base_error_set(error_r, "%s: %s: install -d -o root -g %s -m 0750 %s", path,
                       strerror(ENOENT), own_group_name(group, sizeof(group)), path);
    else
        base_error_set(error_r, "%s: %s: make the key with `postseal key new`", path,
                       strerror(ENOENT));
}

static void refuse_open(struct base_error *error_r, const char *path, enum object object)
{
    bool is_dir = object != OBJECT_KEY;
    /* Looking up the group's name sets it anew. */
    int fault = errno;
    char group[256];

    if (fault == ELOOP || (is_dir && fault == ENOTDIR))
        base_error_set(error_r, "%s: not a %s (symbolic links are not followed): put the %s there",
                       path, is_dir ? "directory" : "regular file",
                       is_dir ? "directory" : "file itself");
    else if (fault == EACCES)
        base_error_set(error_r, "%s: %s: chown root:%s %s && chmod %s %s", path, strerror(fault),
                       own_group_name(group, sizeof(group)), path, is_dir ? "0750" : "0640", path);
    else if (fault == ENOENT)
        refuse_missing(error_r, path, object);
    else
        base_error_set(error_r, "%s: %s", path, strerror(fault));
}

int keys_access_open_dir(int dir_fd, const char *name, const char *path, struct base_error *error_r)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        refuse_open(error_r, path, dir_fd == AT_FDCWD ? OBJECT_KEY_DIR : OBJECT_DOMAIN_DIR);
        return -1;
    }
    if (!dir_accept(fd, path, error_r) ||
        (dir_fd == AT_FDCWD && !is_way_trusted(fd, path, error_r))) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int keys_access_open_key(int dir_fd, const char *name, const char *path, struct base_error *error_r)
{
    int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0) {
        refuse_open(error_r, path, OBJECT_KEY);
        return -1;
    }
    if (!key_accept(fd, path, error_r)) {
        (void)close(fd);
        return -1;
    }
    return fd;
}

int keys_access_open_any(const char *path, bool *is_wide_r, struct base_error *error_r)
{
    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat stat;

    if (fd < 0 || fstat(fd, &stat) != 0) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
    } else if (!S_ISREG(stat.st_mode)) {
        base_error_set(error_r, "%s: not a regular file: name the key itself", path);
    } else {
        /* Root's, to be read by one group, is what `postseal key new` makes. */
        *is_wide_r = (stat.st_mode & (S_IRWXO | S_IWGRP)) != 0 ||
                     ((stat.st_mode & S_IRGRP) != 0 && stat.st_uid != 0);
        return fd;
    }
    if (fd >= 0)
        (void)close(fd);
    return -1;
}
