/* SPF (RFC 7208): check_host() for one identity. A published record never reaches libspf2: it is
 * selected (4.5), checked against the grammar (4.6.1, 12), expanded (7) and limited (4.6.4) here,
 * and lowered to a short record of our own making whose names are aliases; libspf2 evaluates that:
 * order, qualifiers, include, redirect, CIDR.
 *
 * Not thread-safe: one call belongs to one session; several sessions may evaluate at once. */
#ifndef POLICY_SPF_SPF_H
#define POLICY_SPF_SPF_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "dns/lookups.h"
#include "dns/name.h"

struct base_arena;
struct spf_context;
struct spf_record;

/* Terms that ask DNS (4.6.4). */
#define SPF_TERMS_MAX 10

/* RFC 7208 section 2.6. */
enum spf_verdict {
    SPF_VERDICT_NONE,
    SPF_VERDICT_NEUTRAL,
    SPF_VERDICT_PASS,
    SPF_VERDICT_FAIL,
    SPF_VERDICT_SOFTFAIL,
    SPF_VERDICT_TEMPERROR,
    SPF_VERDICT_PERMERROR,
};

/* "none", "neutral", ... */
const char *spf_verdict_text(enum spf_verdict verdict);

struct spf_client {
    /* An IPv4-mapped address is IPv4; the caller has made it so (spf_client_set). */
    bool is_ipv6;
    unsigned char octets[16];
};

/* From 4 or 16 octets; IPv4-mapped IPv6 becomes IPv4. */
void spf_client_set(struct spf_client *client, const unsigned char *octets, size_t length);

struct spf_request {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    struct spf_client client;
    /* <domain>: of MAIL FROM, or HELO's. As A-labels. May be no domain name at all: none. */
    struct base_text domain;
    /* The local part of <sender>; empty: postmaster (4.3). Quotes removed. */
    struct base_text local_part;
    /* As sent; %{h}. */
    struct base_text helo;
    /* %{r}; "unknown" if empty. */
    struct base_text receiver;
    int64_t now_s;
    /* 10 (SPF_TERMS_MAX; more is not possible) and 2 (4.6.4). */
    unsigned max_terms;
    unsigned max_voids;
    /* Fetch and expand exp= if the result is fail. */
    bool want_explanation;
};

struct spf_outcome {
    enum spf_verdict verdict;
    /* <domain>, as asked for. */
    struct base_text domain;
    /* Why, for temperror, permerror and none: "more than 10 terms that ask DNS", ...; else NULL. */
    const char *reason;
    /* Where the reason lies: the domain whose record was at fault; {NULL, 0} if none. */
    struct base_text reason_domain;
    /* The term that decided, as published ("-all", "ip4:192.0.2.0/24"), and in whose record; empty
     * when none matched (neutral by default) or for none and errors. */
    struct base_text term;
    struct base_text term_domain;
    unsigned terms;
    unsigned voids;
    /* The record is `v=spf1 -all` and nothing else: the domain sends no mail. */
    bool is_only_all;
    /* Of the domain's owner: printable ASCII as expanded, not yet cut or escaped; {NULL, 0} if
     * there is none. Come from `explanation_domain`. */
    struct base_text explanation;
    struct base_text explanation_domain;
    /* What was evaluated, as a tree (policy/spf/record.h); NULL if there was no usable record. */
    const struct spf_record *record;
    /* For spf_explain_host(). */
    struct spf_context *context;
};

/* Evaluates; asks DNS through request->lookups and blocks while their budget lasts. Everything in
 * *outcome lives in request->arena; an exhausted arena gives temperror. */
void spf_check_host(const struct spf_request *request, struct spf_outcome *outcome);
/* Fetches the explanation of a fail, unless that was done or the domain offers none: for when it
 * turns out that it will be shown. The request with all that it points at must still be there. */
void spf_explain_host(struct spf_outcome *outcome);

#endif
