/* Making a key file: complete or not at all, never over another one, never readable by more than
 * it shall be, not even for a moment. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keys/access.h"
#include "keys/generate.h"
#include "keys/secure.h"
#include "keys/store-private.h"
#include "keys/store.h"

/* Starts with a dot: no selector does, so no listing takes it for a key. */
#define TEMPORARY_FORMAT ".new-%ld.tmp"

struct target {
    const struct keys_new_options *options;
    struct keys_path path;
    int dir_fd;
    char temporary[64];
};

static bool fail_at(struct base_error *error_r, const char *path, const char *what)
{
    base_error_set(error_r, "%s: %s: %s", path, what, strerror(errno));
    return false;
}

/* As root the daemon reads by its group; anybody else makes keys for himself. */
static bool give_to_daemon(int fd, gid_t gid, mode_t root_mode, mode_t own_mode)
{
    if (geteuid() != 0)
        return fchmod(fd, own_mode) == 0;
    return fchown(fd, 0, gid) == 0 && fchmod(fd, root_mode) == 0;
}

/* An existing directory stays as it is (its owner was checked). */
static bool domain_dir_open(struct target *target, struct base_error *error_r)
{
    const struct keys_new_options *options = target->options;
    const char *name = options->domain->text;
    int root_fd = keys_access_open_dir(AT_FDCWD, options->key_dir, options->key_dir, error_r);
    bool is_new;
    bool is_good = true;

    if (root_fd < 0)
        return false;
    is_new = mkdirat(root_fd, name, 0700) == 0;
    if (!is_new && errno != EEXIST) {
        (void)fail_at(error_r, target->path.dir, "cannot make the directory");
        (void)close(root_fd);
        return false;
    }
    target->dir_fd = keys_access_open_dir(root_fd, name, target->path.dir, error_r);
    if (target->dir_fd >= 0 && is_new &&
        (!give_to_daemon(target->dir_fd, options->gid, 0750, 0700) || fsync(root_fd) != 0))
        is_good = fail_at(error_r, target->path.dir, "cannot finish the directory");
    (void)close(root_fd);
    return is_good && target->dir_fd >= 0;
}

static bool write_all(int fd, const char *data, size_t length)
{
    ssize_t done;

    while (length > 0) {
        done = write(fd, data, length);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return false;
        data += done;
        length -= (size_t)done;
    }
    return true;
}

static bool temporary_write(struct target *target, const char *pem, size_t length,
                            struct base_error *error_r)
{
    int fd;
    bool is_good;

    (void)snprintf(target->temporary, sizeof(target->temporary), TEMPORARY_FORMAT, (long)getpid());
    /* Ours if it is there: left by a process of the same number that was killed. */
    (void)unlinkat(target->dir_fd, target->temporary, 0);
    fd = openat(target->dir_fd, target->temporary,
                O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail_at(error_r, target->path.dir, "cannot make a file");
    is_good = write_all(fd, pem, length) && give_to_daemon(fd, target->options->gid, 0640, 0600) &&
              fsync(fd) == 0;
    if (!is_good)
        (void)fail_at(error_r, target->path.file, "cannot write");
    if (close(fd) != 0 && is_good)
        is_good = fail_at(error_r, target->path.file, "cannot write");
    if (!is_good)
        (void)unlinkat(target->dir_fd, target->temporary, 0);
    return is_good;
}

/* Not every file system knows RENAME_NOREPLACE; a link is as atomic. */
static int rename_new(int dir_fd, const char *from, const char *to)
{
    if (renameat2(dir_fd, from, dir_fd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -1;
    if (linkat(dir_fd, from, dir_fd, to, 0) != 0)
        return -1;
    return unlinkat(dir_fd, from, 0);
}

static bool publish(struct target *target, struct base_error *error_r)
{
    if (rename_new(target->dir_fd, target->temporary, target->path.name) != 0) {
        if (errno == EEXIST)
            base_error_set(error_r,
                           "%s: there is a key of this selector already, and it is never "
                           "overwritten: choose another selector",
                           target->path.file);
        else
            (void)fail_at(error_r, target->path.file, "cannot be named");
        (void)unlinkat(target->dir_fd, target->temporary, 0);
        return false;
    }
    if (fsync(target->dir_fd) != 0)
        return fail_at(error_r, target->path.dir, "cannot be written to the disk");
    return true;
}

static bool store_pem(struct target *target, const char *pem, size_t length,
                      struct base_error *error_r)
{
    bool is_good = domain_dir_open(target, error_r) &&
                   temporary_write(target, pem, length, error_r) && publish(target, error_r);

    if (target->dir_fd >= 0)
        (void)close(target->dir_fd);
    return is_good;
}

struct keys_key *keys_store_new(const struct keys_new_options *options, struct base_error *error_r)
{
    struct target target = {.options = options, .dir_fd = -1};
    struct keys_key *key;
    struct dns_name name;
    size_t length = 0;
    char *pem;
    char prefix[DNS_NAME_MAX + 1];
    int prefix_length;

    if (!keys_path_init(&target.path, options->key_dir, options->domain, options->selector,
                        error_r))
        return NULL;
    prefix_length = snprintf(prefix, sizeof(prefix), "%s._domainkey", options->selector);
    if (prefix_length >= (int)sizeof(prefix) || !dns_name_prepend(&name, prefix, options->domain)) {
        base_error_set(error_r, "selector \"%s\": too long: %s._domainkey.%s is no domain name",
                       options->selector, options->selector, options->domain->text);
        return NULL;
    }
    pem = keys_generate_pem(options->type, options->bits, &length, error_r);
    if (pem == NULL)
        return NULL;
    key = keys_key_parse((struct base_text){pem, length}, target.path.file, NULL, error_r);
    if (key != NULL && !store_pem(&target, pem, length, error_r))
        keys_key_unref(&key);
    keys_secure_free(pem, length);
    return key;
}
