/* The top-level options of what decides. Those of the process are conf/daemon.h's. */
#ifndef POLICY_OPTIONS_H
#define POLICY_OPTIONS_H

#include <stdint.h>

#include "conf/conf.h"

enum policy_mode {
    POLICY_MODE_ENFORCE,
    /* Judges, logs (would=), edits and signs, but refuses nothing. */
    POLICY_MODE_OBSERVE,
};

struct policy_options {
    /* Our authserv-id (RFC 8601 section 2.5); NULL: this machine's name. */
    const char *authserv_id;
    /* Further ones that are ours: removed when they come from outside. */
    struct conf_list authserv_ids;
    /* enum policy_mode */
    int mode;
    /* enum dmarc_method */
    int dmarc_method;

    struct conf_list local_domains;
    struct conf_list trusted_networks;
    struct conf_list signing_networks;
    struct conf_list originating_daemons;
    struct conf_list inbound_daemons;
    struct conf_list keep_authres_from;
    struct conf_list trusted_forwarders;
    /* Whose fields are read when they come from `trusted-networks`. */
    struct conf_list trusted_authserv_ids;

    const char *key_dir;
    /* Files of tests (postseal-tests(5)) without which no configuration gets into force. */
    struct conf_list require_tests;

    /* Caps. */
    int64_t header_fields;
    int64_t header_octets;
    int64_t message_memory;
    int64_t recipients_kept;
    int64_t authres_fields;
    int64_t spf_void_limit;
    int64_t dkim_signatures;
    int64_t dkim_names;
    /* Mail of an authenticated client gets a field that says so. */
    bool authres_auth;
    /* Asks for the client's names even if no exception does. */
    bool iprev;
    /* Octets for what rates count. */
    int64_t rate_memory;
    /* The file in `state-dir` where that is kept; "none": nowhere. */
    const char *rate_state;
    /* "host:port" of the MTA that takes mail of `notify`. */
    const char *notify_smtp;
    /* Characters that begin an address's extension; NULL or "": there is none. */
    const char *recipient_delimiter;
    /* What the domain's owner says to a fail goes into the reply. */
    bool spf_explanation;
    /* Adds Received-SPF beside Authentication-Results. */
    bool received_spf;
    /* Mail for postmaster@ and abuse@ of local domains is not refused by rules. */
    bool reserved_mailboxes;
};

/* The top-level table; its check() proves that the values fit each other. */
extern const struct conf_table policy_options_table;

/* The section of a snapshot; borrowed. */
const struct policy_options *policy_options_get(const struct conf_snapshot *snapshot);

#endif
