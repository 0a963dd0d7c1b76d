/* The Sender field names the login's own mailbox: the login, completed by `login-domain`, or else
 * the reverse-path if that is its own. */
#include "policy/stage_identity.h"

#include "base/arena.h"
#include "policy/dkim/signing.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

void policy_session_keep_identity(struct policy_session *session, enum policy_action action,
                                  const char *rule)
{
    if (action == POLICY_ACTION_NO_SIGN)
        session->no_sign_rule = rule;
    else if (session->sender_change != POLICY_ACTION_REPLACE_SENDER)
        session->sender_change = action;
}

static bool is_ascii(struct base_text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (!base_ascii_is_print(text.data[i]))
            return false;
    return text.length > 0;
}

/* {NULL, 0}: nothing that is known could stand in a field. */
static struct base_text own_mailbox(struct policy_session *session)
{
    struct base_text mailbox = policy_identity_mailbox(session->snapshot->identity,
                                                       session->message, session->decision.login);
    const struct policy_ownership *sender;

    if (is_ascii(mailbox))
        return mailbox;
    sender = policy_evaluation_owned(session, POLICY_IDENTITY_SENDER);
    if (sender != NULL && sender->owned == POLICY_OWNED_YES &&
        session->sender.kind == POLICY_ADDRESS_DOMAIN && is_ascii(session->sender.text))
        return session->sender.text;
    return (struct base_text){NULL, 0};
}

static bool remove_senders(struct policy_session *session)
{
    struct policy_field *field;
    size_t position = 0;

    while ((field = policy_header_next(&session->header, BASE_TEXT("Sender"), &position)) != NULL)
        if (!policy_edits_delete(&session->edits, field))
            return false;
    return true;
}

bool policy_session_apply_sender(struct policy_session *session)
{
    struct base_text mailbox;
    const char *value;

    if (session->sender_change == POLICY_ACTION_CONTINUE || session->decision.login.length == 0)
        return true;
    if (session->sender_change == POLICY_ACTION_ADD_SENDER &&
        policy_header_count(&session->header, BASE_TEXT("Sender")) > 0)
        return true;
    mailbox = own_mailbox(session);
    if (mailbox.length == 0) {
        policy_session_note_left_out(session, "Sender field: the login has no known mailbox");
        return true;
    }
    if (!remove_senders(session))
        return false;
    value = base_arena_printf(session->message, " %.*s", (int)mailbox.length, mailbox.data);
    return value != NULL && policy_edits_insert(&session->edits, &session->header,
                                                BASE_TEXT("Sender"), base_text_of(value));
}

void policy_session_apply_no_sign(struct policy_session *session)
{
    if (session->no_sign_rule == NULL || session->signing == NULL)
        return;
    dkim_signing_end(&session->signing);
    session->decision.unsigned_reason =
        base_arena_printf(session->message, "rule \"%s\"", session->no_sign_rule);
}
