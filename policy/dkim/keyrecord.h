/* Key records (RFC 6376 section 3.6.1, RFC 8463 section 4) as DNS gave them. */
#ifndef POLICY_DKIM_KEYRECORD_H
#define POLICY_DKIM_KEYRECORD_H

#include <stdbool.h>

#include "base/text.h"
#include "keys/key.h"

struct base_arena;

/* Octets of a record at most. */
#define DKIM_KEY_RECORD_MAX 1024

struct dkim_key_record {
    /* p= without white space. */
    struct base_text p;
    /* t=y and t=s. */
    bool is_testing;
    bool is_strict;
};

enum dkim_key_fault {
    DKIM_KEY_OK,
    /* Nothing that has to do with DKIM: another TXT record at the name. */
    DKIM_KEY_NOT_DKIM,
    DKIM_KEY_TOO_LONG,
    DKIM_KEY_MALFORMED,
    /* p= is empty. */
    DKIM_KEY_REVOKED,
    DKIM_KEY_OTHER_ALGORITHM,
    DKIM_KEY_OTHER_HASH,
    DKIM_KEY_NOT_FOR_MAIL,
    DKIM_KEY_UNREADABLE,
};

/* Whether the record is a key for signatures of that algorithm. */
enum dkim_key_fault dkim_key_record_read(struct base_arena *arena, struct base_text text,
                                         enum keys_algorithm algorithm,
                                         struct dkim_key_record *record_r);
/* The reason in words: "the key is revoked", ... */
const char *dkim_key_fault_text(enum dkim_key_fault fault);

#endif
