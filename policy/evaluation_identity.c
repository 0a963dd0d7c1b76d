/* The fields are those of RFC 5322 sections 3.6.2 and 3.6.6. An address that cannot be read is
 * nobody's; so is a field that may stand among those that a cap left out. */
#include "policy/evaluation_identity.h"

#include "base/arena.h"
#include "base/log.h"
#include "policy/conditions.h"
#include "policy/identity_options.h"
#include "policy/options.h"
#include "policy/rules.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"

/* Addresses of one message's fields that are judged for one part: more are nobody's. */
#define ADDRESSES_MAX 100

/* A list of addresses under way: the first that is not owned tells. */
struct listing {
    struct policy_session *session;
    struct policy_ownership *out;
    unsigned count;
};

static void judge(struct policy_session *session, const struct policy_address *address,
                  struct policy_ownership *out)
{
    const struct policy_identity *identity = session->snapshot->identity;
    struct base_text login = session->decision.login;

    out->address = address->text;
    if (login.length > 0)
        policy_identity_judge(identity, session->message, login, address, out);
    else
        policy_identity_judge_stranger(identity, session->message, address, out);
}

static void set_no(struct policy_ownership *out, struct base_text address)
{
    *out = (struct policy_ownership){.owned = POLICY_OWNED_NO, .address = address};
}

/* RFC 3834 section 5, RFC 6522: what a user's own machine may send from nobody. */
static bool looks_like_report(const struct policy_session *session)
{
    size_t position = 0;
    const struct policy_field *field =
        policy_header_next(&session->header, BASE_TEXT("Auto-Submitted"), &position);

    if (field != NULL &&
        !base_text_starts_with_nocase(base_text_trim(field->value), BASE_TEXT("no")))
        return true;
    position = 0;
    field = policy_header_next(&session->header, BASE_TEXT("Content-Type"), &position);
    return field != NULL && base_text_starts_with_nocase(base_text_trim(field->value),
                                                         BASE_TEXT("multipart/report"));
}

static void judge_null_sender(const struct policy_session *session, struct policy_ownership *out)
{
    const struct policy_identity_options *options =
        policy_identity_options_get(session->snapshot->conf);
    bool is_owned = options->null_sender == POLICY_NULL_SENDER_OWNED;

    if (session->decision.login.length == 0)
        return;
    if (options->null_sender == POLICY_NULL_SENDER_DSN)
        is_owned = !session->is_header_done || looks_like_report(session);
    out->owned = is_owned ? POLICY_OWNED_YES : POLICY_OWNED_NO;
    out->by = is_owned ? "null-sender" : NULL;
}

static void judge_sender(struct policy_session *session, struct policy_ownership *out)
{
    if (session->sender.kind == POLICY_ADDRESS_NULL)
        judge_null_sender(session, out);
    else if (session->is_sender_guessed && session->decision.login.length > 0)
        /* The MTA may take it for another's. */
        set_no(out, session->sender.text);
    else
        judge(session, &session->sender, out);
}

static void add_mailbox(void *context, struct base_text mailbox)
{
    struct listing *listing = context;
    struct policy_ownership one = {.owned = POLICY_OWNED_UNKNOWN};
    struct policy_ownership *out = listing->out;
    struct policy_address address;

    if (out->owned == POLICY_OWNED_NO || out->owned == POLICY_OWNED_FAULT)
        return;
    mailbox = policy_session_copy(listing->session->message, mailbox, mailbox.length);
    if (mailbox.data == NULL || ++listing->count > ADDRESSES_MAX) {
        set_no(out, mailbox);
        return;
    }
    (void)policy_address_parse(mailbox, &address);
    judge(listing->session, &address, &one);
    /* Of several the one that tells most: no login of ours, then a login's. */
    if (listing->count == 1 || one.owned != POLICY_OWNED_UNKNOWN)
        *out = one;
}

/* Returns how many fields there are. */
static size_t judge_fields(struct policy_session *session, struct base_text name,
                           struct listing *listing)
{
    const struct policy_field *field;
    size_t position = 0, count = 0;

    while ((field = policy_header_next(&session->header, name, &position)) != NULL) {
        unsigned before = listing->count;

        count++;
        if (listing->out->owned == POLICY_OWNED_FAULT)
            continue;
        if (field->is_left_out || !policy_author_each(field->value, add_mailbox, listing) ||
            listing->count == before)
            set_no(listing->out, (struct base_text){NULL, 0});
    }
    return count;
}

