/* Signing keys of DKIM: RSASSA-PKCS1-v1_5 with SHA-256 (RFC 6376 section 3.3.1, key sizes of RFC
 * 8301 section 3.2) and PureEdDSA (RFC 8463 section 3).
 *
 * Parsing PEM costs more than an RSA-2048 signature, and so does setting up a context by name: both
 * are done once, here. A key holds contexts that are ready to sign; each signature duplicates one
 * (about a microsecond, no fetch, no lock held) and ends with one private-key operation. The
 * templates themselves are never used after the load, so threads only read them. */
#include "keys/key.h"

#include <stdatomic.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/mem.h"
#include "base/panic.h"
#include "keys/secure.h"

#define RSA_BITS_MIN     1024
#define RSA_BITS_ADVISED 2048
/* A signature would not fit, and would take a second. */
#define RSA_BITS_MAX 8192
#define DIGEST_SIZE  32
/* PureEdDSA's public key and signature (RFC 8032 section 5.1). */
#define ED25519_PUBLIC_SIZE 32
#define ED25519_BITS        256

struct keys_key {
    atomic_uint refs;
    enum keys_algorithm algorithm;
    unsigned bits;
    EVP_PKEY *pkey;
    /* RSA: ready for EVP_PKEY_sign(); NULL for Ed25519. */
    EVP_PKEY_CTX *rsa_template;
    /* Ed25519: ready for EVP_DigestSign(); NULL for RSA. */
    EVP_MD_CTX *ed25519_template;
};

const char *keys_algorithm_text(enum keys_algorithm algorithm)
{
    switch (algorithm) {
    case KEYS_RSA_SHA256:
        return "rsa-sha256";
    case KEYS_ED25519_SHA256:
        return "ed25519-sha256";
    }
    base_panic("keys: algorithm %d", (int)algorithm);
}

/* OpenSSL asks for a passphrase: a daemon has none, and a prompt on the terminal would hang it. */
static int note_passphrase(char *buf, int size, int is_write, void *context)
{
    bool *is_encrypted = context;

    (void)buf;
    (void)size;
    (void)is_write;
    *is_encrypted = true;
    return -1;
}

static EVP_PKEY *read_pem(struct base_text pem, const char *name, struct base_error *error_r)
{
    bool is_encrypted = false;
    EVP_PKEY *pkey = NULL;
    BIO *bio;

    if (pem.length > INT32_MAX) {
        base_error_set(error_r, "%s: too large for a key", name);
        return NULL;
    }
    bio = BIO_new_mem_buf(pem.data, (int)pem.length);
    if (bio != NULL)
        pkey = PEM_read_bio_PrivateKey(bio, NULL, note_passphrase, &is_encrypted);
    BIO_free(bio);
    ERR_clear_error();
    if (pkey == NULL && is_encrypted)
        base_error_set(error_r,
                       "%s: the private key is encrypted, and a daemon has nobody to ask for the "
                       "passphrase: take it off with `openssl pkey -in FILE -out NEWFILE`",
                       name);
    else if (pkey == NULL)
        base_error_set(error_r,
                       "%s: no private key in PEM form (\"-----BEGIN PRIVATE KEY-----\") could be "
                       "read: make one with `postseal key new`",
                       name);
    return pkey;
}

static bool rsa_accept(struct keys_key *key, const char *name, const char **warning_r,
                       struct base_error *error_r)
{
    int bits = EVP_PKEY_get_bits(key->pkey);

    if (bits < RSA_BITS_MIN) {
        base_error_set(error_r,
                       "%s: an RSA key of %d bits: verifiers refuse signatures below %d (RFC 8301 "
                       "section 3.2): make one of 2048 with `postseal key new`",
                       name, bits, RSA_BITS_MIN);
        return false;
    }
    if (bits > RSA_BITS_MAX) {
        base_error_set(error_r,
                       "%s: an RSA key of %d bits: more than %d are not supported, and verifiers "
                       "need not support more than 4096: make one of 2048 with `postseal key new`",
                       name, bits, RSA_BITS_MAX);
        return false;
    }
    if (bits < RSA_BITS_ADVISED && warning_r != NULL)
        *warning_r = "an RSA key below 2048 bits: signers should use at least 2048 (RFC 8301 "
                     "section 3.2): make one with `postseal key new`";
    key->algorithm = KEYS_RSA_SHA256;
    key->bits = (unsigned)bits;
    return true;
}

static bool type_accept(struct keys_key *key, const char *name, const char **warning_r,
                        struct base_error *error_r)
{
    const char *type;

    if (EVP_PKEY_is_a(key->pkey, "RSA") == 1)
        return rsa_accept(key, name, warning_r, error_r);
    if (EVP_PKEY_is_a(key->pkey, "ED25519") == 1) {
        key->algorithm = KEYS_ED25519_SHA256;
        key->bits = ED25519_BITS;
        return true;
    }
    type = EVP_PKEY_get0_type_name(key->pkey);
    base_error_set(error_r,
                   "%s: a key of type %s: DKIM signs with RSA (RFC 6376) and Ed25519 (RFC 8463) "
                   "only: make one with `postseal key new`",
                   name, type == NULL ? "unknown" : type);
    return false;
}

