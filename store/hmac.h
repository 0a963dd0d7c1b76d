/* HMAC with SHA-256 (RFC 2104, FIPS 180-4) under one secret: names for keys that a server may keep
 * without learning what they stand for. Thread-safe. */
#ifndef STORE_HMAC_H
#define STORE_HMAC_H

#include <stddef.h>

#include "base/text.h"

struct store_hmac;

#define STORE_HMAC_OCTETS 32

/* Copies the secret. Never NULL. */
struct store_hmac *store_hmac_create(struct base_text secret);
/* Wipes it; sets *hmac to NULL; NULL inside is fine. */
void store_hmac_destroy(struct store_hmac **hmac);
/* Over both texts, each with its length before it, so that no two pairs are one. */
void store_hmac_digest(const struct store_hmac *hmac, struct base_text first,
                       struct base_text second, unsigned char out[STORE_HMAC_OCTETS]);

#endif
