/* Where keys lie, and how they are read. How they are made: keys/store_new.c. */
#include "keys/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "keys/access.h"
#include "keys/secure.h"
#include "keys/store-private.h"

/* An RSA key of 8,192 bits has 6 KiB as PEM. */
#define KEY_FILE_MAX (64 * 1024)
#define SELECTOR_MAX (NAME_MAX - (sizeof(KEYS_SUFFIX) - 1))
#define LABEL_MAX    63
/* Keys that a listing names at most: above it something else lies in key-dir. */
#define ENTRIES_MAX 1000000

static bool is_name_octet(char c)
{
    return base_ascii_is_alnum(c) || c == '-' || c == '_';
}

bool keys_selector_is_valid(const char *selector)
{
    size_t label = 0;
    size_t length = strlen(selector);

    if (length > SELECTOR_MAX)
        return false;
    for (size_t i = 0; i < length; i++) {
        if (selector[i] == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (!is_name_octet(selector[i]) || ++label > LABEL_MAX) {
            return false;
        }
    }
    return label > 0;
}

/* A domain may hold any octet, a directory's name better not ('/'). */
static bool domain_is_plain(const struct dns_name *domain)
{
    for (size_t i = 0; i < domain->length; i++) {
        if (domain->text[i] != '.' && !is_name_octet(domain->text[i]))
            return false;
    }
    return domain->length > 0;
}

bool keys_path_init(struct keys_path *path_r, const char *key_dir, const struct dns_name *domain,
                    const char *selector, struct base_error *error_r)
{
    char escaped[DNS_NAME_ESCAPED_SIZE];
    int length;

    if (!domain_is_plain(domain)) {
        base_error_set(error_r,
                       "domain \"%s\": no name for a directory of keys: letters, digits, '-', '_' "
                       "and '.' only (an internationalized domain as A-label)",
                       dns_name_escape(domain, escaped));
        return false;
    }
    if (!keys_selector_is_valid(selector)) {
        base_error_set(error_r,
                       "selector \"%s\": not a selector: one or more labels of letters, digits, "
                       "'-' and '_', at most 63 each, separated by '.'",
                       selector);
        return false;
    }
    (void)snprintf(path_r->name, sizeof(path_r->name), "%s" KEYS_SUFFIX, selector);
    (void)snprintf(path_r->dir, sizeof(path_r->dir), "%s/%s", key_dir, domain->text);
    length = snprintf(path_r->file, sizeof(path_r->file), "%s/%s", path_r->dir, path_r->name);
    if (length < 0 || (size_t)length >= sizeof(path_r->file)) {
        base_error_set(error_r, "key-dir \"%s\": the path is too long", key_dir);
        return false;
    }
    return true;
}

/* Reads into memory that is wiped; a buffer that grows would leave pieces of the key behind. */
static char *read_secret(int fd, const char *path, size_t *length_r, struct base_error *error_r)
{
    char *data = keys_secure_alloc(KEY_FILE_MAX + 1);
    size_t length = 0;
    ssize_t got = -1;

    if (data == NULL) {
        base_error_set(error_r, "%s: no secure memory left for keys", path);
        return NULL;
    }
    while (length <= KEY_FILE_MAX) {
        got = read(fd, data + length, KEY_FILE_MAX + 1 - length);
        if (got <= 0)
            break;
        length += (size_t)got;
    }
    if (got < 0)
        base_error_set(error_r, "%s: %s", path, strerror(errno));
    else if (length > KEY_FILE_MAX)
        base_error_set(error_r, "%s: larger than %d octets: not a key", path, KEY_FILE_MAX);
    if (got < 0 || length > KEY_FILE_MAX) {
        keys_secure_free(data, KEY_FILE_MAX + 1);
        return NULL;
    }
    *length_r = length;
    return data;
}

/* Reads the key and closes `fd`. */
static struct keys_key *load_fd(int fd, const char *path, const char **warning_r,
                                struct base_error *error_r)
{
    struct keys_key *key;
    size_t length = 0;
    char *pem = read_secret(fd, path, &length, error_r);

    (void)close(fd);
    if (pem == NULL)
        return NULL;
    key = keys_key_parse((struct base_text){pem, length}, path, warning_r, error_r);
    keys_secure_free(pem, KEY_FILE_MAX + 1);
    return key;
}

struct keys_key *keys_store_load(const char *key_dir, const struct dns_name *domain,
                                 const char *selector, const char **warning_r,
                                 struct base_error *error_r)
{
    struct keys_path path;
    int root_fd;
    int domain_fd;
    int fd;

    if (!keys_path_init(&path, key_dir, domain, selector, error_r))
        return NULL;
    root_fd = keys_access_open_dir(AT_FDCWD, key_dir, key_dir, error_r);
    if (root_fd < 0)
        return NULL;
    domain_fd = keys_access_open_dir(root_fd, domain->text, path.dir, error_r);
    (void)close(root_fd);
    if (domain_fd < 0)
        return NULL;
    fd = keys_access_open_key(domain_fd, path.name, path.file, error_r);
    (void)close(domain_fd);
    return fd < 0 ? NULL : load_fd(fd, path.file, warning_r, error_r);
}

struct keys_key *keys_store_load_file(const char *path, const char **warning_r,
                                      struct base_error *error_r)
{
    struct keys_key *key;
    bool is_wide = false;
    int fd = keys_access_open_any(path, &is_wide, error_r);

    if (fd < 0)
        return NULL;
    key = load_fd(fd, path, warning_r, error_r);
    if (key != NULL && warning_r != NULL && *warning_r == NULL && is_wide)
        *warning_r = "others than its owner can read or change this key: chmod 0600 it";
    return key;
}

struct listing {
    struct keys_entry *entries;
    size_t count;
    size_t capacity;
};

static void listing_add(struct listing *listing, const struct dns_name *domain, const char *file)
{
    size_t length = strlen(file);
    size_t suffix = sizeof(KEYS_SUFFIX) - 1;
    struct keys_entry *entry;

    if (length <= suffix || strcmp(file + length - suffix, KEYS_SUFFIX) != 0 ||
        listing->count == ENTRIES_MAX)
        return;
    if (listing->count == listing->capacity) {
        listing->capacity = listing->capacity == 0 ? 16 : listing->capacity * 2;
        listing->entries =
            base_mem_realloc(listing->entries, listing->capacity * sizeof(*listing->entries));
    }
    entry = &listing->entries[listing->count];
    entry->domain = *domain;
    (void)snprintf(entry->selector, sizeof(entry->selector), "%.*s", (int)(length - suffix), file);
    if (keys_selector_is_valid(entry->selector))
        listing->count++;
}

static bool list_domain(int root_fd, const char *key_dir, const struct dns_name *domain,
                        struct listing *listing, struct base_error *error_r)
{
    char path[PATH_MAX];
    struct dirent *file;
    DIR *dir;
    int fd;

    (void)snprintf(path, sizeof(path), "%s/%s", key_dir, domain->text);
    fd = keys_access_open_dir(root_fd, domain->text, path, error_r);
    if (fd < 0)
        return false;
    dir = fdopendir(fd);
    if (dir == NULL) {
        base_error_set(error_r, "%s: %s", path, strerror(errno));
        (void)close(fd);
        return false;
    }
    while ((file = readdir(dir)) != NULL)
        listing_add(listing, domain, file->d_name);
    (void)closedir(dir);
    return true;
}

/* Directories whose names are no domains in canonical form could not be loaded from: left out. */
static bool list_root(DIR *root, const char *key_dir, struct listing *listing,
                      struct base_error *error_r)
{
    struct dns_name domain;
    struct dirent *file;

    while ((file = readdir(root)) != NULL) {
        if (file->d_type != DT_DIR && file->d_type != DT_UNKNOWN)
            continue;
        if (dns_name_make(&domain, base_text_of(file->d_name)) != DNS_NAME_OK ||
            strcmp(domain.text, file->d_name) != 0 || !domain_is_plain(&domain))
            continue;
        if (!list_domain(dirfd(root), key_dir, &domain, listing, error_r))
            return false;
    }
    return true;
}

static int compare_entries(const void *a, const void *b)
{
    const struct keys_entry *first = a;
    const struct keys_entry *second = b;
    int order = strcmp(first->domain.text, second->domain.text);

    return order != 0 ? order : strcmp(first->selector, second->selector);
}

bool keys_store_list(const char *key_dir, struct keys_entry **entries_r, size_t *count_r,
                     struct base_error *error_r)
{
    struct listing listing = {NULL, 0, 0};
    int fd = keys_access_open_dir(AT_FDCWD, key_dir, key_dir, error_r);
    bool is_good;
    DIR *root;

    *entries_r = NULL;
    *count_r = 0;
    if (fd < 0)
        return false;
    root = fdopendir(fd);
    if (root == NULL) {
        base_error_set(error_r, "%s: %s", key_dir, strerror(errno));
        (void)close(fd);
        return false;
    }
    is_good = list_root(root, key_dir, &listing, error_r);
    (void)closedir(root);
    if (!is_good) {
        base_mem_free(listing.entries);
        return false;
    }
    if (listing.count > 1)
        qsort(listing.entries, listing.count, sizeof(*listing.entries), compare_entries);
    *entries_r = listing.entries;
    *count_r = listing.count;
    return true;
}
