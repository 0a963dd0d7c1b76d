/* A DMARC Policy Record (RFC 9989 sections 4.7, 4.8). */
#ifndef POLICY_DMARC_RECORD_H
#define POLICY_DMARC_RECORD_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/answer.h"

/* dmarc-request, and what a receiver is asked to do. In the order of severity. */
enum dmarc_policy {
    DMARC_POLICY_NONE,
    DMARC_POLICY_QUARANTINE,
    DMARC_POLICY_REJECT,
};

/* "none", "quarantine", "reject". */
const char *dmarc_policy_text(enum dmarc_policy policy);

enum dmarc_psd {
    DMARC_PSD_UNKNOWN,
    DMARC_PSD_YES,
    DMARC_PSD_NO,
};

/* A p, sp or np tag. */
struct dmarc_request {
    bool is_present;
    bool is_valid;
    enum dmarc_policy policy;
};

/* Texts point into the record's text. */
struct dmarc_record {
    struct base_text text;
    struct dmarc_request p;
    struct dmarc_request sp;
    struct dmarc_request np;
    /* adkim=s, aspf=s */
    bool is_dkim_strict;
    bool is_spf_strict;
    enum dmarc_psd psd;
    /* t=y */
    bool is_test;
    /* As published, {NULL, 0} when absent. */
    struct base_text rua;
    struct base_text ruf;
    struct base_text fo;
    /* rua has at least one URI that is syntactically valid. */
    bool has_valid_rua;
};

/* Reads one TXT record. False if it is no DMARC Policy Record: "v" is not its first tag, or not
 * exactly DMARC1. Anything wrong behind that is left at its default (4.8); of a tag given twice the
 * first counts; unknown tags are ignored. */
__attribute__((warn_unused_result)) bool dmarc_record_parse(struct base_text text,
                                                            struct dmarc_record *record_r);

/* The one DMARC Policy Record of an answer; several are all discarded (4.10 step 2): false. */
__attribute__((warn_unused_result)) bool dmarc_record_select(const struct dns_answer *answer,
                                                             struct dmarc_record *record_r);

/* The next URI of a dmarc-urilist, without an obsolete "!size"; false at the end. `rest` starts as
 * the list; URIs that are not syntactically valid are passed over. */
bool dmarc_record_next_uri(struct base_text *rest, struct base_text *uri_r);

#endif
