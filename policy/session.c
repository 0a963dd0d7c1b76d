/* A session's life: made, reset between messages, destroyed. The stages are in stage_envelope.c
 * (connect to DATA) and stage_content.c (header to end of message). */
#include "policy/session.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "policy/dkim/signing.h"
#include "policy/options.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/snapshot.h"
#include "policy/stage_bounces.h"
#include "policy/stage_bulk.h"
#include "policy/stage_rates.h"

/* Octets that the facts of a connection may take: each of them is cut before it is copied. */
enum {
    CONNECTION_MEMORY = 16 * 1024,
    /* For the reply to one command. */
    COMMAND_MEMORY = 16 * 1024
};

#define CONTINUE(at)                                                                             \
    {                                                                                            \
        .stage = (at), .action = POLICY_ACTION_CONTINUE, .code = "", .enhanced = "", .text = "", \
        .rule = ""                                                                               \
    }

const struct policy_verdict *policy_session_continue(enum policy_stage stage)
{
    static const struct policy_verdict verdicts[] = {
        CONTINUE(POLICY_STAGE_CONNECT), CONTINUE(POLICY_STAGE_HELO), CONTINUE(POLICY_STAGE_MAIL),
        CONTINUE(POLICY_STAGE_RCPT),    CONTINUE(POLICY_STAGE_DATA), CONTINUE(POLICY_STAGE_HEADER),
        CONTINUE(POLICY_STAGE_EOH),     CONTINUE(POLICY_STAGE_BODY), CONTINUE(POLICY_STAGE_EOM),
        CONTINUE(POLICY_STAGE_UNKNOWN),
    };

    return &verdicts[stage];
}

static void clear_message(struct policy_session *session)
{
    const size_t first = offsetof(struct policy_session, has_message);

    memset((char *)session + first, 0, sizeof(*session) - first);
    policy_header_init(&session->header, session->message);
    policy_edits_init(&session->edits, session->message);
    session->decision.direction_by = "default";
    session->decision.verdict = *policy_session_continue(POLICY_STAGE_CONNECT);
}

struct policy_session *policy_session_create(const struct policy_env *env,
                                             struct policy_snapshot *snapshot)
{
    struct policy_session *session = base_mem_alloc_zero(1, sizeof(*session));

    session->env = *env;
    session->snapshot = policy_snapshot_ref(snapshot);
    session->connection = base_arena_create(CONNECTION_MEMORY, env->budget);
    session->command = base_arena_create(COMMAND_MEMORY, env->budget);
    session->message = base_arena_create((size_t)snapshot->options->message_memory, env->budget);
    policy_client_init(&session->client, NULL, (struct base_text){NULL, 0});
    policy_helo_evaluation_reset(session);
    session->connect_left_ns = session->helo_evaluation.budget.left_ns;
    clear_message(session);
    return session;
}

void policy_session_destroy(struct policy_session **session)
{
    struct policy_session *it = *session;

    if (it == NULL)
        return;
    policy_session_reset(it);
    policy_helo_evaluation_deinit(it);
    policy_client_evaluation_deinit(it);
    base_arena_destroy(&it->message);
    base_arena_destroy(&it->command);
    base_arena_destroy(&it->connection);
    policy_snapshot_unref(&it->snapshot);
    base_mem_free(it);
    *session = NULL;
}

struct policy_snapshot *policy_session_snapshot(const struct policy_session *session)
{
    return session->snapshot;
}

void policy_session_reset(struct policy_session *session)
{
    policy_session_rate_give_back(session);
    dkim_signing_end(&session->signing);
    policy_evaluation_end(session);
    dns_lookups_destroy(&session->bulk_lookups);
    clear_message(session);
    base_arena_reset(session->message);
}

void policy_session_accepted(struct policy_session *session)
{
    enum policy_action action = session->decision.verdict.action;

    if (!session->has_message && action != POLICY_ACTION_REJECT &&
        action != POLICY_ACTION_TEMPFAIL && action != POLICY_ACTION_DISCARD) {
        policy_session_rate_commit(session);
        policy_session_bulk_accepted(session);
        policy_session_bounce_accepted(session);
    }
}

bool policy_session_has_message(const struct policy_session *session)
{
    return session->has_message;
}

static bool may_edit(enum policy_action action)
{
    return action == POLICY_ACTION_CONTINUE || action == POLICY_ACTION_ACCEPT ||
           action == POLICY_ACTION_MARK || action == POLICY_ACTION_HOLD_QUEUE;
}

const struct policy_edits *policy_session_edits(const struct policy_session *session)
{
    static const struct policy_edits none;

    if (session->has_message || !may_edit(session->decision.verdict.action))
        return &none;
    return &session->edits;
}

struct dns_lookups *policy_session_lookups(const struct policy_session *session)
{
    return session->evaluation.lookups;
}

void policy_session_explain_spf(struct policy_session *session)
{
    policy_evaluation_explain_spf(session, false);
    policy_evaluation_explain_spf(session, true);
}

const struct policy_decision *policy_session_decision(const struct policy_session *session)
{
    return &session->decision;
}

struct base_text policy_session_copy(struct base_arena *arena, struct base_text text, size_t max)
{
    size_t length = text.length < max ? text.length : max;
    char *copy = text.data != NULL ? base_arena_strndup(arena, text.data, length) : NULL;

    return (struct base_text){copy, copy != NULL ? length : 0};
}

void policy_session_note_override(struct policy_session *session, const char *type,
                                  const char *comment)
{
    struct policy_override *override = base_arena_alloc(session->message, sizeof(*override));

    if (override == NULL)
        return;
    override->type = type;
    override->comment = comment;
    override->next = session->decision.overrides;
    session->decision.overrides = override;
}

void policy_session_note_rejection(struct policy_session *session,
                                   const struct policy_verdict *verdict)
{
    if (verdict->action == POLICY_ACTION_REJECT && !session->is_rejection_counted)
        policy_session_rate_rejected(session, NULL);
    session->is_rejection_counted = true;
}

void policy_session_refuse(struct policy_session *session, const struct policy_verdict *verdict)
{
    struct policy_decision *decision = &session->decision;

    if (session->latched == NULL)
        session->latched = verdict;
    policy_session_note_rejection(session, verdict);
    decision->verdict = *verdict;
    decision->is_aborted = false;
    decision->elapsed_ns = base_clock_mono_ns(session->env.clock) - session->begin_ns;
}

void policy_session_note_left_out(struct policy_session *session, const char *words)
{
    struct policy_decision *decision = &session->decision;
    const char *joined = words;

    if (decision->left_out != NULL)
        joined = base_arena_printf(session->message, "%s; %s", decision->left_out, words);
    if (joined != NULL)
        decision->left_out = joined;
}
