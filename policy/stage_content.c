/* Header to end of message. Edits are made first and signatures last, so that what is signed is
 * what the MTA will deliver (RFC 6376 section 5); and what should be signed never leaves unsigned.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/log.h"
#include "policy/authres.h"
#include "policy/authres_field.h"
#include "policy/authres_results.h"
#include "policy/authres_trusted.h"
#include "policy/dkim/signing.h"
#include "policy/options.h"
#include "policy/received_spf.h"
#include "policy/rules.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_bounces.h"
#include "policy/stage_bulk.h"
#include "policy/stage_fields.h"
#include "policy/stage_identity.h"
#include "policy/stage_rates.h"
#include "policy/stage_rules.h"

enum {
    MESSAGE_ID_KEPT = 512
};

#define TEMPFAIL(name, words)                   \
    static const struct policy_verdict name = { \
        .stage = POLICY_STAGE_EOM,              \
        .action = POLICY_ACTION_TEMPFAIL,       \
        .code = "451",                          \
        .enhanced = "4.3.2",                    \
        .text = (words),                        \
        .rule = "",                             \
    }

TEMPFAIL(no_memory, "Message takes more memory than is free, please try again later");
TEMPFAIL(header_too_large, "Message header is too large to be signed, please try again later");
/* RFC 5321 section 4.5.3.1.10. */
static const struct policy_verdict too_many_recipients = {
    .stage = POLICY_STAGE_EOM,
    .action = POLICY_ACTION_TEMPFAIL,
    .code = "452",
    .enhanced = "4.5.3",
    .text = "Too many recipients to be judged at once, please send to fewer",
    .rule = "",
};
TEMPFAIL(signing_failed, "Message could not be signed, please try again later");

static const struct base_text disposition_name = {"X-Postseal-Disposition", 22};

/* Fields whose mere presence past the caps matters: a second From, a forged result or mark. */
static bool is_always_counted(struct base_text name)
{
    return base_text_equals_nocase(name, BASE_TEXT("From")) ||
           base_text_equals_nocase(name, BASE_TEXT("Authentication-Results")) ||
           base_text_equals_nocase(name, disposition_name);
}

static bool is_counted(const struct policy_rules *rules, struct base_text name)
{
    return is_always_counted(name) || policy_rules_replace(rules, name) ||
           policy_rules_count(rules, name);
}

void policy_session_field(struct policy_session *session, struct base_text name,
                          struct base_text value)
{
    const struct policy_options *options = session->snapshot->options;
    struct policy_header_caps caps = {
        .max_fields = (size_t)options->header_fields,
        .max_octets = (size_t)options->header_octets,
    };
    struct policy_header *header = &session->header;

    /* Fields behind the header's end would be neither judged nor signed: no MTA sends them. */
    if (!session->has_message || session->is_header_done)
        return;
    size_t count = header->count;
    session->field_octets += name.length + value.length + 3;
    policy_header_append(header, &caps, name, value);
    /* A mark that finds no room exhausts the arena: end of message sees that. */
    if (header->count == count && is_counted(session->snapshot->rules, base_text_trim(name)) &&
        !policy_header_append_mark(header, base_text_trim(name)) && session->latched == NULL)
        session->latched = &no_memory;
}

static bool remove_claims(struct policy_session *session, const struct policy_authserv_ids *ids,
                          struct base_text extra)
{
    unsigned removed;
    bool is_done =
        policy_authres_remove(&session->header, &session->edits, ids, extra,
                              (size_t)session->snapshot->options->authres_fields, &removed);

    session->decision.authres_removed += removed;
    return is_done;
}

static void remove_authres(struct policy_session *session)
{
    const struct policy_snapshot *snapshot = session->snapshot;
    struct base_text extra = {NULL, 0};

    if (policy_networks_contain(snapshot->keep_authres_from, &session->client))
        return;
    /* Without a name of our own, other filters of this MTA write its name, and so shall we. */
    if (snapshot->options->authserv_id == NULL)
        extra = session->mta_name;
    if (!remove_claims(session, snapshot->authserv_ids, extra) && session->latched == NULL)
        session->latched = &no_memory;
    /* Nor may a stranger speak for those whom the readers of this mail believe as they do us. */
    if (!policy_networks_contain(snapshot->trusted, &session->client) &&
        !remove_claims(session, snapshot->trusted_authserv_ids, (struct base_text){NULL, 0}) &&
        session->latched == NULL)
        session->latched = &no_memory;
}

