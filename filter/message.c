#include "filter/message.h"

#include <netinet/in.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "conf/daemon.h"
#include "filter/daemon.h"
#include "filter/edits.h"
#include "filter/reply.h"
#include "filter/session.h"
#include "policy/counters.h"
#include "policy/session.h"
#include "policy/snapshot.h"

static const struct policy_verdict go_on = {
    .stage = POLICY_STAGE_EOM, .code = "", .enhanced = "", .text = "", .rule = ""};
static const struct policy_verdict shutting_down = {.stage = POLICY_STAGE_MAIL,
                                                    .action = POLICY_ACTION_TEMPFAIL,
                                                    .code = "451",
                                                    .enhanced = "4.3.2",
                                                    .text = "Shutting down, please try again later",
                                                    .rule = ""};
static const struct policy_verdict no_memory = {.stage = POLICY_STAGE_MAIL,
                                                .action = POLICY_ACTION_TEMPFAIL,
                                                .code = "451",
                                                .enhanced = "4.3.2",
                                                .text = "Out of memory, please try again later",
                                                .rule = ""};
static const struct policy_verdict cannot_edit = {.stage = POLICY_STAGE_EOM,
                                                  .action = POLICY_ACTION_TEMPFAIL,
                                                  .code = "451",
                                                  .enhanced = "4.3.0",
                                                  .text = "Header edits failed, please try again",
                                                  .rule = ""};

static struct base_text macro(const struct filter_mta *mta, const char *name)
{
    return base_text_of(mta->ops->macro(mta->context, name));
}

/* The queue id, unless it is what libmilter kept of the message before. Postfix sends it from the
 * second RCPT on, Sendmail with MAIL. */
static struct base_text queue_id(const struct filter_session *session, const struct filter_mta *mta)
{
    struct base_text id = macro(mta, "i");

    if (base_text_equals(id, base_text_of(session->previous_queue_id))) {
        return (struct base_text){NULL, 0};
    }
    return id;
}

/* --- the end of a message ------------------------------------------------------------------------
 */

static void log_decision(const struct filter_session *session,
                         const struct policy_decision *decision)
{
    struct base_log_line line;

    policy_counters_note(session->daemon->env.counters, decision);
    base_log_line_begin(&line);
    policy_decision_log(decision, &line);
    base_log_line_end(&line, BASE_LOG_INFO);
}

/* `verdict`: what the MTA was told, when that is not what policy/ said. */
static void log_message(const struct filter_session *session, const struct policy_verdict *verdict)
{
    struct policy_decision decision = *policy_session_decision(session->policy);

    if (verdict != NULL) {
        decision.verdict = *verdict;
    }
    log_decision(session, &decision);
}

/* A message that policy/ never saw. */
static void log_refused(const struct filter_session *session, const char *reverse_path)
{
    struct policy_decision decision = *policy_session_decision(session->policy);
    struct base_text path = base_text_of(reverse_path);

    if (path.length >= 2 && path.data[0] == '<' && path.data[path.length - 1] == '>') {
        path = (struct base_text){path.data + 1, path.length - 2};
    }
    policy_decision_make_id(decision.id, base_clock_wall_ns(&session->daemon->clock));
    decision.time_s = base_clock_wall_s(&session->daemon->clock);
    decision.mail_from = path;
    decision.verdict = *session->message_verdict;
    log_decision(session, &decision);
}

static void remember_queue_id(struct filter_session *session)
{
    struct base_text id = policy_session_decision(session->policy)->queue_id;

    if (id.length > 0 && id.length < sizeof session->previous_queue_id) {
        memcpy(session->previous_queue_id, id.data, id.length);
        session->previous_queue_id[id.length] = '\0';
    }
}

static void forget_message(struct filter_session *session)
{
    if (session->message != FILTER_MESSAGE_NONE) {
        filter_count_end_message(&session->daemon->count, session->is_counted_refused);
    }
    session->message = FILTER_MESSAGE_NONE;
    session->is_counted_refused = false;
    session->is_data_said = false;
    session->message_verdict = NULL;
    remember_queue_id(session);
    policy_session_reset(session->policy);
}

void filter_message_end(struct filter_session *session, const struct filter_mta *mta)
{
    if (session->message == FILTER_MESSAGE_UNDER_WAY) {
        if (mta != NULL) {
            policy_session_queue_id(session->policy, queue_id(session, mta));
        }
        log_message(session, filter_session_latched(session));
    }
    forget_message(session);
}

