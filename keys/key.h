/* A signing key (RFC 6376 section 3.3, RFC 8463): parsed and warmed once, shared by threads, wiped
 * on free, its memory kept out of core dumps (the process sets PR_SET_DUMPABLE and MADV_DONTDUMP
 * where it can). */
#ifndef KEYS_KEY_H
#define KEYS_KEY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"

enum keys_algorithm {
    KEYS_RSA_SHA256,
    KEYS_ED25519_SHA256,
};

/* Octets of the longest signature that keys_key_sign() gives (RSA 8192). */
#define KEYS_SIGNATURE_MAX 1024

struct keys_key;

/* "rsa-sha256", "ed25519-sha256": the a= tag. */
const char *keys_algorithm_text(enum keys_algorithm algorithm);

/* Parses PEM (PKCS#8 or traditional, unencrypted), refuses RSA below 1,024 bits and types that do
 * not sign DKIM, warms the key with one signature. *warning_r, if not NULL, receives a static text
 * or NULL (RSA below 2,048). `name` is for errors. One reference, the caller's. `pem` is not wiped
 * here: its owner does that. */
__attribute__((warn_unused_result)) struct keys_key *keys_key_parse(struct base_text pem,
                                                                    const char *name,
                                                                    const char **warning_r,
                                                                    struct base_error *error_r);
struct keys_key *keys_key_ref(struct keys_key *key);
/* Thread-safe; the last one wipes. Sets *key to NULL. */
void keys_key_unref(struct keys_key **key);

enum keys_algorithm keys_key_algorithm(const struct keys_key *key);
/* 2048, ...; 256 for Ed25519. */
unsigned keys_key_bits(const struct keys_key *key);

/* Signs the SHA-256 `digest` of the header hash input: RSASSA-PKCS1-v1_5 over it (RFC 6376 3.3.1),
 * or PureEdDSA over its 32 octets (RFC 8463 section 3). Thread-safe; does not block. Returns the
 * number of octets written, 0 on a failure of the library. */
size_t keys_key_sign(struct keys_key *key, const unsigned char digest[32],
                     unsigned char signature[KEYS_SIGNATURE_MAX]);

/* Appends the value of the key record's p= tag: base64 of SubjectPublicKeyInfo for RSA, of the 32
 * raw octets for Ed25519. */
void keys_key_append_public(const struct keys_key *key, struct base_buf *out);

#endif
