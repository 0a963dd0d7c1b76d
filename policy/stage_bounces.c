/* Nothing of this costs anything where no rate counts bounces. */
#include "policy/stage_bounces.h"

#include "base/arena.h"
#include "base/clock.h"
#include "policy/rate/rates.h"
#include "policy/rate/sent.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_rates.h"

static bool is_wanted(const struct policy_session *session)
{
    return session->env.sent != NULL &&
           rate_rules_count(session->snapshot->rates, RATE_COUNT_BOUNCES);
}

static bool is_bounce(const struct policy_session *session)
{
    return session->sender.kind == POLICY_ADDRESS_NULL && session->decision.login.length == 0;
}

/* The first that one of our logins sent. */
static void note_id(void *context, struct base_text message_id)
{
    struct policy_session *session = context;
    char login[RATE_SENT_LOGIN_MAX + 1];

    if (session->bounced_login.length == 0 &&
        rate_sent_find(session->env.sent, message_id, base_clock_mono_ns(session->env.clock),
                       login))
        session->bounced_login =
            policy_session_copy(session->message, base_text_of(login), RATE_SENT_LOGIN_MAX);
}

void policy_session_bounce_body(struct policy_session *session, struct base_text chunk)
{
    if (!is_bounce(session) || !is_wanted(session))
        return;
    if (session->bounce == NULL) {
        session->bounce = base_arena_alloc(session->message, sizeof(*session->bounce));
        if (session->bounce == NULL)
            return;
        *session->bounce = (struct rate_bounce){.length = 0};
    }
    rate_bounce_read(session->bounce, chunk, note_id, session);
}

void policy_session_bounce_accepted(struct policy_session *session)
{
    if (!is_wanted(session))
        return;
    if (session->bounced_login.length > 0) {
        policy_session_rate_bounced(session, session->bounced_login);
        session->bounced_login = (struct base_text){NULL, 0};
    } else if (session->decision.login.length > 0) {
        rate_sent_note(session->env.sent, session->decision.message_id, session->decision.login,
                       base_clock_mono_ns(session->env.clock));
    }
}