static void note_header(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;
    size_t position = 0;
    const struct policy_field *message_id =
        policy_header_next(&session->header, BASE_TEXT("Message-ID"), &position);

    if (message_id != NULL)
        decision->message_id = policy_session_copy(
            session->message, base_text_trim(message_id->value), MESSAGE_ID_KEPT);
    if (session->header.is_cut)
        policy_session_note_left_out(session, "header past header-fields or header-octets");
    policy_author_read(&session->header, &session->author);
    decision->author = session->author.outcome;
    decision->author_reason = session->author.reason;
    decision->display_address = session->author.display;
    if (session->author.outcome == POLICY_AUTHOR_ONE)
        decision->author_domain =
            (struct base_text){session->author.domain.text, session->author.domain.length};
}

/* "8.17.1.9"; the other says "Postfix 3.7.11". */
static bool is_sendmail(const struct policy_session *session)
{
    return session->mta_version.length > 0 && base_ascii_is_digit(session->mta_version.data[0]);
}

static void begin_signing(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;
    const struct dkim_keyring *keyring = session->snapshot->keyring;
    const struct dkim_sign_block *block = NULL;
    bool has_author = session->author.outcome == POLICY_AUTHOR_ONE;

    if (keyring == NULL || dkim_keyring_count(keyring) == 0) {
        decision->unsigned_reason = "no sign block";
        return;
    }
    if (has_author)
        block = dkim_keyring_find(keyring, &session->author.domain);
    /* In what was cut there may be anything: only a known author without a block is certain. */
    if (session->header.is_cut && (block != NULL || !has_author)) {
        decision->unsigned_reason = "header past header-fields or header-octets";
        session->latched = &header_too_large;
    } else if (!has_author) {
        decision->unsigned_reason = session->author.reason;
    } else if (block == NULL) {
        decision->unsigned_reason = base_arena_printf(session->message, "no sign block for %s",
                                                      session->author.domain.text);
    } else if (policy_evaluation_is_foreign_author(session)) {
        decision->unsigned_reason = "the login does not own the author";
    } else {
        session->signing = dkim_signing_begin(session->message, block);
        if (session->signing == NULL)
            session->latched = &no_memory;
        else if (is_sendmail(session))
            dkim_signing_expect_sendmail(session->signing);
    }
}

/* A mark that a stranger set is not ours. */
static bool remove_dispositions(struct policy_session *session)
{
    struct policy_field *field;
    size_t position = 0;

    while ((field = policy_header_next(&session->header, disposition_name, &position)) != NULL)
        if (!policy_edits_delete(&session->edits, field))
            return false;
    return true;
}

void policy_session_finish_header(struct policy_session *session)
{
    if (session->is_header_done)
        return;
    session->is_header_done = true;
    note_header(session);
    remove_authres(session);
    policy_authres_read_trusted(session);
    if (session->latched == NULL && session->decision.direction == POLICY_DIRECTION_OUTBOUND)
        begin_signing(session);
    if (session->decision.direction == POLICY_DIRECTION_INBOUND && !remove_dispositions(session) &&
        session->latched == NULL)
        session->latched = &no_memory;
    policy_evaluation_header(session);
    policy_session_bulk_header(session);
}

const struct policy_verdict *policy_session_eoh(struct policy_session *session)
{
    const struct policy_verdict *verdict = policy_session_continue(POLICY_STAGE_EOH);

    if (!session->has_message)
        return verdict;
    policy_session_finish_header(session);
    verdict = policy_session_run_rules(session, POLICY_STAGE_EOH, NULL);
    if (verdict->action != POLICY_ACTION_CONTINUE)
        policy_session_refuse(session, verdict);
    return verdict;
}

