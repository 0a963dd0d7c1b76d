/* The top-level options of who may send as whom. */
#ifndef POLICY_IDENTITY_OPTIONS_H
#define POLICY_IDENTITY_OPTIONS_H

#include <stdint.h>

#include "conf/conf.h"

enum policy_null_sender {
    POLICY_NULL_SENDER_OWNED,
    /* Of mail that looks like a report or an automatic answer. */
    POLICY_NULL_SENDER_DSN,
    POLICY_NULL_SENDER_UNOWNED,
};

/* Bits of `sender-forms`. */
enum policy_sender_form {
    POLICY_FORM_VERP,
    POLICY_FORM_BATV,
    POLICY_FORM_SRS,
    POLICY_FORM_COUNT,
};

struct policy_identity_options {
    /* Names of maps (store/map.h). */
    struct conf_list sender_login_maps;
    struct conf_list alias_maps;
    struct conf_list login_groups;
    struct conf_list may_send_as;
    bool login_is_address;
    /* Domains that a login may have or leave out. */
    struct conf_list login_domain;
    struct conf_list unqualified_domains;
    uint64_t sender_forms;
    /* enum policy_null_sender */
    int null_sender;
};

extern const struct conf_table policy_identity_table;

/* The section of a snapshot; borrowed. */
const struct policy_identity_options *policy_identity_options_get(
    const struct conf_snapshot *snapshot);
/* "verp", "batv", "srs". */
const char *policy_sender_form_text(enum policy_sender_form form);

#endif
