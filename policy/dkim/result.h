/* What verification says about one signature: the results of RFC 8601 section 2.7.1 with a reason
 * of our own, and what else rules and reports want to know. */
#ifndef POLICY_DKIM_RESULT_H
#define POLICY_DKIM_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"

enum dkim_result {
    /* The message has no signature; never of one signature. */
    DKIM_RESULT_NONE,
    DKIM_RESULT_PASS,
    /* The signature or the body hash does not fit the message. */
    DKIM_RESULT_FAIL,
    /* It would verify, but RFC 8301, RFC 6376 section 8 or a cap of ours does not accept it. */
    DKIM_RESULT_POLICY,
    /* Well-formed, but this program cannot process it. */
    DKIM_RESULT_NEUTRAL,
    /* DNS did not answer. */
    DKIM_RESULT_TEMPERROR,
    /* Malformed, or without a usable key. */
    DKIM_RESULT_PERMERROR,
};

/* "none", "pass", ..., as in Authentication-Results. */
const char *dkim_result_text(enum dkim_result result);

enum dkim_flag {
    /* The key record has t=y: its owner is testing; reported, nothing more (section 3.6.1). */
    DKIM_FLAG_TEST_KEY = 1 << 0,
    /* The key record has t=s: no subdomains in i=. */
    DKIM_FLAG_STRICT_KEY = 1 << 1,
    /* l= limits what of the body was signed. */
    DKIM_FLAG_BODY_LENGTH = 1 << 2,
    /* ... and the body is longer: whoever added to it need not be the signer. */
    DKIM_FLAG_PARTIAL_BODY = 1 << 3,
    /* Several key records at the name. */
    DKIM_FLAG_SEVERAL_KEYS = 1 << 4,
};

/* "test-key", ...; NULL past the last bit. For i = 0, 1, ... the name of 1 << i. */
const char *dkim_flag_text(unsigned index);

struct dkim_verdict {
    enum dkim_result result;
    /* In our words, printable ASCII, nothing of a stranger's in it; NULL for an unremarkable
     * pass. */
    const char *reason;
    /* d=, s=, i= as written, white space removed; a stranger's; {NULL, 0} where missing. NUL
     * behind each. */
    struct base_text domain;
    struct base_text selector;
    struct base_text identity;
    struct base_text algorithm;
    /* b= without white space; {NULL, 0} if it is no base64. */
    struct base_text b;
    /* Of the key; 0: not known. 256 for Ed25519. */
    unsigned bits;
    /* enum dkim_flag */
    unsigned flags;
    /* t= and x=; -1: not there. */
    int64_t signed_s;
    int64_t expires_s;
};

/* It passed and covers the whole body: may count for DMARC. */
bool dkim_verdict_is_creditable(const struct dkim_verdict *verdict);

struct dkim_verdicts {
    /* In the order of the message's fields. */
    const struct dkim_verdict *items;
    size_t count;
    /* Signatures past the cap, not looked at. */
    size_t skipped;
};

#endif