void policy_session_body(struct policy_session *session, struct base_text chunk)
{
    if (!session->has_message)
        return;
    policy_session_finish_header(session);
    session->decision.body_octets += chunk.length;
    if (session->signing != NULL && chunk.length > 0)
        dkim_signing_body(session->signing, chunk);
    policy_evaluation_body(session, chunk);
    policy_session_bounce_body(session, chunk);
}

static void warn_of_left_out(struct policy_session *session, const char *words)
{
    policy_session_note_left_out(session, words);
    base_log_warning("id=%s: %s: see SENDMAIL in postseald(8)", session->decision.id, words);
}

/* True when every key of the block has signed. */
static bool finish_signing(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;

    decision->signatures = dkim_signing_finish(session->signing, &session->header, &session->edits,
                                               base_clock_wall_s(session->env.clock));
    if (decision->signatures == NULL)
        decision->unsigned_reason = "no memory for the signature";
    if (dkim_signing_left_out(session->signing) != NULL)
        warn_of_left_out(session, dkim_signing_left_out(session->signing));
    for (const struct policy_signature *it = decision->signatures; it != NULL; it = it->next)
        if (it->fault != NULL && decision->unsigned_reason == NULL)
            decision->unsigned_reason = it->fault;
    return decision->unsigned_reason == NULL;
}

/* What the evaluators found, for the record: all of it, whatever is decided. */
static void evaluate(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;

    policy_evaluation_author(session);
    decision->spf = policy_evaluation_spf(session);
    decision->helo_spf = policy_evaluation_helo_spf(session);
    decision->dkim = policy_evaluation_dkim(session);
    decision->dkim_word = policy_evaluation_dkim_word(session);
    if (decision->dkim != NULL && decision->dkim->skipped > 0)
        policy_session_note_left_out(session, "signatures past dkim-signatures");
    decision->dmarc = policy_evaluation_dmarc(session);
    decision->mailing_list = policy_evaluation_mailing_list(session);
    policy_evaluation_note_identity(session);
}

/* "X-Postseal-Disposition: quarantine; reason=...", for the mailbox's filter to file by. */
static bool insert_mark(struct policy_session *session)
{
    struct base_buf value;

    base_buf_init(&value, session->message, 1024);
    base_buf_append_cstr(&value, " quarantine; reason=");
    authres_append_value(&value, base_text_of(session->mark->rule));
    return !value.is_over && policy_edits_insert(&session->edits, &session->header,
                                                 disposition_name, base_buf_text(&value));
}

/* The owner's policy was not followed: RFC 9990 wants to know. */
static void note_dmarc_override(struct policy_session *session,
                                const struct policy_verdict *verdict)
{
    const struct dmarc_outcome *dmarc = session->decision.dmarc;

    if (session->decision.exception != NULL)
        return;
    if (dmarc == NULL || dmarc->result != DMARC_RESULT_FAIL ||
        dmarc->disposition == DMARC_POLICY_NONE || verdict->action == POLICY_ACTION_REJECT)
        return;
    if (dmarc->disposition == DMARC_POLICY_QUARANTINE &&
        verdict->action != POLICY_ACTION_CONTINUE && verdict->action != POLICY_ACTION_ACCEPT)
        return;
    policy_session_note_override(session, "local_policy",
                                 session->decision.would != NULL ? "mode is observe"
                                                                 : "no rule enforces it");
}

static bool is_spf_fault(const struct spf_outcome *outcome)
{
    return outcome != NULL && outcome->verdict != SPF_VERDICT_PASS &&
           outcome->verdict != SPF_VERDICT_NONE && outcome->verdict != SPF_VERDICT_NEUTRAL;
}

/* What SPF found is recorded, and no rule was allowed to act on it. */
static void note_forwarder(struct policy_session *session)
{
    const struct policy_decision *decision = &session->decision;

    if (policy_networks_contain(session->snapshot->trusted_forwarders, &session->client) &&
        (is_spf_fault(decision->spf) || is_spf_fault(decision->helo_spf)))
        policy_session_note_override(session, "trusted_forwarder",
                                     "client is in trusted-forwarders");
}

static bool is_refusal(const struct policy_verdict *verdict)
{
    return verdict->action == POLICY_ACTION_REJECT || verdict->action == POLICY_ACTION_TEMPFAIL ||
           verdict->action == POLICY_ACTION_DISCARD;
}

