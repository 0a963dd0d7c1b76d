#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "keys/key.h"

/* RFC 8463 appendix A.2: the private key as PKCS#8, and what is published for it. */
static const char rfc8463_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
static const char rfc8463_public[] = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";

enum form {
    FORM_PKCS8,
    FORM_TRADITIONAL,
    FORM_PKCS8_ENCRYPTED,
    FORM_TRADITIONAL_ENCRYPTED,
    FORM_PUBLIC,
    FORM_WITH_TEXT_BEFORE,
    FORM_CUT,
};

struct pem {
    char data[16384];
    size_t length;
};

static EVP_PKEY *make(const char *type, unsigned bits)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *pkey = NULL;

    assert_non_null(context);
    assert_int_equal(EVP_PKEY_keygen_init(context), 1);
    if (strncmp(type, "RSA", 3) == 0)
        assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(context, (int)bits), 1);
    if (strcmp(type, "EC") == 0)
        assert_int_equal(EVP_PKEY_CTX_set_group_name(context, "P-256"), 1);
    assert_int_equal(EVP_PKEY_generate(context, &pkey), 1);
    EVP_PKEY_CTX_free(context);
    return pkey;
}

static void write_pem(struct pem *pem, EVP_PKEY *pkey, enum form form)
{
    static const unsigned char word[] = "secret";
    BIO *bio = BIO_new(BIO_s_mem());
    int is_good = 0;
    char *data;
    long length;

    switch (form) {
    case FORM_TRADITIONAL:
        is_good = PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL);
        break;
    case FORM_TRADITIONAL_ENCRYPTED:
        is_good =
            PEM_write_bio_PrivateKey_traditional(bio, pkey, EVP_aes_128_cbc(), word, 6, NULL, NULL);
        break;
    case FORM_PKCS8_ENCRYPTED:
        is_good = PEM_write_bio_PKCS8PrivateKey(bio, pkey, EVP_aes_128_cbc(), (const char *)word, 6,
                                                NULL, NULL);
        break;
    case FORM_PUBLIC:
        is_good = PEM_write_bio_PUBKEY(bio, pkey);
        break;
    case FORM_WITH_TEXT_BEFORE:
        assert_true(BIO_puts(bio, "# made in March\n\n") > 0);
        /* fall through */
    case FORM_PKCS8:
    case FORM_CUT:
        is_good = PEM_write_bio_PKCS8PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL);
        break;
    }
    assert_int_equal(is_good, 1);
    length = BIO_get_mem_data(bio, &data);
    assert_true(length > 0 && (size_t)length < sizeof(pem->data));
    pem->length = form == FORM_CUT ? (size_t)length / 2 : (size_t)length;
    memcpy(pem->data, data, pem->length);
    BIO_free(bio);
}

static struct keys_key *parse(const struct pem *pem, const char **warning_r,
                              struct base_error *error_r)
{
    return keys_key_parse((struct base_text){pem->data, pem->length}, "some.pem", warning_r,
                          error_r);
}

