/* An SPF record: selection (RFC 7208 section 4.5) and grammar (sections 4.6.1, 5, 6, 12). */
#ifndef POLICY_SPF_RECORD_H
#define POLICY_SPF_RECORD_H

#include <stdbool.h>

#include "base/text.h"
#include "dns/answer.h"
#include "dns/name.h"

struct base_arena;
struct spf_record;

/* TXT that is read; a longer record is permerror. */
#define SPF_RECORD_MAX 65536

enum spf_mechanism {
    SPF_MECHANISM_ALL,
    SPF_MECHANISM_INCLUDE,
    SPF_MECHANISM_A,
    SPF_MECHANISM_MX,
    SPF_MECHANISM_PTR,
    SPF_MECHANISM_IP4,
    SPF_MECHANISM_IP6,
    SPF_MECHANISM_EXISTS,
    /* Not a mechanism, but a term that asks DNS: the redirect modifier. */
    SPF_MECHANISM_REDIRECT,
};

/* One directive, with what its evaluation found (the tree of `postseal spf`). */
struct spf_term {
    enum spf_mechanism mechanism;
    /* '+', '-', '~' or '?'. */
    char qualifier;
    /* As published, qualifier included. */
    struct base_text text;
    /* {NULL, 0} when absent: the current domain. */
    struct base_text domain_spec;
    /* ip4, ip6. */
    unsigned char address[16];
    unsigned char prefix4;
    unsigned char prefix6;

    /* Evaluation. */
    bool is_reached;
    bool is_match;
    /* The running count of terms that ask DNS when this one was reached. */
    unsigned number;
    /* One of its look-ups found nothing (4.6.4). */
    bool is_void;
    /* The name that the domain-spec became; NULL before, or if that is no name. In the arena. */
    const struct dns_name *target;
    /* include, redirect: the record found there, or NULL. */
    struct spf_record *child;
    struct spf_term *next;
};

struct spf_record {
    struct dns_name domain;
    struct base_text text;
    struct spf_term *first;
    struct spf_term *last;
    /* NULL without a redirect modifier. */
    struct spf_term *redirect;
    /* {NULL, 0} without an exp modifier. */
    struct base_text exp;
    bool has_all;
};

enum spf_selection {
    SPF_SELECTION_ONE,
    SPF_SELECTION_NONE,
    SPF_SELECTION_SEVERAL,
};

/* Which of the TXT records is the SPF record (4.5). */
enum spf_selection spf_record_select(const struct dns_answer *answer, struct base_text *text_r);

/* Reads the whole record; the result lives in `arena` and points into `text`. False with
 * *fault_r (static) if it does not follow the grammar or the arena is exhausted (then *fault_r is
 * NULL). */
__attribute__((warn_unused_result)) bool spf_record_parse(struct base_arena *arena,
                                                          const struct dns_name *domain,
                                                          struct base_text text,
                                                          struct spf_record **record_r,
                                                          const char **fault_r);

/* Reads one term, which is not empty, and adds it to the record. NULL, or the fault (static), with
 * which it is left out; "" when the arena is exhausted. */
__attribute__((warn_unused_result)) const char *spf_record_add_term(struct base_arena *arena,
                                                                    struct spf_record *record,
                                                                    struct base_text text);

/* "all", "include", ... */
const char *spf_mechanism_text(enum spf_mechanism mechanism);

#endif