static void judge_header(struct policy_session *session, enum policy_identity_part part,
                         struct policy_ownership *out)
{
    struct listing listing = {.session = session, .out = out};
    size_t count = 0;

    if (part == POLICY_IDENTITY_AUTHOR)
        count = judge_fields(session, BASE_TEXT("From"), &listing);
    else if (part == POLICY_IDENTITY_SENDER_HEADER)
        count = judge_fields(session, BASE_TEXT("Sender"), &listing);
    else if (part == POLICY_IDENTITY_REPLY_TO)
        count = judge_fields(session, BASE_TEXT("Reply-To"), &listing);
    else
        count = judge_fields(session, BASE_TEXT("Resent-From"), &listing) +
                judge_fields(session, BASE_TEXT("Resent-Sender"), &listing);
    if (session->decision.login.length == 0 && out->owned == POLICY_OWNED_NO && out->by == NULL)
        /* A stranger's field that cannot be read is nobody's business here. */
        out->owned = POLICY_OWNED_UNKNOWN;
    else if (session->decision.login.length > 0 && count == 0 &&
             (part == POLICY_IDENTITY_AUTHOR || session->header.is_cut))
        set_no(out, (struct base_text){NULL, 0});
}

/* Rules that are only watched change nothing. */
static bool is_enforced(const struct policy_session *session, unsigned topic, bool for_all)
{
    return session->snapshot->options->mode == POLICY_MODE_ENFORCE &&
           policy_rules_have_topic(session->snapshot->rules, topic, for_all);
}

/* What cannot be looked up must not pass for owned, nor be refused for good. */
static void note_fault(struct policy_session *session, const char *fault)
{
    static const struct policy_verdict map_fault = {
        .stage = POLICY_STAGE_EOM,
        .action = POLICY_ACTION_TEMPFAIL,
        .code = "451",
        .enhanced = "4.3.0",
        .text = "Temporary lookup failure, please try again later",
        .rule = "",
    };

    base_log_warning("%s", fault);
    if (session->latched == NULL && is_enforced(session, POLICY_TOPIC_IDENTITY, false))
        session->latched = &map_fault;
}

/* A login's mail, or a stranger's. */
static bool is_judged(const struct policy_session *session)
{
    return policy_identity_is_configured(session->snapshot->identity) && session->begin_ns != 0 &&
           (session->decision.login.length > 0 ||
            session->decision.direction == POLICY_DIRECTION_INBOUND);
}

const struct policy_ownership *policy_evaluation_owned(struct policy_session *session,
                                                       enum policy_identity_part part)
{
    struct policy_identity_evaluation *identity = &session->identity;
    struct policy_ownership *out = &identity->parts[part];

    if (!is_judged(session) || (part != POLICY_IDENTITY_SENDER && !session->is_header_done))
        return NULL;
    if (identity->has[part])
        return out;
    *out = (struct policy_ownership){.owned = POLICY_OWNED_UNKNOWN};
    if (part == POLICY_IDENTITY_SENDER)
        judge_sender(session, out);
    else
        judge_header(session, part, out);
    /* The header may yet tell what the null sender is for. */
    identity->has[part] = part != POLICY_IDENTITY_SENDER || session->is_header_done ||
                          session->sender.kind != POLICY_ADDRESS_NULL;
    if (out->owned == POLICY_OWNED_FAULT)
        note_fault(session, out->fault);
    return out;
}

void policy_evaluation_note_identity(struct policy_session *session)
{
    if (session->decision.login.length == 0 ||
        policy_evaluation_owned(session, POLICY_IDENTITY_SENDER) == NULL)
        return;
    for (enum policy_identity_part part = 0; part < POLICY_IDENTITY_PARTS; part++)
        (void)policy_evaluation_owned(session, part);
    session->decision.identity = &session->identity;
}

bool policy_evaluation_is_foreign_author(struct policy_session *session)
{
    const struct policy_ownership *author;

    if (session->decision.login.length == 0 ||
        !is_enforced(session, POLICY_TOPIC_AUTHOR_IDENTITY, true))
        return false;
    author = policy_evaluation_owned(session, POLICY_IDENTITY_AUTHOR);
    return author != NULL && author->owned != POLICY_OWNED_YES;
}
