/* Connect to DATA: facts are copied and cut, MAIL fixes the direction, the rules of each stage are
 * run. What else keeps a message from being handled is latched and said at end of message. */
#include "base/arena.h"
#include "base/clock.h"
#include "policy/address.h"
#include "policy/direction.h"
#include "policy/options.h"
#include "policy/path.h"
#include "policy/session-private.h"
#include "policy/snapshot-private.h"
#include "policy/stage_bulk.h"
#include "policy/stage_rates.h"
#include "policy/stage_rules.h"

#include <string.h>

enum {
    /* Longer than any valid domain (RFC 1035 section 2.3.4): what is cut here stays invalid. */
    NAME_KEPT = 256,
    LOGIN_KEPT = 512,
    MECHANISM_KEPT = 64,
    VERSION_KEPT = 64,
    PORT_MAX = 65535,
    BITS_MAX = 65536,
    PATH_KEPT = POLICY_ADDRESS_MAX + 1,
    QUEUE_ID_KEPT = 128,
};

/* "[192.0.2.1]" and "unknown" are what MTAs say of a client without a name. */
static struct base_text real_name(struct base_text name)
{
    if ((name.length > 0 && name.data[0] == '[') ||
        base_text_equals_nocase(name, BASE_TEXT("unknown")))
        return (struct base_text){NULL, 0};
    return name;
}

/* HELO may be said again while the message is under way: the message has its own. */
static void note_tls(struct policy_session *session)
{
    struct policy_tls *copy;

    if (!session->has_tls)
        return;
    copy = base_arena_alloc(session->message, sizeof(*copy));
    if (copy != NULL)
        *copy = *session->tls_room;
    session->decision.tls = copy;
}

static void begin_decision(struct policy_session *session)
{
    struct policy_decision *decision = &session->decision;
    int64_t wall_ns = base_clock_wall_ns(session->env.clock);

    policy_decision_make_id(decision->id, wall_ns);
    decision->time_s = wall_ns / BASE_NS_PER_S;
    decision->is_aborted = true;
    decision->verdict = *policy_session_continue(POLICY_STAGE_MAIL);
    /* Without a connect call it was never written. */
    if (session->client_address[0] == '\0')
        policy_client_text(&session->client, session->client_address,
                           sizeof(session->client_address));
    decision->client_address = base_text_of(session->client_address);
    decision->client_name = session->client_name;
    decision->mta_name = session->mta_name;
    decision->mta_version = session->mta_version;
    decision->daemon_name = session->daemon_name;
    decision->daemon_port = session->daemon_port;
    note_tls(session);
    /* HELO may be said again while the message is under way. */
    decision->helo = policy_session_copy(session->message, session->helo, NAME_KEPT);
}

/* A client that is refused before MAIL leaves a record, too: one without a message. */
static const struct policy_verdict *refuse_early(struct policy_session *session,
                                                 const struct policy_verdict *verdict)
{
    policy_session_reset(session);
    begin_decision(session);
    session->decision.mail_from = BASE_TEXT("");
    session->decision.session_hits = session->session_hits;
    policy_evaluation_note(session);
    session->decision.verdict = *verdict;
    session->decision.is_aborted = false;
    return verdict;
}

static const struct policy_verdict *decide_early(struct policy_session *session,
                                                 enum policy_stage stage)
{
    const struct policy_verdict *verdict = policy_session_run_rules(session, stage, NULL);

    return verdict->action == POLICY_ACTION_CONTINUE ? verdict : refuse_early(session, verdict);
}

const struct policy_verdict *policy_session_command(struct policy_session *session,
                                                    struct base_text command)
{
    const struct policy_verdict *verdict;

    /* The record of the last command that was refused points into what this one takes. */
    if (!session->has_message)
        policy_session_reset(session);
    verdict = policy_session_run_command_rules(session, command);
    if (verdict->action == POLICY_ACTION_CONTINUE || session->has_message)
        return verdict;
    return refuse_early(session, verdict);
}

const struct policy_verdict *policy_session_connect(struct policy_session *session,
                                                    const struct policy_connect_facts *facts)
{
    uint64_t port;

    policy_session_reset(session);
    policy_helo_evaluation_reset(session);
    policy_client_evaluation_reset(session);
    base_arena_reset(session->connection);
    session->helo_room = NULL;
    session->tls_room = NULL;
    session->has_tls = false;
    session->helo = (struct base_text){NULL, 0};
    session->session_accepted = NULL;
    session->session_mark = NULL;
    session->session_would = NULL;
    session->session_hits = NULL;
    session->session_fields = NULL;
    policy_client_init(&session->client, facts->address, facts->client_name);
    policy_client_text(&session->client, session->client_address, sizeof(session->client_address));
    session->client_name =
        policy_session_copy(session->connection, real_name(facts->client_name), NAME_KEPT);
    session->mta_name = policy_session_copy(session->connection, facts->mta_name, NAME_KEPT);
    session->daemon_name = policy_session_copy(session->connection, facts->daemon_name, NAME_KEPT);
    session->mta_version =
        policy_session_copy(session->connection, facts->mta_version, VERSION_KEPT);
    session->daemon_port =
        base_text_to_uint(facts->daemon_port, PORT_MAX, &port) ? (unsigned)port : 0;
    policy_client_evaluation_begin(session);
    const struct policy_verdict *verdict = decide_early(session, POLICY_STAGE_CONNECT);
    session->connect_left_ns = session->helo_evaluation.budget.left_ns;

    session->connect_accepted = session->session_accepted;
    session->connect_mark = session->session_mark;
    session->connect_would = session->session_would;
    session->connect_fields = session->session_fields;
    return verdict;
}

