/* One DKIM-Signature field (RFC 6376 section 3.5), read and checked before any library sees it. */
#ifndef POLICY_DKIM_SIGNATURE_H
#define POLICY_DKIM_SIGNATURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/text.h"
#include "dns/name.h"
#include "keys/key.h"
#include "policy/dkim/keyring.h"
#include "policy/dkim/result.h"

struct base_arena;

/* Octets of one field's value at most. */
#define DKIM_SIGNATURE_MAX 32768

struct dkim_signature {
    /* Result NONE while nothing speaks against it: it is to be verified. */
    struct dkim_verdict verdict;
    enum keys_algorithm algorithm;
    /* d=, and where its key is: s= "._domainkey." d=. */
    struct dns_name domain;
    struct dns_name key_name;
    /* b= and h= without white space. */
    struct base_text b;
    struct base_text h;
    enum dkim_canon body_canon;
    /* l=; -1: not there. */
    int64_t limit;
};

/* `now_s` decides about t= and x=, with 300 s of grace; `max_names` is the cap on h=. False only
 * when the arena is exhausted; every fault of the field is a verdict. */
__attribute__((warn_unused_result)) bool dkim_signature_read(struct base_arena *arena,
                                                             struct base_text value, int64_t now_s,
                                                             size_t max_names,
                                                             struct dkim_signature *signature_r);
/* d= alone, for the choice among too many; false if there is none that is a domain name. */
bool dkim_signature_peek_domain(struct base_text value, struct dns_name *domain_r);
/* How often h= names that field (any case). */
size_t dkim_signature_covers(const struct dkim_signature *signature, struct base_text name);

#endif
