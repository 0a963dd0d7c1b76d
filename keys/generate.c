#include "keys/generate.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "keys/secure.h"

static EVP_PKEY *pkey_generate(enum keys_type type, unsigned bits, struct base_error *error_r)
{
    EVP_PKEY *pkey;

    if (type == KEYS_TYPE_ED25519) {
        pkey = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    } else if (bits == 2048 || bits == 3072 || bits == 4096) {
        pkey = EVP_RSA_gen(bits);
    } else {
        base_error_set(error_r, "an RSA key of %u bits is not offered: take 2048, 3072 or 4096",
                       bits);
        return NULL;
    }
    if (pkey == NULL)
        base_error_set(error_r, "OpenSSL could not make a key: %s",
                       ERR_reason_error_string(ERR_peek_last_error()));
    ERR_clear_error();
    return pkey;
}

char *keys_generate_pem(enum keys_type type, unsigned bits, size_t *length_r,
                        struct base_error *error_r)
{
    EVP_PKEY *pkey;
    char *pem = NULL;
    char *data;
    long length;
    BIO *bio;

    keys_secure_init();
    pkey = pkey_generate(type, bits, error_r);
    if (pkey == NULL)
        return NULL;
    bio = BIO_new(BIO_s_secmem());
    if (bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL) == 1) {
        length = BIO_get_mem_data(bio, &data);
        pem = length > 0 ? keys_secure_alloc((size_t)length) : NULL;
        if (pem != NULL) {
            memcpy(pem, data, (size_t)length);
            *length_r = (size_t)length;
        }
    }
    if (pem == NULL)
        base_error_set(error_r, "OpenSSL could not write the new key as PEM: no memory");
    ERR_clear_error();
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return pem;
}