/* False: the facts are of no TLS. */
static bool read_tls(struct policy_session *session, const struct policy_tls_facts *facts)
{
    if (facts->version.length == 0)
        return false;
    if (session->tls_room == NULL)
        session->tls_room = base_arena_alloc(session->connection, sizeof(*session->tls_room));
    return session->tls_room != NULL &&
           policy_tls_read(session->tls_room, facts, session->mta_version);
}

const struct policy_verdict *policy_session_helo(struct policy_session *session,
                                                 const struct policy_helo_facts *facts)
{
    struct base_text helo = facts->helo;

    /* The MTA ends a message under way first (RFC 5321 section 4.1.4). Should it not, that one
     * keeps what it began with. */
    if (session->has_message) {
        session->helo_evaluation.is_stale = true;
    } else {
        policy_session_reset(session);
        policy_helo_evaluation_reset(session);
        /* What was waited at connect is gone. */
        session->helo_evaluation.budget.left_ns = session->connect_left_ns;
    }
    if (session->helo_room == NULL)
        session->helo_room = base_arena_alloc(session->connection, NAME_KEPT + 1);
    session->helo = (struct base_text){NULL, 0};
    if (session->helo_room != NULL && helo.data != NULL) {
        size_t length = helo.length < NAME_KEPT ? helo.length : NAME_KEPT;
        memcpy(session->helo_room, helo.data, length);
        session->helo_room[length] = '\0';
        session->helo = (struct base_text){session->helo_room, length};
    }
    session->has_tls = read_tls(session, &facts->tls);
    session->session_accepted = session->connect_accepted;
    session->session_mark = session->connect_mark;
    session->session_would = session->connect_would;
    session->session_fields = session->connect_fields;
    return decide_early(session, POLICY_STAGE_HELO);
}

static struct base_text kept_path(struct policy_session *session, struct base_text path,
                                  struct base_text told)
{
    struct policy_address address;

    session->is_sender_guessed = !policy_path_settle(session->message, path, told, &address);
    struct base_text copy = policy_session_copy(session->message, address.text, PATH_KEPT);
    return copy.data != NULL ? copy : BASE_TEXT("");
}

/* A refusal of the whole message is kept: should the MTA go on all the same, end of message says it
 * again. */
static const struct policy_verdict *decide(struct policy_session *session, enum policy_stage stage)
{
    const struct policy_verdict *verdict = policy_session_run_rules(session, stage, NULL);

    if (verdict->action == POLICY_ACTION_CONTINUE)
        return verdict;
    policy_session_refuse(session, verdict);
    return verdict;
}

static void note_auth(struct policy_session *session, const struct policy_mail_facts *facts)
{
    struct policy_decision *decision = &session->decision;
    uint64_t bits;

    decision->auth_mechanism =
        policy_session_copy(session->message, facts->auth_type, MECHANISM_KEPT);
    decision->has_auth_bits = base_text_to_uint(facts->auth_ssf, BITS_MAX, &bits);
    decision->auth_bits = decision->has_auth_bits ? (unsigned)bits : 0;
    decision->auth_author = policy_session_copy(session->message, facts->auth_author, LOGIN_KEPT);
}

