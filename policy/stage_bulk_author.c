#include "policy/stage_bulk_author.h"

#include "policy/bulk/organizations.h"
#include "policy/decision_bulk.h"
#include "policy/dkim/signing.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* As far as rules have said by now. NULL: it is not signed. */
static const struct dns_name *signing_domain(const struct policy_session *session)
{
    return session->signing != NULL && session->no_sign_rule == NULL
               ? dkim_signing_domain(session->signing)
               : NULL;
}

/* NULL: there is none. */
static const struct dns_name *sender_domain(const struct policy_session *session)
{
    return session->sender.kind == POLICY_ADDRESS_DOMAIN ? &session->sender.domain : NULL;
}

static bool is_walking(const struct policy_session *session)
{
    return session->snapshot->options->dmarc_method != DMARC_METHOD_PSL &&
           session->env.bulk_organizations != NULL;
}

void policy_session_bulk_prefetch(struct policy_session *session)
{
    const struct dns_name *author = &session->author.domain;
    const struct dns_name *others[] = {signing_domain(session), sender_domain(session)};

    if (!is_walking(session))
        return;
    bulk_organizations_prefetch(session->env.bulk_organizations, author);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        if (others[i] != NULL && !dns_name_equals(others[i], author))
            bulk_organizations_prefetch(session->env.bulk_organizations, others[i]);
}

static bool find(const struct policy_session *session, const struct dns_name *domain,
                 struct dns_name *organizational_r)
{
    return bulk_organizations_find(session->env.bulk_organizations, session->snapshot->bulk_psl,
                                   domain, organizational_r);
}

/* What is told by the walk is compared with what is, and a guess with a guess: two methods may call
 * one domain by two names. */
static bool is_aligned(const struct policy_session *session, const struct dns_name *other,
                       bool *is_guessed)
{
    const struct dns_name *author = &session->author.domain;
    struct dns_name a;
    struct dns_name b;

    if (other == NULL)
        return false;
    if (dns_name_equals(author, other))
        return true;
    if (!is_walking(session) || !find(session, author, &a) || !find(session, other, &b)) {
        *is_guessed |= is_walking(session);
        bulk_organizations_guess(session->snapshot->bulk_psl, author, &a);
        bulk_organizations_guess(session->snapshot->bulk_psl, other, &b);
    }
    return dns_name_equals(&a, &b);
}

void policy_session_bulk_author(struct policy_session *session, struct policy_bulk *bulk)
{
    bool is_dkim;
    bool is_spf;

    bulk->is_guessed =
        is_walking(session) && !find(session, &session->author.domain, &bulk->author);
    if (bulk->is_guessed || !is_walking(session))
        bulk_organizations_guess(session->snapshot->bulk_psl, &session->author.domain,
                                 &bulk->author);
    bulk->is_alignment_guessed = false;
    is_dkim = is_aligned(session, signing_domain(session), &bulk->is_alignment_guessed);
    is_spf = is_aligned(session, sender_domain(session), &bulk->is_alignment_guessed);
    bulk->aligned = POLICY_AUTHOR_ALIGNED_NONE;
    if (is_dkim)
        bulk->aligned = is_spf ? POLICY_AUTHOR_ALIGNED_BOTH : POLICY_AUTHOR_ALIGNED_DKIM;
    else if (is_spf)
        bulk->aligned = POLICY_AUTHOR_ALIGNED_SPF;
}
