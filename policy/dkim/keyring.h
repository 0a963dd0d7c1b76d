/* The `sign` blocks of the configuration with their loaded keys: which keys sign for an author
 * domain. Immutable after creation, shared by threads. */
#ifndef POLICY_DKIM_KEYRING_H
#define POLICY_DKIM_KEYRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "dns/name.h"

struct conf_list;
struct conf_section;
struct conf_snapshot;
struct conf_table;
struct dkim_keyring;
struct evp_md_st;
struct keys_key;

/* sign "example.org" | "*" { keys = { ... } domain = "..." canonicalization = "relaxed/relaxed"
 * expire = "..." sign-headers / oversign-headers / oversign-present = { ... } } */
extern const struct conf_table dkim_sign_table;

enum dkim_canon {
    DKIM_CANON_SIMPLE,
    DKIM_CANON_RELAXED,
};

struct dkim_signer {
    struct keys_key *key;
    /* s= */
    const char *selector;
};

/* One `sign` block, ready for use. */
struct dkim_sign_block {
    /* The title: an author domain, or "*". */
    const char *title;
    /* d=; the title's own domain unless `domain` says otherwise; for "*" without `domain` the
     * author domain itself has no key file that we could know, so `domain` is required there. */
    struct dns_name domain;
    enum dkim_canon header_canon;
    enum dkim_canon body_canon;
    /* x= is t= plus this; 0: no x=. Seconds. */
    int64_t expire_s;
    const struct dkim_signer *signers;
    size_t signer_count;
    /* Lower-case field names in the order of h=, NULL-terminated; names ending in '*' are prefixes.
     */
    const char *const *sign_headers;
    /* Named once more than they occur, present or not; and only when present. */
    const char *const *oversign_always;
    const char *const *oversign_present;
    /* SHA-256, fetched once; NULL: fetched for each message (the command). */
    const struct evp_md_st *sha256;
};

/* A block with every default of the configuration and no signers: for the command and for tests.
 * `domain` is copied. */
void dkim_sign_block_init(struct dkim_sign_block *block, const struct dns_name *domain);

/* What a section of dkim_sign_table says before any key is loaded: d=, and the selectors (borrowed
 * from the section). False when it has no domain. */
__attribute__((warn_unused_result)) bool dkim_sign_section_read(const struct conf_section *section,
                                                                struct dns_name *domain_r,
                                                                const struct conf_list **keys_r);

/* Loads every key that a `sign` block names from <key-dir>/<d=>/<selector>.pem, and proves each: it
 * signs a probe message which libopendkim must verify. Blocks on the disk. NULL and *error_r (file,
 * line, block, key, mend) on the first fault. `warn` may be NULL. */
__attribute__((warn_unused_result)) struct dkim_keyring *dkim_keyring_create(
    const struct conf_snapshot *conf, const char *key_dir,
    void (*warn)(void *context, const char *text), void *context, struct base_error *error_r);
void dkim_keyring_destroy(struct dkim_keyring **keyring);

/* The block for an author domain: its own, else that of its nearest parent, else "*", else NULL. */
const struct dkim_sign_block *dkim_keyring_find(const struct dkim_keyring *keyring,
                                                const struct dns_name *author_domain);
size_t dkim_keyring_count(const struct dkim_keyring *keyring);
const struct dkim_sign_block *dkim_keyring_at(const struct dkim_keyring *keyring, size_t index);

#endif
