/* The evaluators of one inbound message: SPF (evaluation_spf.h), DKIM, DMARC. Each runs once, when
 * a rule or the end of message first asks for it; its questions to DNS begin as early as they can
 * be asked. A message of another direction is not evaluated: every result is NULL. */
#ifndef POLICY_EVALUATION_H
#define POLICY_EVALUATION_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"
#include "dns/lookups.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/evaluation_route.h"
#include "policy/evaluation_spf.h"

struct dkim_verification;
struct policy_session;

/* Part of a session, cleared with its message. */
struct policy_evaluation {
    bool is_on;
    struct dns_lookups *lookups;
    struct dns_budget envelope;
    struct dns_budget content;

    bool has_spf;
    struct spf_outcome spf;
    struct dkim_verification *verification;
    bool has_dkim;
    const struct dkim_verdicts *dkim;
    bool has_dmarc;
    struct dmarc_outcome dmarc;
    /* What DMARC was given, for the record: SPF's identifier and one a DKIM verdict. */
    struct dmarc_identifier spf_identifier;
    struct dns_name spf_domain;
    struct dmarc_identifier *dkim_identifiers;
    size_t dkim_identifier_count;
    struct policy_route route;
};

/* At MAIL, once direction and reverse-path are known. */
void policy_evaluation_begin(struct policy_session *session);
/* At the end of the header: DKIM begins, and DMARC's first questions. */
void policy_evaluation_header(struct policy_session *session);
void policy_evaluation_body(struct policy_session *session, struct base_text chunk);
/* From here on waits are those of the end of message; `progress` may be NULL. */
void policy_evaluation_content(struct policy_session *session, void (*progress)(void *context),
                               void *context);
/* Waits for the author domain's side of DMARC. Before all that waits for names that a stranger
 * chose: whose DNS is slow on purpose must not use up the time in which the policy is found. */
void policy_evaluation_author(struct policy_session *session);
/* What is known by now goes into the decision; waits for nothing. */
void policy_evaluation_note(struct policy_session *session);
/* Frees what is not in the arena; idempotent. */
void policy_evaluation_end(struct policy_session *session);

/* NULL: not evaluated. These may wait for DNS; after the body. */
const struct dkim_verdicts *policy_evaluation_dkim(struct policy_session *session);
/* The best result of all signatures, "none" without one. */
const char *policy_evaluation_dkim_word(struct policy_session *session);
/* Also NULL when the message has not exactly one author domain. */
const struct dmarc_outcome *policy_evaluation_dmarc(struct policy_session *session);

#endif
