#include "policy/tls.h"

#include <string.h>

#define BITS_MAX 65536

const char *policy_certificate_text(enum policy_certificate certificate)
{
    static const char *const texts[] = {"none", "unverified", "verified"};

    return texts[certificate];
}

/* What is longer is none of the names that OpenSSL gives: the number stays 0. */
static void keep_word(char *out, size_t size, struct base_text text)
{
    size_t length = text.length < size ? text.length : size - 1;

    if (length > 0)
        memcpy(out, text.data, length);
    out[length] = '\0';
}

unsigned policy_tls_number(struct base_text version)
{
    struct base_text rest = version;
    bool is_ssl = base_text_starts_with(version, BASE_TEXT("SSLv"));
    uint64_t major;
    uint64_t minor = 0;

    if (is_ssl || base_text_starts_with(version, BASE_TEXT("TLSv")))
        rest = (struct base_text){version.data + 4, version.length - 4};
    if (rest.length == 0 || !base_text_to_uint(base_text_split(&rest, '.'), 9, &major))
        return 0;
    if (rest.data != NULL && !base_text_to_uint(rest, 9, &minor))
        return 0;
    /* SSL 3 is what came before TLS 1.0. */
    return is_ssl ? (unsigned)major : (unsigned)(major << 8 | minor);
}

static int hex_value(char c)
{
    static const char digits[] = "0123456789ABCDEF";
    const char *at = c == '\0' ? NULL : strchr(digits, c);

    return at == NULL ? -1 : (int)(at - digits);
}

/* Sendmail writes blanks, brackets, quotes and '+' as '+' and two digits. A name that does not fit
 * is left out whole: the beginning of a name is another name. So is one with a NUL in it. */
static void keep_name(char out[POLICY_TLS_NAME_SIZE], struct base_text text, bool is_encoded)
{
    size_t length = 0;

    out[0] = '\0';
    for (size_t i = 0; i < text.length; i++) {
        char c = text.data[i];

        if (is_encoded && c == '+' && i + 2 < text.length && hex_value(text.data[i + 1]) >= 0 &&
            hex_value(text.data[i + 2]) >= 0) {
            c = (char)(hex_value(text.data[i + 1]) * 16 + hex_value(text.data[i + 2]));
            i += 2;
        }
        if (c == '\0' || length + 1 >= POLICY_TLS_NAME_SIZE) {
            out[0] = '\0';
            return;
        }
        out[length++] = c;
    }
    out[length] = '\0';
}

/* Postfix names a certificate only when it trusts the chain, and has no {verify}. An MTA that says
 * neither {verify} nor that it is Postfix may name anybody's. */
static enum policy_certificate judge(const struct policy_tls_facts *facts,
                                     struct base_text mta_version)
{
    if (facts->cert_subject.length == 0 && facts->cert_issuer.length == 0)
        return POLICY_CERTIFICATE_NONE;
    if (facts->verify.length > 0)
        return base_text_equals(facts->verify, BASE_TEXT("OK")) ? POLICY_CERTIFICATE_VERIFIED
                                                                : POLICY_CERTIFICATE_UNVERIFIED;
    return base_text_starts_with(mta_version, BASE_TEXT("Postfix")) ? POLICY_CERTIFICATE_VERIFIED
                                                                    : POLICY_CERTIFICATE_UNVERIFIED;
}

bool policy_tls_read(struct policy_tls *tls_r, const struct policy_tls_facts *facts,
                     struct base_text mta_version)
{
    bool is_encoded = facts->verify.length > 0;
    uint64_t bits;

    if (facts->version.length == 0)
        return false;
    memset(tls_r, 0, sizeof(*tls_r));
    keep_word(tls_r->version, sizeof(tls_r->version), facts->version);
    tls_r->number = policy_tls_number(facts->version);
    keep_word(tls_r->cipher, sizeof(tls_r->cipher), facts->cipher);
    tls_r->cipher_bits = base_text_to_uint(facts->cipher_bits, BITS_MAX, &bits) ? (int)bits : -1;
    tls_r->certificate = judge(facts, mta_version);
    if (tls_r->certificate == POLICY_CERTIFICATE_NONE)
        return true;
    keep_name(tls_r->subject, facts->cert_subject, is_encoded);
    keep_name(tls_r->issuer, facts->cert_issuer, is_encoded);
    /* What Postfix calls subject and issuer are the common names. */
    keep_name(tls_r->subject_cn, is_encoded ? facts->cn_subject : facts->cert_subject, is_encoded);
    keep_name(tls_r->issuer_cn, is_encoded ? facts->cn_issuer : facts->cert_issuer, is_encoded);
    return true;
}
