/* DMARC (RFC 9989): policy discovery (4.10.1), identifier alignment (4.4, 4.10.2), pass or fail and
 * what the domain's owner asks for (5.3). */
#ifndef POLICY_DMARC_DMARC_H
#define POLICY_DMARC_DMARC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "dns/lookups.h"
#include "dns/name.h"
#include "policy/dmarc/record.h"
#include "policy/dmarc/walk.h"

struct base_arena;
struct dmarc_psl;

/* RFC 9989 section 9.1 (Authentication-Results method registry). */
enum dmarc_result {
    DMARC_RESULT_NONE,
    DMARC_RESULT_PASS,
    DMARC_RESULT_FAIL,
    DMARC_RESULT_TEMPERROR,
    DMARC_RESULT_PERMERROR,
};

/* "none", "pass", ... */
const char *dmarc_result_text(enum dmarc_result result);

/* How the organizational domain is found. */
enum dmarc_method {
    /* RFC 9989. */
    DMARC_METHOD_TREEWALK,
    /* RFC 7489. */
    DMARC_METHOD_PSL,
    /* By the walk; what the list would have given is kept where it differs. */
    DMARC_METHOD_COMPARE,
};

/* "treewalk", "psl", "compare". */
const char *dmarc_method_text(enum dmarc_method method);

/* One Authenticated Identifier, or what might have become one. */
struct dmarc_identifier {
    /* SPF: the domain of MAIL FROM (of HELO for a null reverse-path). DKIM: d=. Borrowed. */
    const struct dns_name *domain;
    /* It was authenticated, and may give credit. */
    bool is_pass;
    /* A failure of DNS kept it from being known. */
    bool is_temporary;

    /* Filled in. Evaluated only where it can matter (is_pass or is_temporary). */
    bool is_aligned;
    /* Alignment could not be found out for now. */
    bool is_unknown;
    bool has_organizational;
    struct dns_name organizational;
};

struct dmarc_request_facts {
    struct base_arena *arena;
    struct dns_lookups *lookups;
    /* The one author domain, as A-labels. */
    const struct dns_name *author_domain;
    /* May be NULL: SPF was not evaluated. */
    struct dmarc_identifier *spf;
    struct dmarc_identifier *dkim;
    size_t dkim_count;
    enum dmarc_method method;
    /* Not NULL where `method` needs it. */
    const struct dmarc_psl *psl;
};

/* Which tag the policy was taken from. */
enum dmarc_policy_tag {
    DMARC_TAKEN_FROM_P,
    DMARC_TAKEN_FROM_SP,
    DMARC_TAKEN_FROM_NP,
    /* No valid p, or an invalid sp or np, but a valid rua: as if p=none. */
    DMARC_TAKEN_FROM_RUA,
};

struct dmarc_outcome {
    enum dmarc_result result;
    /* Of a message that fails: the owner's policy, one level milder with t=y. NONE otherwise. */
    enum dmarc_policy disposition;
    /* As published for this author domain, t not applied. Valid if has_record. */
    enum dmarc_policy policy;
    enum dmarc_policy_tag policy_tag;
    bool has_record;
    struct dmarc_record record;
    /* Where the record was found. */
    struct dns_name policy_domain;
    struct dns_name author_domain;
    /* False also where a failure of DNS kept it from being known. */
    bool has_organizational;
    struct dns_name organizational_domain;
    bool is_spf_aligned;
    bool is_dkim_aligned;
    /* The author domain does not exist (NXDOMAIN); known only where np might apply. */
    bool is_nonexistent;
    /* Why, for temperror and permerror; else NULL. Static. */
    const char *reason;
    /* The author domain's walk, in the arena, for the explanation; NULL if its record was found at
     * once and nothing else was needed. */
    const struct dmarc_walk *walk;
    enum dmarc_method method;
    /* Method `compare`, and the public suffix list gives another result, disposition, policy,
     * policy domain or organizational domain: all of them, in the arena. Else NULL. */
    const struct dmarc_outcome *by_list;
};

/* Begins the questions that an evaluation of this author domain is likely to need. Does not block.
 */
void dmarc_prefetch(struct dns_lookups *lookups, const struct dns_name *author_domain);

/* Whether to compare the two may take the author domain's walk, besides what finds its record. */
bool dmarc_wants_walk(const struct dns_name *author_domain, const struct dns_name *identifier);
/* Waits for what the author domain's own DNS has to say, before anybody waits for the DNS of other
 * names: it is then there whatever theirs takes of the budget. `wants_walk`: for an identifier as
 * above. The identifiers of `request` are not looked at. */
void dmarc_ask_author(const struct dmarc_request_facts *request, bool wants_walk);
/* Evaluates; blocks while the budget of `lookups` lasts. Records point into its answers. */
void dmarc_evaluate(const struct dmarc_request_facts *request, struct dmarc_outcome *outcome);

#endif