/* What a rule would have said of those that are not remembered is not known. */
static bool hides_recipients(const struct policy_session *session)
{
    return session->snapshot->options->mode == POLICY_MODE_ENFORCE &&
           session->recipients_kept < session->decision.recipients &&
           policy_session_accepted_by(session, POLICY_STAGE_EOM) == NULL &&
           policy_rules_need_recipients(session->snapshot->rules);
}

/* Rules, then the field that says what was found, on top of all. */
static const struct policy_verdict *judge(struct policy_session *session)
{
    const struct policy_verdict *verdict;

    evaluate(session);
    verdict = policy_session_run_rules(session, POLICY_STAGE_EOM, NULL);
    if (is_refusal(verdict))
        policy_session_note_rejection(session, verdict);
    else if (hides_recipients(session))
        verdict = &too_many_recipients;
    else if (verdict->action == POLICY_ACTION_CONTINUE)
        verdict = policy_session_rate_message(session);
    if (verdict->action == POLICY_ACTION_CONTINUE && session->mark != NULL) {
        verdict = session->mark;
        if (verdict->action == POLICY_ACTION_MARK &&
            session->snapshot->options->mode == POLICY_MODE_ENFORCE && !insert_mark(session))
            return &no_memory;
    }
    if (verdict->action == POLICY_ACTION_CONTINUE &&
        policy_session_accepted_by(session, POLICY_STAGE_EOM) != NULL)
        verdict = policy_session_accepted_by(session, POLICY_STAGE_EOM);
    if (session->snapshot->options->mode == POLICY_MODE_ENFORCE &&
        (!policy_session_insert_fields(session) || !policy_session_apply_sender(session)))
        return &no_memory;
    note_dmarc_override(session, verdict);
    note_forwarder(session);
    if (!policy_received_spf_insert(session))
        return &no_memory;
    return policy_authres_insert(session) ? verdict : &no_memory;
}

static const struct policy_verdict *decide(struct policy_session *session)
{
    const struct policy_verdict *verdict;

    if (session->latched != NULL)
        return session->latched;
    if (base_arena_is_exhausted(session->message))
        return &no_memory;
    verdict = judge(session);
    if (is_refusal(verdict))
        return verdict;
    /* What the rules asked for could not be found out. */
    if (session->latched != NULL)
        return session->latched;
    if (session->snapshot->options->mode == POLICY_MODE_ENFORCE)
        policy_session_apply_no_sign(session);
    if (session->signing != NULL && !finish_signing(session))
        return &signing_failed;
    if (base_arena_is_exhausted(session->message))
        return &no_memory;
    return verdict;
}

const struct policy_verdict *policy_session_eom(struct policy_session *session,
                                                void (*progress)(void *context), void *context)
{
    struct policy_decision *decision = &session->decision;

    if (!session->has_message)
        return policy_session_continue(POLICY_STAGE_EOM);
    policy_session_finish_header(session);
    policy_evaluation_content(session, progress, context);
    const struct policy_verdict *verdict = decide(session);
    policy_client_evaluation_note(session);
    if (verdict->action != POLICY_ACTION_CONTINUE && verdict->action != POLICY_ACTION_ACCEPT &&
        session->snapshot->options->mode == POLICY_MODE_OBSERVE) {
        if (decision->would == NULL)
            decision->would = verdict;
        verdict = policy_session_continue(POLICY_STAGE_EOM);
    }
    if (!is_refusal(verdict))
        policy_session_bulk_reserve(session);
    decision->verdict = *verdict;
    /* Of connect alone. */
    decision->verdict.is_bypass = false;
    decision->is_aborted = false;
    decision->elapsed_ns = base_clock_mono_ns(session->env.clock) - session->begin_ns;
    /* What is refused was not to be signed any more. */
    if (decision->direction == POLICY_DIRECTION_OUTBOUND && decision->signatures == NULL &&
        decision->unsigned_reason == NULL && !is_refusal(verdict))
        decision->unsigned_reason = "no memory";
    dkim_signing_end(&session->signing);
    session->has_message = false;
    return &decision->verdict;
}
