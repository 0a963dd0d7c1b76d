/* For the tests of verification: signatures of any form, as no signer of ours would make them. Uses
 * OpenSSL and our canonicalization only. */
#ifndef TESTS_UNIT_DKIM_CUSTOM_H
#define TESTS_UNIT_DKIM_CUSTOM_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "policy/dkim/canon.h"
#include "tests/unit/dkim_message.h"

struct custom_hash {
    EVP_MD_CTX *digest;
    /* Octets that still count; l= */
    uint64_t left;
};

static inline void custom_write(void *context, const void *data, size_t length)
{
    struct custom_hash *hash = context;
    size_t taken = hash->left < length ? (size_t)hash->left : length;

    EVP_DigestUpdate(hash->digest, data, taken);
    hash->left -= taken;
}

static inline void custom_begin(struct custom_hash *hash, uint64_t limit)
{
    hash->digest = EVP_MD_CTX_new();
    hash->left = limit;
    EVP_DigestInit_ex(hash->digest, EVP_sha256(), NULL);
}

static inline void custom_end(struct custom_hash *hash, unsigned char out[32])
{
    EVP_DigestFinal_ex(hash->digest, out, NULL);
    EVP_MD_CTX_free(hash->digest);
}

/* The value of the last tag of that name, spelled "name=" as the tests do; "" if there is none. */
static inline struct base_text custom_tag(const char *tags, const char *spelled)
{
    const char *found = NULL;

    for (const char *at = tags; (at = strstr(at, spelled)) != NULL; at++)
        if (at == tags || at[-1] == ' ' || at[-1] == ';' || at[-1] == '\t')
            found = at + strlen(spelled);
    if (found == NULL)
        return (struct base_text){"", 0};
    return base_text_trim((struct base_text){found, strcspn(found, ";")});
}

static inline size_t custom_sign(const char *pem, const unsigned char hash[32],
                                 unsigned char *signature, size_t size)
{
    BIO *bio = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    size_t length = size;

    if (EVP_PKEY_is_a(key, "RSA")) {
        EVP_PKEY_CTX *context = EVP_PKEY_CTX_new(key, NULL);

        if (EVP_PKEY_sign_init(context) != 1 ||
            EVP_PKEY_CTX_set_rsa_padding(context, RSA_PKCS1_PADDING) != 1 ||
            EVP_PKEY_CTX_set_signature_md(context, EVP_sha256()) != 1 ||
            EVP_PKEY_sign(context, signature, &length, hash, 32) != 1)
            abort();
        EVP_PKEY_CTX_free(context);
    } else {
        EVP_MD_CTX *context = EVP_MD_CTX_new();

        if (EVP_DigestSignInit(context, NULL, NULL, NULL, key) != 1 ||
            EVP_DigestSign(context, signature, &length, hash, 32) != 1)
            abort();
        EVP_MD_CTX_free(context);
    }
    EVP_PKEY_free(key);
    BIO_free(bio);
    return length;
}

/* Marks the fields that h= selects, bottom up, and hashes them. */
static inline void custom_hash_fields(const struct test_message *message, enum dkim_canon canon,
                                      struct base_text names, struct dkim_sink *sink)
{
    const struct policy_header *header = &message->header;
    bool *used = base_mem_alloc_zero(header->count + 1, sizeof(*used));

    while (names.data != NULL) {
        struct base_text name = base_text_trim(base_text_split(&names, ':'));

        for (size_t i = header->count; i-- > 0;) {
            if (used[i] || !base_text_equals_nocase(header->fields[i].name, name))
                continue;
            used[i] = true;
            dkim_canon_field(canon, header->fields[i].name, header->fields[i].value, sink);
            break;
        }
    }
    base_mem_free(used);
}

/* Adds a signature on top. `tags`: the field's value, in which "BH" stands for the body hash and
 * whose end "b=" is completed; c=, h= and l= are read from it. */
static inline void custom_add(struct test_message *message, const char *pem, const char *tags)
{
    struct base_text c = custom_tag(tags, "c=");
    struct base_text l = custom_tag(tags, "l=");
    struct base_text c_body = c;
    enum dkim_canon header_canon =
        base_text_equals_nocase(base_text_split(&c_body, '/'), BASE_TEXT("relaxed"))
            ? DKIM_CANON_RELAXED
            : DKIM_CANON_SIMPLE;
    enum dkim_canon body_canon = base_text_equals_nocase(c_body, BASE_TEXT("relaxed"))
                                     ? DKIM_CANON_RELAXED
                                     : DKIM_CANON_SIMPLE;
    const char *bh = strstr(tags, "BH");
    unsigned char raw[32];
    unsigned char signature[1024];
    uint64_t limit = UINT64_MAX;
    struct custom_hash hash;
    struct dkim_sink sink;
    struct dkim_body body;
    struct base_buf value;

    if (l.length > 0 && !base_text_to_uint(l, UINT64_MAX, &limit))
        limit = UINT64_MAX;
    custom_begin(&hash, limit);
    dkim_sink_init(&sink, custom_write, &hash);
    dkim_body_begin(&body, body_canon, &sink);
    dkim_body_write(&body, message->body);
    dkim_body_end(&body);
    custom_end(&hash, raw);

    base_buf_init(&value, message->arena, 1 << 20);
    base_buf_append(&value, tags, bh == NULL ? strlen(tags) : (size_t)(bh - tags));
    if (bh != NULL) {
        base_buf_append_base64(&value, raw, 32);
        base_buf_append_cstr(&value, bh + 2);
    }
    custom_begin(&hash, UINT64_MAX);
    dkim_sink_init(&sink, custom_write, &hash);
    custom_hash_fields(message, header_canon, custom_tag(tags, "h="), &sink);
    dkim_canon_last_field(header_canon, BASE_TEXT("DKIM-Signature"), base_buf_text(&value), &sink);
    dkim_sink_flush(&sink);
    custom_end(&hash, raw);
    base_buf_append_base64(&value, signature, custom_sign(pem, raw, signature, sizeof(signature)));
    if (!policy_edits_insert(&message->edits, &message->header, BASE_TEXT("DKIM-Signature"),
                             base_buf_text(&value)))
        abort();
    message->header.fields[0].index = 1;
}

#endif