static void test_accepts_and_refuses(void **state)
{
    static const struct {
        const char *name;
        const char *type;
        unsigned bits;
        enum form form;
        /* In the error; NULL: accepted. */
        const char *want;
        bool want_warning;
    } cases[] = {
        {"rsa 2048", "RSA", 2048, FORM_PKCS8, NULL, false},
        {"rsa 2048 traditional", "RSA", 2048, FORM_TRADITIONAL, NULL, false},
        {"rsa with text before it", "RSA", 2048, FORM_WITH_TEXT_BEFORE, NULL, false},
        {"rsa 1024: weak", "RSA", 1024, FORM_PKCS8, NULL, true},
        {"rsa 2047: weak", "RSA", 2047, FORM_PKCS8, NULL, true},
        {"rsa 1023", "RSA", 1023, FORM_PKCS8, "1023 bits", false},
        {"rsa 512", "RSA", 512, FORM_PKCS8, "512 bits", false},
        {"ed25519", "ED25519", 0, FORM_PKCS8, NULL, false},
        {"rsa-pss", "RSA-PSS", 2048, FORM_PKCS8, "type RSA-PSS", false},
        {"ec", "EC", 0, FORM_PKCS8, "type EC", false},
        {"ec traditional", "EC", 0, FORM_TRADITIONAL, "type EC", false},
        {"ed448", "ED448", 0, FORM_PKCS8, "type ED448", false},
        {"x25519 does not sign", "X25519", 0, FORM_PKCS8, "type X25519", false},
        {"encrypted", "RSA", 2048, FORM_PKCS8_ENCRYPTED, "openssl pkey", false},
        {"encrypted traditional", "RSA", 2048, FORM_TRADITIONAL_ENCRYPTED, "openssl pkey", false},
        {"encrypted ed25519", "ED25519", 0, FORM_PKCS8_ENCRYPTED, "encrypted", false},
        {"public half only", "RSA", 2048, FORM_PUBLIC, "no private key", false},
        {"cut", "RSA", 2048, FORM_CUT, "no private key", false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *pkey = make(cases[i].type, cases[i].bits);
        struct base_error error = {""};
        const char *warning = "untouched";
        struct keys_key *key;
        struct pem pem;

        print_message("%s\n", cases[i].name);
        write_pem(&pem, pkey, cases[i].form);
        key = parse(&pem, &warning, &error);
        assert_int_equal(key != NULL, cases[i].want == NULL);
        if (cases[i].want == NULL)
            assert_int_equal(warning != NULL, cases[i].want_warning);
        else
            assert_non_null(strstr(error.text, cases[i].want));
        if (cases[i].want != NULL)
            assert_non_null(strstr(error.text, "some.pem: "));
        keys_key_unref(&key);
        assert_null(key);
        EVP_PKEY_free(pkey);
    }
}

static void test_refuses_what_is_no_key(void **state)
{
    static const char *const texts[] = {
        "",
        "hello\n",
        "-----BEGIN PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
        "-----BEGIN CERTIFICATE-----\nMC4CAQAwBQYDK2Vw\n-----END CERTIFICATE-----\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct base_error error = {""};

        assert_null(keys_key_parse(base_text_of(texts[i]), "k", NULL, &error));
        assert_non_null(strstr(error.text, "k: no private key"));
    }
}

/* Another public exponent: it signs as before, but what it publishes verifies nothing. */
static void test_refuses_halves_that_do_not_fit(void **state)
{
    static const unsigned char exponent[] = {0x02, 0x03, 0x01, 0x00, 0x01};
    EVP_PKEY *pkey = make("RSA", 2048);
    struct base_error error = {""};
    unsigned char *der = NULL;
    const unsigned char *cursor;
    unsigned char *place;
    EVP_PKEY *broken;
    struct pem pem;
    int length;

    (void)state;
    length = i2d_PrivateKey(pkey, &der);
    assert_true(length > 600);
    place = memmem(der, (size_t)length, exponent, sizeof(exponent));
    assert_non_null(place);
    place[4] = 0x03;
    cursor = der;
    broken = d2i_PrivateKey(EVP_PKEY_RSA, NULL, &cursor, length);
    assert_non_null(broken);
    write_pem(&pem, broken, FORM_PKCS8);
    assert_null(parse(&pem, NULL, &error));
    assert_non_null(strstr(error.text, "damaged"));
    EVP_PKEY_free(broken);
    OPENSSL_clear_free(der, (size_t)length);
    EVP_PKEY_free(pkey);
}

static void test_signature_verifies(void **state)
{
    static const struct {
        const char *type;
        unsigned bits;
        enum keys_algorithm algorithm;
        const char *text;
        size_t length;
    } cases[] = {
        {"RSA", 2048, KEYS_RSA_SHA256, "rsa-sha256", 256},
        {"RSA", 1024, KEYS_RSA_SHA256, "rsa-sha256", 128},
        {"ED25519", 256, KEYS_ED25519_SHA256, "ed25519-sha256", 64},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        EVP_PKEY *pkey = make(cases[i].type, cases[i].bits);
        unsigned char signature[KEYS_SIGNATURE_MAX];
        EVP_MD_CTX *verify = EVP_MD_CTX_new();
        unsigned char digest[32];
        struct keys_key *key;
        struct pem pem;
        size_t length;
        bool is_rsa = cases[i].algorithm == KEYS_RSA_SHA256;

        write_pem(&pem, pkey, FORM_PKCS8);
        key = parse(&pem, NULL, NULL);
        assert_non_null(key);
        assert_int_equal(keys_key_algorithm(key), cases[i].algorithm);
        assert_int_equal(keys_key_bits(key), cases[i].bits);
        assert_string_equal(keys_algorithm_text(keys_key_algorithm(key)), cases[i].text);
        assert_int_equal(EVP_Digest("hello", 5, digest, NULL, EVP_sha256(), NULL), 1);
        length = keys_key_sign(key, digest, signature);
        assert_int_equal(length, cases[i].length);
        /* RSA: over the message, so that the DigestInfo was proved too. */
        assert_int_equal(
            EVP_DigestVerifyInit(verify, NULL, is_rsa ? EVP_sha256() : NULL, NULL, pkey), 1);
        assert_int_equal(EVP_DigestVerify(verify, signature, length,
                                          is_rsa ? (const unsigned char *)"hello" : digest,
                                          is_rsa ? 5 : 32),
                         1);
        EVP_MD_CTX_free(verify);
        keys_key_unref(&key);
        EVP_PKEY_free(pkey);
    }
}

static void test_public_of_rfc8463(void **state)
{
    struct keys_key *key = keys_key_parse(BASE_TEXT(rfc8463_pem), "rfc", NULL, NULL);
    struct base_buf out;

    (void)state;
    assert_non_null(key);
    base_buf_init(&out, NULL, 1000);
    keys_key_append_public(key, &out);
    assert_string_equal(base_buf_cstr(&out), rfc8463_public);
    base_buf_deinit(&out);
    keys_key_unref(&key);
}

static void *sign_many(void *context)
{
    struct keys_key *key = keys_key_ref(context);
    unsigned char first[KEYS_SIGNATURE_MAX];
    unsigned char again[KEYS_SIGNATURE_MAX];
    unsigned char digest[32] = {1, 2, 3};
    bool is_good = true;

    for (int i = 0; i < 30; i++) {
        size_t length = keys_key_sign(key, digest, first);

        is_good = is_good && length > 0 && keys_key_sign(key, digest, again) == length &&
                  memcmp(first, again, length) == 0;
    }
    keys_key_unref(&key);
    return is_good ? context : NULL;
}

static void test_shared_by_threads(void **state)
{
    static const char *const types[] = {"RSA", "ED25519"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        EVP_PKEY *pkey = make(types[i], 2048);
        pthread_t threads[8];
        struct keys_key *key;
        struct pem pem;
        void *result;

        write_pem(&pem, pkey, FORM_PKCS8);
        key = parse(&pem, NULL, NULL);
        assert_non_null(key);
        for (size_t j = 0; j < 8; j++)
            assert_int_equal(pthread_create(&threads[j], NULL, sign_many, key), 0);
        for (size_t j = 0; j < 8; j++) {
            assert_int_equal(pthread_join(threads[j], &result), 0);
            assert_ptr_equal(result, key);
        }
        keys_key_unref(&key);
        EVP_PKEY_free(pkey);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_and_refuses),
        cmocka_unit_test(test_refuses_what_is_no_key),
        cmocka_unit_test(test_refuses_halves_that_do_not_fit),
        cmocka_unit_test(test_signature_verifies),
        cmocka_unit_test(test_public_of_rfc8463),
        cmocka_unit_test(test_shared_by_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
