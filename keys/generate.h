/* Making a private key. */
#ifndef KEYS_GENERATE_H
#define KEYS_GENERATE_H

#include <stddef.h>

#include "base/error.h"
#include "keys/store.h"

/* A new key as PKCS#8 PEM in secure memory: the caller gives it back with keys_secure_free().
 * `bits` as in keys_new_options. NULL and *error_r on a size that is not offered or a failure of
 * the library. May take seconds (RSA 4096). */
__attribute__((warn_unused_result)) char *keys_generate_pem(enum keys_type type, unsigned bits,
                                                            size_t *length_r,
                                                            struct base_error *error_r);

#endif
