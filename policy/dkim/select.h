/* Which header fields a signature covers, and in which order (RFC 6376 section 5.4): for each name
 * of the block's list every field that is there, from the bottom up (section 5.4.2), and where the
 * block oversigns one name more, so that a field added later breaks the signature. */
#ifndef POLICY_DKIM_SELECT_H
#define POLICY_DKIM_SELECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "policy/dkim/keyring.h"

struct base_arena;
struct policy_field;
struct policy_header;

/* h= never gets longer: widespread verifiers cut it at 4,096 octets. */
#define DKIM_SELECTION_MAX 3800

/* What the MTA does to a message after the filter, as far as h= is concerned. */
struct dkim_select_changes {
    /* Names of fields that it may rewrite or remove: not signed; From is all the same, without it
     * there is no signature. */
    const struct base_text *left_out;
    size_t left_out_count;
    /* Lower-case names of fields that it adds where they are missing: these are not oversigned
     * then. NULL-terminated; may be NULL. */
    const char *const *added;
};

/* Names of the block that `left_out` has, for the record: more are not counted. */
#define DKIM_SELECTION_LEFT_OUT 8

struct dkim_selection {
    /* The names of h= in lower case, in order. */
    struct base_text *names;
    size_t name_count;
    /* What is hashed, in order; at most name_count. */
    const struct policy_field **fields;
    size_t field_count;
    /* Octets of the names with a colon behind each. */
    size_t octets;
    /* In lower case; From among them is signed nevertheless. */
    struct base_text left_out[DKIM_SELECTION_LEFT_OUT];
    size_t left_out_count;
};

/* In `arena`. `changes` may be NULL. False and *fault_r (static) when the header cannot be signed:
 * no From, or more fields of the names that must be covered than h= can take. */
__attribute__((warn_unused_result)) bool dkim_select(struct base_arena *arena,
                                                     const struct dkim_sign_block *block,
                                                     const struct policy_header *header,
                                                     const struct dkim_select_changes *changes,
                                                     struct dkim_selection *selection_r,
                                                     const char **fault_r);

#endif
