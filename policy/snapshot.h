/* The configuration as policy/ uses it: options, loaded keys, compiled sets; immutable and
 * reference-counted. A session pins one when it begins; a reload makes a new one and swaps, or
 * keeps the old one whole. */
#ifndef POLICY_SNAPSHOT_H
#define POLICY_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/verdict.h"

struct bulk_providers;
struct conf_snapshot;
struct conf_table;
struct policy_options;
struct dkim_keyring;
struct dmarc_psl;
struct rate_rules;

/* Every table of the program, in one list: for conf_read() and for the manual page's test. */
const struct conf_table *const *policy_tables(size_t *count_r);

struct policy_snapshot_options {
    /* Load the keys of `sign` blocks and prove each with a probe (blocks on the disk; as the
     * daemon's own user). Without it nothing is signed: for commands that do not sign. */
    bool want_keys;
    /* Called for each warning (weak key, ...): may be NULL. */
    void (*warn)(void *context, const char *text);
    void *context;
};

/* Takes a reference on `conf`. NULL and *error_r on a fault. */
__attribute__((warn_unused_result)) struct policy_snapshot *policy_snapshot_create(
    struct conf_snapshot *conf, const struct policy_snapshot_options *options,
    struct base_error *error_r);
struct policy_snapshot *policy_snapshot_ref(struct policy_snapshot *snapshot);
/* Thread-safe; sets *snapshot to NULL. */
void policy_snapshot_unref(struct policy_snapshot **snapshot);

const struct conf_snapshot *policy_snapshot_conf(const struct policy_snapshot *snapshot);
/* 1 for the first snapshot of the process, 2 after the first reload, ... */
uint64_t policy_snapshot_generation(const struct policy_snapshot *snapshot);

/* Borrowed. */
const struct rate_rules *policy_snapshot_rates(const struct policy_snapshot *snapshot);
/* By which the bulk-sender meter guesses; NULL: there is no list. Borrowed. */
const struct dmarc_psl *policy_snapshot_bulk_psl(const struct policy_snapshot *snapshot);
/* The providers of the bulk-sender meter; borrowed, never NULL. */
const struct bulk_providers *policy_snapshot_bulk_providers(const struct policy_snapshot *snapshot);

/* What the negotiation with the MTA may leave out. */
struct policy_needs {
    /* Bit 1 << enum policy_stage: a verdict other than continue is possible there. End of message
     * is always set. */
    unsigned deciding_stages;
    /* Somebody hashes the body. */
    bool has_body;
    /* There are rules at DATA, be it only to mark or to be observed. */
    bool has_data;
    /* There are rules about commands that the MTA does not know. */
    bool has_unknown;
    /* There are rules that ask for the port. */
    bool has_port;
};
struct policy_needs policy_snapshot_needs(const struct policy_snapshot *snapshot);

#endif
