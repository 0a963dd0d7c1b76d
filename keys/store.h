/* Where keys lie: <key-dir>/<domain>/<selector>.pem, one file a key, named by its selector. Read by
 * the daemon's own user after privileges were dropped, at start and at reload alike. Accepted are
 * the reading user's own file with 0400 or 0600, or root's with the reader's group and 0640 (or
 * 0440); anything wider is refused with the chown/chmod line. Descriptors only, O_NOFOLLOW from
 * key-dir downwards; a directory that others can write is refused. Blocks on the disk. */
#ifndef KEYS_STORE_H
#define KEYS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/error.h"
#include "dns/name.h"
#include "keys/key.h"

/* What is accepted as a selector in configuration and on the command line: one or more labels of
 * [A-Za-z0-9_-], at most 63 octets a label (RFC 6376 section 3.1). */
bool keys_selector_is_valid(const char *selector);

/* Loads one key. NULL and *error_r (path, reason, mend). *warning_r as keys_key_parse. */
__attribute__((warn_unused_result)) struct keys_key *keys_store_load(const char *key_dir,
                                                                     const struct dns_name *domain,
                                                                     const char *selector,
                                                                     const char **warning_r,
                                                                     struct base_error *error_r);

/* Loads a key from a file of any name, as an administrator names it on a command line: symbolic
 * links are followed, and what others can read is not refused but said in *warning_r (may be
 * NULL). */
__attribute__((warn_unused_result)) struct keys_key *keys_store_load_file(
    const char *path, const char **warning_r, struct base_error *error_r);

enum keys_type {
    KEYS_TYPE_RSA,
    KEYS_TYPE_ED25519,
};

struct keys_new_options {
    const char *key_dir;
    const struct dns_name *domain;
    const char *selector;
    enum keys_type type;
    /* 2048, 3072, 4096; ignored for Ed25519. */
    unsigned bits;
    /* As root: the file becomes root:`gid` 0640, directories root:`gid` 0750. Otherwise the
     * caller's own with 0600 and 0700. */
    gid_t gid;
};

/* Makes a key and writes it, complete or not at all (temporary name, fsync, link); never over an
 * existing one. Makes the domain's directory if key_dir exists. Returns the new key. */
__attribute__((warn_unused_result)) struct keys_key *keys_store_new(
    const struct keys_new_options *options, struct base_error *error_r);

/* One key file found. */
struct keys_entry {
    struct dns_name domain;
    char selector[256];
};
/* All key files below key_dir, sorted; *entries_r on the heap (base_mem_free). */
__attribute__((warn_unused_result)) bool keys_store_list(const char *key_dir,
                                                         struct keys_entry **entries_r,
                                                         size_t *count_r,
                                                         struct base_error *error_r);

#endif
