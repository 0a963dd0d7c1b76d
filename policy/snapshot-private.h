/* The snapshot's inside, for the stages of a session. */
#ifndef POLICY_SNAPSHOT_PRIVATE_H
#define POLICY_SNAPSHOT_PRIVATE_H

#include <stdatomic.h>
#include <stdint.h>

struct bulk_providers;
struct conf_snapshot;
struct dkim_library;
struct dkim_keyring;
struct dmarc_psl;
struct policy_authserv_ids;
struct policy_dnslists;
struct policy_domains;
struct policy_exceptions;
struct policy_identity;
struct policy_networks;
struct policy_options;
struct policy_rules;
struct rate_rules;

struct policy_snapshot {
    atomic_uint references;
    uint64_t generation;
    struct conf_snapshot *conf;
    /* Borrowed from `conf`. */
    const struct policy_options *options;
    /* The configured ones, or this machine's name. */
    struct policy_authserv_ids *authserv_ids;
    struct policy_authserv_ids *trusted_authserv_ids;
    struct policy_domains *local_domains;
    struct policy_networks *trusted;
    struct policy_networks *signing;
    struct policy_networks *keep_authres_from;
    struct policy_networks *trusted_forwarders;
    /* NULL without `want_keys`: nothing is signed. */
    struct dkim_keyring *keyring;
    struct dkim_library *dkim_library;
    struct policy_exceptions *exceptions;
    struct policy_identity *identity;
    struct policy_rules *rules;
    struct rate_rules *rates;
    struct bulk_providers *bulk_providers;
    /* NULL: there is no list. */
    struct dmarc_psl *bulk_psl;
    struct policy_dnslists *dnslists;
    /* Somebody asks for the client's names, or for these or lists. */
    bool wants_iprev;
    bool wants_client_dns;
    /* NULL where `dmarc-method` needs none. */
    struct dmarc_psl *psl;
};

#endif