/* The reply of a stage inside a message. A verdict that ends the message there ends it here too:
 * the MTA need not say so. */
static int reply(struct filter_session *session, const struct filter_mta *mta,
                 enum policy_stage stage, const struct policy_verdict *verdict)
{
    int answer = filter_reply_choose(session, mta, stage, verdict);
    bool is_silent = filter_protocol_is_silent(&session->protocol, stage);

    if (is_silent || stage == POLICY_STAGE_RCPT) {
        return answer;
    }
    if (filter_reply_is_final(verdict)) {
        filter_session_latch(session, stage, verdict);
    }
    if (filter_session_latched(session) != NULL) {
        filter_message_end(session, mta);
    }
    return answer;
}

/* --- connect and HELO ----------------------------------------------------------------------------
 */

/* Mail of a program on the MTA's host comes in through no port, and of what the MTA knows of
 * clients little is said. */
static bool is_local_pickup(const struct sockaddr *address)
{
    struct sockaddr_in in;

    if (address == NULL || address->sa_family != AF_INET) {
        return address != NULL && address->sa_family == AF_UNIX;
    }
    memcpy(&in, address, sizeof in);
    return in.sin_port == 0;
}

/* A refused client is logged at once: some MTAs show nothing more of the session. */
static int greet(struct filter_session *session, const struct filter_mta *mta,
                 enum policy_stage stage, const struct policy_verdict *verdict)
{
    if (filter_reply_is_final(verdict) || verdict->is_bypass) {
        log_decision(session, policy_session_decision(session->policy));
    }
    return filter_reply_choose(session, mta, stage, verdict);
}

int filter_message_connect(struct filter_session *session, const struct filter_mta *mta,
                           const char *host, const struct sockaddr *address)
{
    struct policy_connect_facts facts = {.address = address,
                                         .client_name = base_text_of(host),
                                         .mta_name = macro(mta, "j"),
                                         .daemon_name = macro(mta, "{daemon_name}"),
                                         .daemon_port = macro(mta, "{daemon_port}"),
                                         .mta_version = macro(mta, "v")};

    if (facts.mta_name.length == 0) {
        filter_macros_miss(&session->daemon->macros, FILTER_MACRO_MTA_NAME);
    }
    if (facts.daemon_name.length == 0 && !is_local_pickup(address)) {
        filter_macros_miss(&session->daemon->macros, FILTER_MACRO_DAEMON_NAME);
    }
    if (facts.daemon_port.length == 0 && session->needs_port && !is_local_pickup(address)) {
        filter_macros_miss(&session->daemon->macros, FILTER_MACRO_DAEMON_PORT);
    }
    return greet(session, mta, POLICY_STAGE_CONNECT,
                 policy_session_connect(session->policy, &facts));
}

static struct policy_tls_facts tls_macros(struct filter_session *session,
                                          const struct filter_mta *mta)
{
    struct policy_tls_facts facts = {.version = macro(mta, "{tls_version}"),
                                     .cipher = macro(mta, "{cipher}"),
                                     .cipher_bits = macro(mta, "{cipher_bits}"),
                                     .cert_subject = macro(mta, "{cert_subject}"),
                                     .cert_issuer = macro(mta, "{cert_issuer}"),
                                     .cn_subject = macro(mta, "{cn_subject}"),
                                     .cn_issuer = macro(mta, "{cn_issuer}"),
                                     .verify = macro(mta, "{verify}")};

    if (facts.cert_subject.length > 0 && facts.verify.length == 0 &&
        !base_text_starts_with(macro(mta, "v"), BASE_TEXT("Postfix"))) {
        filter_macros_miss(&session->daemon->macros, FILTER_MACRO_VERIFY);
    }
    return facts;
}

/* EHLO inside a transaction ends it, after STARTTLS it comes again. */
int filter_message_helo(struct filter_session *session, const struct filter_mta *mta,
                        const char *helo)
{
    struct policy_helo_facts facts = {.helo = base_text_of(helo), .tls = tls_macros(session, mta)};

    filter_message_end(session, mta);
    session->helo_verdict = NULL;
    return greet(session, mta, POLICY_STAGE_HELO, policy_session_helo(session->policy, &facts));
}