const struct policy_verdict *policy_session_mail(struct policy_session *session,
                                                 const struct policy_mail_facts *facts)
{
    static const struct policy_verdict no_memory = {
        .stage = POLICY_STAGE_EOM,
        .action = POLICY_ACTION_TEMPFAIL,
        .code = "451",
        .enhanced = "4.3.2",
        .text = "No memory for another message, please try again later",
        .rule = "",
    };
    struct policy_decision *decision = &session->decision;

    policy_session_reset(session);
    session->has_message = true;
    session->begin_ns = base_clock_mono_ns(session->env.clock);
    session->has_tls |= read_tls(session, &facts->tls);
    begin_decision(session);
    note_auth(session, facts);
    decision->has_declared_size =
        base_text_to_uint(facts->declared_size, INT64_MAX, &decision->declared_size);
    decision->login = policy_session_copy(session->message, facts->auth_authen, LOGIN_KEPT);
    session->is_sender_malformed =
        policy_address_parse(facts->reverse_path, &session->sender) == POLICY_ADDRESS_INVALID;
    decision->mail_from = kept_path(session, facts->reverse_path, facts->mail_addr);
    (void)policy_address_parse(decision->mail_from, &session->sender);
    policy_session_queue_id(session, facts->queue_id);

    struct policy_direction_facts direction = {
        .client = &session->client,
        .daemon_name = session->daemon_name,
        .login = decision->login,
    };
    decision->direction =
        policy_direction_decide(session->snapshot, &direction, &decision->direction_by);
    /* A fact that found no room would make a direction up. */
    if (base_arena_is_exhausted(session->connection) || base_arena_is_exhausted(session->message))
        session->latched = &no_memory;
    decision->session_hits = session->session_hits;
    decision->would = session->session_would;
    session->mark = session->session_mark;
    policy_client_evaluation_refresh(session);
    session->fields = session->session_fields;
    policy_evaluation_begin(session);
    return decide(session, POLICY_STAGE_MAIL);
}

/* Recipients may take a quarter of the message's memory, so that they never crowd out its header.
 */
static void keep_recipient(struct policy_session *session, const struct policy_address *address)
{
    const struct policy_options *options = session->snapshot->options;
    size_t octets = sizeof(struct policy_recipient) + address->text.length + 1;

    if (session->recipients_kept >= (size_t)options->recipients_kept ||
        session->recipient_octets + octets > (size_t)options->message_memory / 4) {
        if (session->recipients_kept < session->decision.recipients)
            return;
        policy_session_note_left_out(session, "recipients past recipients-kept");
        return;
    }
    struct policy_recipient *recipient = base_arena_alloc(session->message, sizeof(*recipient));
    struct base_text copy = policy_session_copy(session->message, address->text, PATH_KEPT);
    if (recipient == NULL || copy.data == NULL)
        return;
    recipient->address = copy;
    if (session->last_recipient != NULL)
        session->last_recipient->next = recipient;
    else
        session->decision.kept_recipients = recipient;
    session->last_recipient = recipient;
    session->recipients_kept++;
    session->recipient_octets += octets;
}

/* Mail of the MTA's own pickup has nobody to whom one recipient could be refused: Postfix would
 * defer the message for ever. It is refused as a whole, at its end. */
static const struct policy_verdict *refuse_pickup(struct policy_session *session,
                                                  const struct policy_verdict *verdict)
{
    struct policy_verdict *copy = base_arena_alloc(session->message, sizeof(*copy));

    if (copy == NULL)
        return verdict;
    *copy = *verdict;
    copy->stage = POLICY_STAGE_EOM;
    if (session->latched == NULL)
        session->latched = copy;
    return policy_session_continue(POLICY_STAGE_RCPT);
}

const struct policy_verdict *policy_session_rcpt(struct policy_session *session,
                                                 struct base_text forward_path)
{
    const struct policy_verdict *verdict = policy_session_continue(POLICY_STAGE_RCPT);
    const struct policy_verdict *recipient_accepted = session->recipient_accepted;
    unsigned recipients_accepted = session->recipients_accepted;
    struct policy_address address;

    if (!session->has_message)
        return verdict;
    (void)policy_path_read(session->message, forward_path, &address);
    verdict = policy_session_run_rules(session, POLICY_STAGE_RCPT, &address);
    if (verdict->action == POLICY_ACTION_CONTINUE)
        verdict = policy_session_rate_recipient(session, &address);
    else if (verdict->action == POLICY_ACTION_REJECT)
        policy_session_rate_rejected(session, &address);
    if (verdict->action != POLICY_ACTION_CONTINUE) {
        /* This recipient alone; the others are not touched, nor freed by a rule that accepted it.
         */
        session->decision.recipients_refused++;
        session->recipients_accepted = recipients_accepted;
        session->recipient_accepted = recipient_accepted;
        if (session->client.is_local_pickup)
            return refuse_pickup(session, verdict);
        session->decision.verdict = *verdict;
        return verdict;
    }
    keep_recipient(session, &address);
    policy_session_bulk_recipient(session, &address);
    session->decision.recipients++;
    if (session->decision.kept_recipients != NULL)
        session->decision.first_recipient = session->decision.kept_recipients->address;
    return verdict;
}

void policy_session_queue_id(struct policy_session *session, struct base_text queue_id)
{
    if (session->has_message && session->decision.queue_id.length == 0 && queue_id.length > 0)
        session->decision.queue_id = policy_session_copy(session->message, queue_id, QUEUE_ID_KEPT);
}

const struct policy_verdict *policy_session_data(struct policy_session *session)
{
    if (!session->has_message)
        return policy_session_continue(POLICY_STAGE_DATA);
    return decide(session, POLICY_STAGE_DATA);
}
