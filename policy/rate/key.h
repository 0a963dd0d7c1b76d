/* What a rate counts by: facts of the session and of the message in one canonical form, so that
 * neither case nor an extension nor a U-label is another key. */
#ifndef POLICY_RATE_KEY_H
#define POLICY_RATE_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"
#include "policy/rate/store.h"
#include "policy/verdict.h"

struct policy_address;
struct policy_client;
struct policy_tls;

enum rate_part {
    RATE_PART_LOGIN,
    RATE_PART_CLIENT_IP,
    RATE_PART_CLIENT_NET,
    RATE_PART_SENDER,
    RATE_PART_SENDER_DOMAIN,
    RATE_PART_AUTHOR_DOMAIN,
    RATE_PART_RECIPIENT,
    RATE_PART_RECIPIENT_DOMAIN,
    RATE_PART_HELO,
    RATE_PART_CERTIFICATE,
    RATE_PARTS,
};

struct rate_key {
    unsigned count;
    enum rate_part parts[RATE_PARTS];
    /* Of client-net. */
    unsigned prefix4;
    unsigned prefix6;
};

/* What keys are made of; what is not known is {NULL, 0} or NULL. */
struct rate_facts {
    struct base_text login;
    const struct policy_client *client;
    const struct policy_address *sender;
    const struct policy_address *recipient;
    struct base_text author_domain;
    struct base_text helo;
    const struct policy_tls *tls;
    /* The characters of `recipient-delimiter`; may be NULL. */
    const char *delimiters;
};

/* exempt.h */
struct rate_exempt;

enum rate_key_outcome {
    RATE_KEY_MADE,
    /* Something that it is made of is not there: the rate does not apply. */
    RATE_KEY_MISSING,
    RATE_KEY_EXEMPT,
};

/* Items: "login", "client-net", "client-net/24/64", ... */
__attribute__((warn_unused_result)) bool rate_key_parse(const struct conf_list *list,
                                                        struct rate_key *key_r,
                                                        struct base_error *error_r);
bool rate_key_has(const struct rate_key *key, enum rate_part part);
/* It has another value for each recipient. */
bool rate_key_is_of_recipient(const struct rate_key *key);
/* The first stage that knows all of it. */
enum policy_stage rate_key_known_from(const struct rate_key *key);

/* Parts joined by '|'; a key that is too long ends in '#' and a hash. `out` is a buffer over
 * RATE_KEY_MAX + 1 octets. */
enum rate_key_outcome rate_key_make(const struct rate_key *key, const struct rate_facts *facts,
                                    const struct rate_exempt *exempt, struct base_buf *out);
/* One part alone, as far as there is room; false: it is not there. */
bool rate_key_append_part(enum rate_part part, const struct rate_key *key,
                          const struct rate_facts *facts, struct base_buf *out);

#endif
