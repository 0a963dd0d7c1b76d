/* What the MTA says of a session's TLS and of the client's certificate, at HELO and again at MAIL:
 * a client that says no EHLO after STARTTLS (RFC 3207 section 4.2) has told of it nowhere else.
 * Postfix and Sendmail speak differently of certificates: Postfix sends the common names, and only
 * of a certificate whose chain it trusts; Sendmail sends the whole names, {verify} and the common
 * names, its special characters written as '+' and two digits. Nothing here is copied from one
 * session to another; all lengths are bounded. */
#ifndef POLICY_TLS_H
#define POLICY_TLS_H

#include <stdbool.h>

#include "base/text.h"

/* The macros as they came; {NULL, 0} or empty: not said. */
struct policy_tls_facts {
    struct base_text version;
    struct base_text cipher;
    struct base_text cipher_bits;
    struct base_text cert_subject;
    struct base_text cert_issuer;
    struct base_text cn_subject;
    struct base_text cn_issuer;
    struct base_text verify;
};

/* RFC 5280's names are bounded by 64 characters each; a chain of them is not. */
#define POLICY_TLS_NAME_SIZE 512

enum policy_certificate {
    /* None was shown, or the MTA does not say. */
    POLICY_CERTIFICATE_NONE,
    /* Shown, and not known to be of a trusted chain: its names are anybody's. */
    POLICY_CERTIFICATE_UNVERIFIED,
    POLICY_CERTIFICATE_VERIFIED,
};

/* "none", "unverified", "verified". */
const char *policy_certificate_text(enum policy_certificate certificate);

struct policy_tls {
    /* "TLSv1.3" */
    char version[16];
    /* 0x0103 is 1.3, 0x0003 is SSL 3; 0: cannot be read. */
    unsigned number;
    char cipher[64];
    /* -1: not said. */
    int cipher_bits;
    enum policy_certificate certificate;
    /* The whole name ("/O=Client Org/CN=client.example.com"), from Postfix the common name; ""
     * where it is not known, or too long to be kept whole. */
    char subject[POLICY_TLS_NAME_SIZE];
    char issuer[POLICY_TLS_NAME_SIZE];
    /* The common names; "" the like. */
    char subject_cn[POLICY_TLS_NAME_SIZE];
    char issuer_cn[POLICY_TLS_NAME_SIZE];
};

/* False, and nothing else is set: no TLS was told of. `mta_version` is the macro v. */
bool policy_tls_read(struct policy_tls *tls_r, const struct policy_tls_facts *facts,
                     struct base_text mta_version);
/* "TLSv1" 0x0100, "TLSv1.2" or "1.2" 0x0102, "SSLv3" 0x0003; 0: cannot be read. */
unsigned policy_tls_number(struct base_text version);

#endif
