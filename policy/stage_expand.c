#include "policy/stage_expand.h"

#include "base/arena.h"
#include "policy/dmarc/dmarc.h"
#include "policy/session-private.h"
#include "policy/spf/spf.h"

static struct base_text spf_word(const struct spf_outcome *outcome)
{
    return base_text_of(outcome == NULL ? NULL : spf_verdict_text(outcome->verdict));
}

static struct base_text dmarc_word(const struct dmarc_outcome *outcome)
{
    return base_text_of(outcome == NULL ? NULL : dmarc_result_text(outcome->result));
}

static struct base_text sender_domain(const struct policy_session *session)
{
    if (session->sender.kind != POLICY_ADDRESS_DOMAIN)
        return (struct base_text){NULL, 0};
    return (struct base_text){session->sender.domain.text, session->sender.domain.length};
}

/* What is found out by asking. */
static struct base_text expand_result(struct policy_session *session,
                                      enum policy_expansion expansion)
{
    switch (expansion) {
    case POLICY_EXPAND_SPF:
        return spf_word(policy_evaluation_spf(session));
    case POLICY_EXPAND_HELO_SPF:
        return spf_word(policy_evaluation_helo_spf(session));
    case POLICY_EXPAND_DKIM:
        return base_text_of(policy_evaluation_dkim_word(session));
    case POLICY_EXPAND_DMARC:
        return dmarc_word(policy_evaluation_dmarc(session));
    default:
        return (struct base_text){NULL, 0};
    }
}

static struct base_text expand_message(struct policy_session *session,
                                       enum policy_expansion expansion)
{
    const struct policy_decision *decision = &session->decision;

    switch (expansion) {
    case POLICY_EXPAND_LOGIN:
        return decision->login;
    case POLICY_EXPAND_DIRECTION:
        return base_text_of(policy_direction_text(decision->direction));
    case POLICY_EXPAND_SENDER:
        return decision->mail_from.length == 0 ? BASE_TEXT("<>") : decision->mail_from;
    case POLICY_EXPAND_SENDER_DOMAIN:
        return sender_domain(session);
    case POLICY_EXPAND_RECIPIENT:
        return decision->first_recipient;
    case POLICY_EXPAND_RECIPIENTS:
        return base_text_of(base_arena_printf(session->message, "%u", decision->recipients));
    case POLICY_EXPAND_AUTHOR_DOMAIN:
        return decision->author_domain;
    case POLICY_EXPAND_MESSAGE_ID:
        return decision->message_id;
    case POLICY_EXPAND_QUEUE_ID:
        return decision->queue_id;
    case POLICY_EXPAND_ID:
        return base_text_of(decision->id);
    default:
        return expand_result(session, expansion);
    }
}

struct base_text policy_session_expand(void *context, enum policy_expansion expansion)
{
    struct policy_session *session = context;

    switch (expansion) {
    case POLICY_EXPAND_CLIENT_ADDRESS:
        return base_text_of(session->client_address);
    case POLICY_EXPAND_CLIENT_NAME:
        return session->client_name;
    case POLICY_EXPAND_HELO:
        return session->helo;
    default:
        return session->has_message ? expand_message(session, expansion)
                                    : expand_result(session, expansion);
    }
}
