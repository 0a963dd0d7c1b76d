/* Shared by keys/store.c, which reads keys, and keys/store_new.c, which makes them. */
#ifndef KEYS_STORE_PRIVATE_H
#define KEYS_STORE_PRIVATE_H

#include <limits.h>
#include <stdbool.h>

#include "base/error.h"
#include "dns/name.h"

#define KEYS_SUFFIX ".pem"

struct keys_path {
    /* "<selector>.pem" */
    char name[NAME_MAX + 1];
    /* "<key-dir>/<domain>" */
    char dir[PATH_MAX];
    /* "<key-dir>/<domain>/<selector>.pem" */
    char file[PATH_MAX + NAME_MAX + 2];
};

/* False and *error_r if domain or selector cannot be the name of a file. */
__attribute__((warn_unused_result)) bool keys_path_init(struct keys_path *path_r,
                                                        const char *key_dir,
                                                        const struct dns_name *domain,
                                                        const char *selector,
                                                        struct base_error *error_r);

#endif