/* Says nothing of the message that may be under way. */
int filter_message_command(struct filter_session *session, const struct filter_mta *mta,
                           const char *command)
{
    const struct policy_verdict *verdict =
        policy_session_command(session->policy, base_text_of(command));

    if (filter_reply_is_final(verdict) && session->message == FILTER_MESSAGE_NONE) {
        log_decision(session, policy_session_decision(session->policy));
    }
    return filter_reply_choose(session, mta, POLICY_STAGE_UNKNOWN, verdict);
}

/* --- the message ---------------------------------------------------------------------------------
 */

/* Why the filter itself cannot take one more message; NULL: it can. */
static const struct policy_verdict *admit(struct filter_session *session)
{
    struct filter_daemon *daemon = session->daemon;
    struct policy_snapshot *snapshot = policy_session_snapshot(session->policy);
    int64_t memory_max = conf_daemon_get(policy_snapshot_conf(snapshot))->memory_max;

    session->is_counted_refused = !filter_count_begin_message(&daemon->count);
    if (session->is_counted_refused) {
        return &shutting_down;
    }
    if (base_budget_used(daemon->budget) >= (size_t)memory_max) {
        return &no_memory;
    }
    return NULL;
}

/* The value of an ESMTP parameter; {NULL, 0}: not there. */
static struct base_text parameter(char *const *arguments, struct base_text keyword)
{
    for (size_t i = 1; arguments[0] != NULL && arguments[i] != NULL; i++) {
        struct base_text text = base_text_of(arguments[i]);

        if (base_text_starts_with_nocase(text, keyword)) {
            return (struct base_text){text.data + keyword.length, text.length - keyword.length};
        }
    }
    return (struct base_text){NULL, 0};
}

int filter_message_mail(struct filter_session *session, const struct filter_mta *mta,
                        char *const *arguments)
{
    struct policy_mail_facts facts = {.reverse_path = base_text_of(arguments[0]),
                                      .mail_addr = macro(mta, "{mail_addr}"),
                                      .auth_type = macro(mta, "{auth_type}"),
                                      .auth_authen = macro(mta, "{auth_authen}"),
                                      .auth_ssf = macro(mta, "{auth_ssf}"),
                                      .auth_author = macro(mta, "{auth_author}"),
                                      .tls = tls_macros(session, mta),
                                      .declared_size = parameter(arguments, BASE_TEXT("SIZE="))};
    const struct policy_verdict *refusal;

    filter_message_end(session, NULL);
    facts.queue_id = queue_id(session, mta);
    refusal = admit(session);
    if (refusal != NULL) {
        session->message = FILTER_MESSAGE_REFUSED;
        session->message_verdict = refusal;
        log_refused(session, arguments[0]);
        return reply(session, mta, POLICY_STAGE_MAIL, refusal);
    }
    session->message = FILTER_MESSAGE_UNDER_WAY;
    return reply(session, mta, POLICY_STAGE_MAIL, policy_session_mail(session->policy, &facts));
}

/* Facts of a message that is already decided, or that never began, are not handed on. */
static bool is_open(const struct filter_session *session)
{
    return session->message == FILTER_MESSAGE_UNDER_WAY && session->message_verdict == NULL;
}

/* Where the MTA does not send DATA, because nothing can be refused there, the first piece of the
 * content tells of it: rules may run there all the same. */
static void say_data(struct filter_session *session)
{
    const struct policy_verdict *verdict;

    if (session->is_data_said) {
        return;
    }
    session->is_data_said = true;
    verdict = policy_session_data(session->policy);
    if (filter_reply_is_final(verdict)) {
        filter_session_latch(session, POLICY_STAGE_DATA, verdict);
    }
}

int filter_message_rcpt(struct filter_session *session, const struct filter_mta *mta,
                        const char *forward_path)
{
    const struct policy_verdict *verdict = &go_on;

    if (is_open(session)) {
        verdict = policy_session_rcpt(session->policy, base_text_of(forward_path));
        policy_session_queue_id(session->policy, queue_id(session, mta));
    }
    return reply(session, mta, POLICY_STAGE_RCPT, verdict);
}