static bool templates_create(struct keys_key *key)
{
    if (key->algorithm == KEYS_ED25519_SHA256) {
        key->ed25519_template = EVP_MD_CTX_new();
        return key->ed25519_template != NULL &&
               EVP_DigestSignInit(key->ed25519_template, NULL, NULL, NULL, key->pkey) == 1;
    }
    key->rsa_template = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    return key->rsa_template != NULL && EVP_PKEY_sign_init(key->rsa_template) == 1 &&
           EVP_PKEY_CTX_set_rsa_padding(key->rsa_template, RSA_PKCS1_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(key->rsa_template, EVP_sha256()) == 1;
}

static bool rsa_verify(const struct keys_key *key, const unsigned char *digest,
                       const unsigned char *signature, size_t length)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    bool is_good = context != NULL && EVP_PKEY_verify_init(context) == 1 &&
                   EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) == 1 &&
                   EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) == 1 &&
                   EVP_PKEY_verify(context, signature, length, digest, DIGEST_SIZE) == 1;

    EVP_PKEY_CTX_free(context);
    return is_good;
}

static bool ed25519_verify(const struct keys_key *key, const unsigned char *digest,
                           const unsigned char *signature, size_t length)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool is_good = context != NULL &&
                   EVP_DigestVerifyInit(context, NULL, NULL, NULL, key->pkey) == 1 &&
                   EVP_DigestVerify(context, signature, length, digest, DIGEST_SIZE) == 1;

    EVP_MD_CTX_free(context);
    return is_good;
}

/* The first signature makes OpenSSL compute what it keeps with the key (Montgomery forms,
 * blinding); checking it finds a file whose private and public halves do not fit. */
static bool warm(struct keys_key *key)
{
    static const unsigned char digest[DIGEST_SIZE] = "a digest that no message has ...";
    unsigned char signature[KEYS_SIGNATURE_MAX];
    size_t length = keys_key_sign(key, digest, signature);

    if (length == 0)
        return false;
    return key->algorithm == KEYS_RSA_SHA256 ? rsa_verify(key, digest, signature, length)
                                             : ed25519_verify(key, digest, signature, length);
}

struct keys_key *keys_key_parse(struct base_text pem, const char *name, const char **warning_r,
                                struct base_error *error_r)
{
    struct keys_key *key;
    EVP_PKEY *pkey;

    keys_secure_init();
    if (warning_r != NULL)
        *warning_r = NULL;
    pkey = read_pem(pem, name, error_r);
    if (pkey == NULL)
        return NULL;
    key = base_mem_alloc_zero(1, sizeof(*key));
    atomic_init(&key->refs, 1);
    key->pkey = pkey;
    if (!type_accept(key, name, warning_r, error_r)) {
        keys_key_unref(&key);
        return NULL;
    }
    if (!templates_create(key) || !warm(key)) {
        base_error_set(error_r,
                       "%s: the key does not make a good signature: its file is damaged; restore "
                       "it, or make a new one with `postseal key new`",
                       name);
        keys_key_unref(&key);
    }
    ERR_clear_error();
    return key;
}

struct keys_key *keys_key_ref(struct keys_key *key)
{
    (void)atomic_fetch_add_explicit(&key->refs, 1, memory_order_relaxed);
    return key;
}

void keys_key_unref(struct keys_key **key)
{
    struct keys_key *old = *key;

    *key = NULL;
    if (old == NULL || atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_CTX_free(old->rsa_template);
    EVP_MD_CTX_free(old->ed25519_template);
    EVP_PKEY_free(old->pkey);
    base_mem_free(old);
}

enum keys_algorithm keys_key_algorithm(const struct keys_key *key)
{
    return key->algorithm;
}

unsigned keys_key_bits(const struct keys_key *key)
{
    return key->bits;
}

static size_t rsa_sign(struct keys_key *key, const unsigned char *digest, unsigned char *signature)
{
    size_t length = KEYS_SIGNATURE_MAX;
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_dup(key->rsa_template);

    if (context == NULL || EVP_PKEY_sign(context, signature, &length, digest, DIGEST_SIZE) != 1)
        length = 0;
    EVP_PKEY_CTX_free(context);
    return length;
}

static size_t ed25519_sign(struct keys_key *key, const unsigned char *digest,
                           unsigned char *signature)
{
    size_t length = KEYS_SIGNATURE_MAX;
    EVP_MD_CTX *context = EVP_MD_CTX_new();

    if (context == NULL || EVP_MD_CTX_copy_ex(context, key->ed25519_template) != 1 ||
        EVP_DigestSign(context, signature, &length, digest, DIGEST_SIZE) != 1)
        length = 0;
    EVP_MD_CTX_free(context);
    return length;
}

size_t keys_key_sign(struct keys_key *key, const unsigned char digest[32],
                     unsigned char signature[KEYS_SIGNATURE_MAX])
{
    size_t length = key->algorithm == KEYS_RSA_SHA256 ? rsa_sign(key, digest, signature)
                                                      : ed25519_sign(key, digest, signature);

    /* The queue of errors is this thread's: nothing of ours may stay in it. */
    if (length == 0)
        ERR_clear_error();
    return length;
}

void keys_key_append_public(const struct keys_key *key, struct base_buf *out)
{
    unsigned char raw[ED25519_PUBLIC_SIZE];
    unsigned char *der = NULL;
    size_t raw_length = sizeof(raw);
    int length;

    if (key->algorithm == KEYS_ED25519_SHA256) {
        if (EVP_PKEY_get_raw_public_key(key->pkey, raw, &raw_length) != 1)
            base_panic("keys: an Ed25519 key without its public half");
        base_buf_append_base64(out, raw, raw_length);
        return;
    }
    length = i2d_PUBKEY(key->pkey, &der);
    if (length <= 0)
        base_panic("keys: an RSA key without its public half");
    base_buf_append_base64(out, der, (size_t)length);
    OPENSSL_free(der);
}
