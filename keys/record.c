/* The key record (RFC 6376 section 3.6.1; k=ed25519: RFC 8463 section 4) and its form in a master
 * file (RFC 1035 sections 3.3 and 5.1). */
#include "keys/record.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>

/* Octets of a character-string: its length is one octet. */
#define CHARACTER_STRING_MAX 255
/* Room for the record of an RSA key of 8,192 bits. */
#define RECORD_MAX 2048

void keys_record_append_data(const struct keys_key *key, struct base_buf *out)
{
    base_buf_append_cstr(out, "v=DKIM1; k=");
    base_buf_append_cstr(out, keys_key_algorithm(key) == KEYS_RSA_SHA256 ? "rsa" : "ed25519");
    base_buf_append_cstr(out, "; p=");
    keys_key_append_public(key, out);
}

/* Nothing in the data needs an escape: tags and base64 only. */
static void append_strings(struct base_buf *out, struct base_text data)
{
    size_t length;

    if (data.length <= CHARACTER_STRING_MAX) {
        base_buf_appendf(out, "\"%.*s\"", (int)data.length, data.data);
        return;
    }
    base_buf_append_cstr(out, "(");
    while (data.length > 0) {
        length = data.length < CHARACTER_STRING_MAX ? data.length : CHARACTER_STRING_MAX;
        base_buf_appendf(out, "\n\t\"%.*s\"", (int)length, data.data);
        data.data += length;
        data.length -= length;
    }
    base_buf_append_cstr(out, " )");
}

bool keys_record_append_line(const struct keys_key *key, const struct dns_name *domain,
                             const char *selector, struct base_buf *out)
{
    char prefix[DNS_NAME_MAX + 1];
    char escaped[DNS_NAME_ESCAPED_SIZE];
    char storage[RECORD_MAX];
    struct base_buf data;
    struct dns_name name;
    int length = snprintf(prefix, sizeof(prefix), "%s._domainkey", selector);

    if (length < 0 || (size_t)length >= sizeof(prefix) || !dns_name_prepend(&name, prefix, domain))
        return false;
    base_buf_init_fixed(&data, storage, sizeof(storage));
    keys_record_append_data(key, &data);
    base_buf_appendf(out, "%s. IN TXT ", dns_name_escape(&name, escaped));
    append_strings(out, base_buf_text(&data));
    base_buf_append_cstr(out, "\n");
    return !data.is_over;
}

unsigned keys_record_rsa_bits(struct base_text p)
{
    unsigned char octets[RECORD_MAX];
    const unsigned char *at = octets;
    unsigned bits = 0;
    int length;

    /* Four characters are three octets. */
    if (p.length == 0 || p.length / 4 * 3 + 3 > sizeof(octets))
        return 0;
    length = EVP_DecodeBlock(octets, (const unsigned char *)p.data, (int)p.length);
    if (length <= 0)
        return 0;
    EVP_PKEY *pkey = d2i_PUBKEY(NULL, &at, length);

    if (pkey != NULL && EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA)
        bits = (unsigned)EVP_PKEY_get_bits(pkey);
    EVP_PKEY_free(pkey);
    ERR_clear_error();
    return bits;
}