int filter_message_data(struct filter_session *session, const struct filter_mta *mta)
{
    const struct policy_verdict *verdict = &go_on;

    if (is_open(session)) {
        policy_session_queue_id(session->policy, queue_id(session, mta));
        session->is_data_said = true;
        verdict = policy_session_data(session->policy);
    }
    return reply(session, mta, POLICY_STAGE_DATA, verdict);
}

/* Without SMFIP_HDR_LEADSPC the MTA took one blank off; nearly every field had one. */
static void give_blank_back(struct filter_session *session, const char *name, const char *value)
{
    struct base_buf whole;

    base_buf_init(&whole, NULL, FILTER_MESSAGE_FIELD_MAX);
    base_buf_append_char(&whole, ' ');
    base_buf_append_cstr(&whole, value);
    policy_session_field(session->policy, base_text_of(name), base_buf_text(&whole));
    base_buf_deinit(&whole);
}

int filter_message_field(struct filter_session *session, const struct filter_mta *mta,
                         const char *name, const char *value)
{
    if (is_open(session)) {
        say_data(session);
        if (filter_protocol_has_leading_blank(&session->protocol)) {
            policy_session_field(session->policy, base_text_of(name), base_text_of(value));
        } else {
            give_blank_back(session, name, value);
        }
    }
    return filter_reply_choose(session, mta, POLICY_STAGE_HEADER, &go_on);
}

int filter_message_eoh(struct filter_session *session, const struct filter_mta *mta)
{
    const struct policy_verdict *verdict = &go_on;

    if (is_open(session)) {
        policy_session_queue_id(session->policy, queue_id(session, mta));
        say_data(session);
        verdict = policy_session_eoh(session->policy);
    }
    return reply(session, mta, POLICY_STAGE_EOH, verdict);
}

int filter_message_body(struct filter_session *session, const struct filter_mta *mta,
                        const void *chunk, size_t length)
{
    if (is_open(session)) {
        say_data(session);
        policy_session_body(session->policy, (struct base_text){chunk, length});
    }
    return filter_reply_choose(session, mta, POLICY_STAGE_BODY, &go_on);
}

/* --- end of message ------------------------------------------------------------------------------
 */

/* Edits, then the MTA's quarantine. Returns the verdict that stands. */
static const struct policy_verdict *carry_out(struct filter_session *session,
                                              const struct filter_mta *mta,
                                              const struct policy_verdict *verdict)
{
    const struct policy_edits *edits = policy_session_edits(session->policy);
    const char *rule = verdict->rule[0] == '\0' ? "postseal" : verdict->rule;
    char reason[FILTER_REPLY_TEXT_SIZE];

    if (!filter_edits_apply(mta, &session->protocol, edits)) {
        return &cannot_edit;
    }
    if (verdict->action == POLICY_ACTION_HOLD_QUEUE) {
        filter_reply_escape(rule, reason);
        if (!filter_protocol_can_quarantine(&session->protocol) ||
            !mta->ops->quarantine(mta->context, reason)) {
            return &cannot_edit;
        }
    }
    return verdict;
}

static const struct policy_verdict *judge(struct filter_session *session,
                                          const struct filter_mta *mta)
{
    const struct policy_verdict *verdict;
    const struct policy_verdict *latched;

    if (is_open(session)) {
        say_data(session);
    }
    latched = filter_session_latched(session);
    if (session->message != FILTER_MESSAGE_UNDER_WAY || latched != NULL) {
        return latched == NULL ? &cannot_edit : latched;
    }
    if (macro(mta, "i").length == 0) {
        filter_macros_miss(&session->daemon->macros, FILTER_MACRO_QUEUE_ID);
    }
    policy_session_queue_id(session->policy, macro(mta, "i"));
    verdict = policy_session_eom(session->policy, mta->ops->progress, mta->context);
    return filter_reply_is_final(verdict) ? verdict : carry_out(session, mta, verdict);
}

int filter_message_eom(struct filter_session *session, const struct filter_mta *mta)
{
    const struct policy_verdict *verdict = judge(session, mta);
    int answer = filter_reply_choose(session, mta, POLICY_STAGE_EOM, verdict);

    if (session->message == FILTER_MESSAGE_UNDER_WAY) {
        if (!filter_reply_is_final(verdict)) {
            policy_session_accepted(session->policy);
        }
        log_message(session, verdict);
    }
    forget_message(session);
    return answer;
}
