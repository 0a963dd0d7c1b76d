/* OpenSSL's EVP_MAC: the keyed state is made once and copied for each digest. */
#include "store/hmac.h"

#include <endian.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <stdint.h>

#include "base/mem.h"
#include "base/panic.h"

struct store_hmac {
    EVP_MAC *mac;
    EVP_MAC_CTX *context;
};

struct store_hmac *store_hmac_create(struct base_text secret)
{
    struct store_hmac *hmac = base_mem_alloc_zero(1, sizeof(*hmac));
    char name[] = "SHA256";
    OSSL_PARAM parameters[] = {OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
                               OSSL_PARAM_construct_end()};

    hmac->mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hmac->context = hmac->mac == NULL ? NULL : EVP_MAC_CTX_new(hmac->mac);
    if (hmac->context == NULL || EVP_MAC_init(hmac->context, (const unsigned char *)secret.data,
                                              secret.length, parameters) != 1)
        base_panic("OpenSSL has no HMAC with SHA-256");
    return hmac;
}

void store_hmac_destroy(struct store_hmac **hmac)
{
    if (*hmac == NULL)
        return;
    EVP_MAC_CTX_free((*hmac)->context);
    EVP_MAC_free((*hmac)->mac);
    base_mem_free(*hmac);
    *hmac = NULL;
}

static bool update(EVP_MAC_CTX *context, struct base_text text)
{
    /* Hosts that share a store need not be of one kind. */
    uint64_t length = htole64(text.length);

    return EVP_MAC_update(context, (const unsigned char *)&length, sizeof(length)) == 1 &&
           (text.length == 0 ||
            EVP_MAC_update(context, (const unsigned char *)text.data, text.length) == 1);
}

void store_hmac_digest(const struct store_hmac *hmac, struct base_text first,
                       struct base_text second, unsigned char out[STORE_HMAC_OCTETS])
{
    EVP_MAC_CTX *context = EVP_MAC_CTX_dup(hmac->context);
    size_t length = 0;

    if (context == NULL || !update(context, first) || !update(context, second) ||
        EVP_MAC_final(context, out, &length, STORE_HMAC_OCTETS) != 1 || length != STORE_HMAC_OCTETS)
        base_panic("OpenSSL does no HMAC with SHA-256");
    EVP_MAC_CTX_free(context);
}
