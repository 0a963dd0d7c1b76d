/* Component by component, as the kernel does, so that no link hides the folder that it lies in. */
#include "base/folders.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"

/* As the kernel. */
#define LINKS_MAX 40

struct walk {
    const char *path;
    uid_t owner;
    struct base_error *error_r;
    /* Where it has come to, without links, "" for the root; and what is left to go. */
    char here[PATH_MAX];
    char rest[PATH_MAX];
    unsigned links;
    /* Of `here`: everybody may write, but what is there belongs to its owner. */
    bool is_shared;
};

static bool fail(const struct walk *walk, const char *where, int fault)
{
    base_error_set(walk->error_r, "%s: cannot look at %s: %s", walk->path, where, strerror(fault));
    return false;
}

static bool is_trusted_user(const struct walk *walk, uid_t user)
{
    return user == 0 || user == geteuid() || user == walk->owner;
}

/* Root reads for the daemon's user, too, before it knows who that is: whoever owns a folder can
 * put no file there that belongs to root. */
static bool may_own_folder(const struct walk *walk, uid_t user)
{
    return geteuid() == 0 || is_trusted_user(walk, user);
}

static bool check_folder(struct walk *walk, const char *folder, const struct stat *info)
{
    unsigned mode = (unsigned)info->st_mode & 07777;
    bool is_others = (mode & S_IWOTH) != 0;
    bool is_groups = (mode & S_IWGRP) != 0 && info->st_gid != 0;

    if (!may_own_folder(walk, info->st_uid)) {
        base_error_set(walk->error_r,
                       "%s: lies below %s (mode %04o), which belongs to user %lu, who could put "
                       "another in its place: chown root %s",
                       walk->path, folder, mode, (unsigned long)info->st_uid, folder);
        return false;
    }
    walk->is_shared = is_others || is_groups;
    if (!walk->is_shared || (mode & S_ISVTX) != 0)
        return true;
    base_error_set(walk->error_r,
                   "%s: lies below %s (mode %04o), where %s could put another in its place: "
                   "chmod go-w %s",
                   walk->path, folder, mode, is_others ? "anybody" : "its group", folder);
    return false;
}

/* Where it has come to, once more. */
static bool check_here(struct walk *walk)
{
    const char *folder = walk->here[0] == '\0' ? "/" : walk->here;
    struct stat info;

    if (lstat(folder, &info) != 0)
        return fail(walk, folder, errno);
    return check_folder(walk, folder, &info);
}

/* Puts the link's target before what is left to go. */
static bool follow(struct walk *walk, const char *link, const struct stat *info)
{
    char target[PATH_MAX];
    char rest[PATH_MAX];
    ssize_t length = readlink(link, target, sizeof(target) - 1);
    int count;

    if (length < 0)
        return fail(walk, link, errno);
    if (++walk->links > LINKS_MAX)
        return fail(walk, link, ELOOP);
    if (walk->is_shared && !is_trusted_user(walk, info->st_uid)) {
        base_error_set(walk->error_r,
                       "%s: leads through %s, a link that belongs to user %lu: rm %s", walk->path,
                       link, (unsigned long)info->st_uid, link);
        return false;
    }
    target[length] = '\0';
    count = snprintf(rest, sizeof(rest), "%s/%s", target, walk->rest);
    if (count < 0 || (size_t)count >= sizeof(rest))
        return fail(walk, link, ENAMETOOLONG);
    memcpy(walk->rest, rest, (size_t)count + 1);
    if (target[0] != '/')
        return true;
    walk->here[0] = '\0';
    return check_here(walk);
}

/* What stands before the next slash; "" at the end. */
static struct base_text next_name(struct walk *walk, char name[NAME_MAX + 1])
{
    size_t skip = strspn(walk->rest, "/");
    size_t length = strcspn(walk->rest + skip, "/");
    size_t after = skip + length;

    if (length <= NAME_MAX) {
        memcpy(name, walk->rest + skip, length);
        name[length] = '\0';
    }
    memmove(walk->rest, walk->rest + after, strlen(walk->rest + after) + 1);
    return (struct base_text){name, length};
}

static bool enter(struct walk *walk, const char *name, struct stat *info_r)
{
    char next[PATH_MAX];
    int count = snprintf(next, sizeof(next), "%s/%s", walk->here, name);

    if (count < 0 || (size_t)count >= sizeof(next))
        return fail(walk, walk->here, ENAMETOOLONG);
    if (lstat(next, info_r) != 0)
        return fail(walk, next, errno);
    if (S_ISLNK(info_r->st_mode))
        return follow(walk, next, info_r);
    if (S_ISDIR(info_r->st_mode) && !check_folder(walk, next, info_r))
        return false;
    memcpy(walk->here, next, (size_t)count + 1);
    return true;
}

static bool begin(struct walk *walk)
{
    char folder[PATH_MAX] = "";
    int count;

    if (walk->path[0] != '/' && getcwd(folder, sizeof(folder)) == NULL)
        return fail(walk, "the working directory", errno);
    count = snprintf(walk->rest, sizeof(walk->rest), "%s/%s", folder, walk->path);
    if (count < 0 || (size_t)count >= sizeof(walk->rest))
        return fail(walk, "it", ENAMETOOLONG);
    return check_here(walk);
}

static bool go_up(struct walk *walk)
{
    char *slash = strrchr(walk->here, '/');

    if (slash != NULL)
        *slash = '\0';
    return check_here(walk);
}

static bool go_on(struct walk *walk, const char *name, struct stat *info_r)
{
    if (strcmp(name, ".") == 0)
        return true;
    return strcmp(name, "..") == 0 ? go_up(walk) : enter(walk, name, info_r);
}

bool base_folders_are_trusted(const char *path, uid_t owner, const struct stat *file,
                              struct base_error *error_r)
{
    struct walk walk = {.path = path, .owner = owner, .error_r = error_r};
    char name[NAME_MAX + 1];
    struct base_text next;
    struct stat info = {.st_ino = 0};

    if (!begin(&walk))
        return false;
    while ((next = next_name(&walk, name)).length > 0) {
        if (next.length > NAME_MAX)
            return fail(&walk, walk.here, ENAMETOOLONG);
        if (!go_on(&walk, name, &info))
            return false;
    }
    if (file == NULL || (info.st_dev == file->st_dev && info.st_ino == file->st_ino))
        return true;
    base_error_set(error_r, "%s: replaced while it was read", path);
    return false;
}
