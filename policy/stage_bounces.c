/* Nothing of this costs anything where no rate counts bounces. */
#include "policy/stage_bounces.h"

#include "base/arena.h"
#include "base/clock.h"
#include "policy/identity_forms.h"
#include "policy/options.h"
#include "policy/rate/key.h"
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
                       login)) {
        session->bounced_login =
            policy_session_copy(session->message, base_text_of(login), RATE_SENT_LOGIN_MAX);
        session->bounced_id = policy_session_copy(session->message, message_id, message_id.length);
    }
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

/* As keys are made: without case and extension. */
static bool canonical(const struct policy_session *session, const struct policy_address *address,
                      struct base_buf *out)
{
    struct rate_facts facts = {.sender = address,
                               .delimiters = session->snapshot->options->recipient_delimiter};

    base_buf_clear(out);
    return rate_key_append_part(RATE_PART_SENDER, NULL, &facts, out) && !out->is_over;
}

static void note_sender(struct policy_session *session)
{
    struct policy_address sender;
    char storage[POLICY_ADDRESS_MAX + 1];
    struct base_buf key;

    base_buf_init_fixed(&key, storage, sizeof(storage));
    (void)policy_address_parse(session->decision.mail_from, &sender);
    if (sender.kind == POLICY_ADDRESS_DOMAIN && canonical(session, &sender, &key))
        rate_sent_note_sender(session->env.sent, base_buf_text(&key), session->decision.login,
                              base_clock_mono_ns(session->env.clock));
}

static bool find_sender(struct policy_session *session, const struct policy_address *address,
                        char login[RATE_SENT_LOGIN_MAX + 1])
{
    char storage[POLICY_ADDRESS_MAX + 1];
    struct base_buf key;

    base_buf_init_fixed(&key, storage, sizeof(storage));
    return canonical(session, address, &key) &&
           rate_sent_find_sender(session->env.sent, base_buf_text(&key),
                                 base_clock_mono_ns(session->env.clock), login);
}

/* A report of a failure to one recipient: the login whose envelope sender that was, as it stands or
 * as VERP made it. */
static bool find_by_sender(struct policy_session *session, char login[RATE_SENT_LOGIN_MAX + 1])
{
    char room[POLICY_ADDRESS_MAX + 1];
    struct policy_address address, stem;

    if (session->bounce == NULL || session->bounce->failures == 0 ||
        session->decision.recipients != 1 || session->decision.kept_recipients == NULL ||
        policy_address_parse(session->decision.kept_recipients->address, &address) !=
            POLICY_ADDRESS_DOMAIN)
        return false;
    return find_sender(session, &address, login) ||
           (policy_identity_form_read(POLICY_FORM_VERP, &address, room, sizeof(room), &stem) &&
            find_sender(session, &stem, login));
}

/* A report that only says that something is late, or has arrived, is no bounce; one that is not of
 * RFC 3464 says nothing of recipients, and is of one. */
static void count_bounce(struct policy_session *session)
{
    const struct rate_bounce *bounce = session->bounce;
    unsigned recipients = bounce->failures == 0 ? 1 : bounce->failures;

    if (bounce->actions > 0 && bounce->failures == 0)
        return;
    recipients = rate_sent_take(session->env.sent, session->bounced_id, recipients);
    policy_session_rate_bounced(session, session->bounced_login, false, recipients);
}

void policy_session_bounce_accepted(struct policy_session *session)
{
    const struct policy_decision *decision = &session->decision;
    char login[RATE_SENT_LOGIN_MAX + 1];

    if (!is_wanted(session))
        return;
    if (session->bounced_login.length > 0) {
        count_bounce(session);
        session->bounced_login = (struct base_text){NULL, 0};
    } else if (session->bounce != NULL) {
        if (find_by_sender(session, login))
            policy_session_rate_bounced(session, base_text_of(login), true, 1);
        session->bounce = NULL;
    } else {
        if (decision->login.length > 0)
            rate_sent_note(session->env.sent, decision->message_id, decision->login,
                           decision->recipients, base_clock_mono_ns(session->env.clock));
        if (decision->direction == POLICY_DIRECTION_OUTBOUND)
            note_sender(session);
    }
}
