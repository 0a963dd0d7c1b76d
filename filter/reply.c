#include "filter/reply.h"

#include <string.h>

#include <libmilter/mfapi.h>

#include "base/log.h"
#include "base/text.h"
#include "filter/session.h"

bool filter_reply_is_final(const struct policy_verdict *verdict)
{
    return verdict->action == POLICY_ACTION_REJECT || verdict->action == POLICY_ACTION_TEMPFAIL ||
           verdict->action == POLICY_ACTION_DISCARD;
}

void filter_reply_escape(const char *text, char out[FILTER_REPLY_TEXT_SIZE])
{
    size_t length = 0;

    for (size_t i = 0; i < FILTER_REPLY_TEXT_MAX && text[i] != '\0'; i++) {
        out[length++] = base_ascii_is_print(text[i]) ? text[i] : '?';
        if (text[i] == '%') {
            out[length++] = '%';
        }
    }
    out[length] = '\0';
}

/* The lines of `text`, which LF parts; those past FILTER_MTA_LINES_MAX are left out. */
static void split(const char *text, char rooms[FILTER_MTA_LINES_MAX][FILTER_REPLY_TEXT_SIZE],
                  const char *lines[FILTER_MTA_LINES_MAX + 1])
{
    struct base_text rest = base_text_of(text == NULL ? "" : text);
    size_t count = 0;

    do {
        struct base_text line = base_text_split(&rest, '\n');
        char copy[FILTER_REPLY_TEXT_MAX + 1];

        if (line.length > FILTER_REPLY_TEXT_MAX) {
            line.length = FILTER_REPLY_TEXT_MAX;
        }
        memcpy(copy, line.data, line.length);
        copy[line.length] = '\0';
        filter_reply_escape(copy, rooms[count]);
        lines[count] = rooms[count];
        count++;
    } while (rest.data != NULL && count < FILTER_MTA_LINES_MAX);
    lines[count] = NULL;
}

static bool has_class(const char *code, char class)
{
    return code != NULL && code[0] == class;
}

/* A code whose class does not fit the action would be dropped in silence, or worse (Postfix takes
 * "550 4.x.x" for a broken filter): the class follows the action. */
static void set_reply(const struct filter_mta *mta, const struct policy_verdict *verdict)
{
    bool is_permanent = verdict->action == POLICY_ACTION_REJECT;
    char class = is_permanent ? '5' : '4';
    const char *code = verdict->code;
    const char *enhanced = verdict->enhanced;
    char rooms[FILTER_MTA_LINES_MAX][FILTER_REPLY_TEXT_SIZE];
    const char *lines[FILTER_MTA_LINES_MAX + 1];

    if (!has_class(code, class)) {
        code = is_permanent ? "550" : "451";
    }
    if (!has_class(enhanced, class)) {
        enhanced = is_permanent ? "5.7.1" : "4.7.1";
    }
    split(verdict->text, rooms, lines);
    if (!mta->ops->set_reply(mta->context, code, enhanced, lines)) {
        base_log_error("libmilter refuses the reply %s %s %s: the MTA gives its own", code,
                       enhanced, lines[0]);
    }
}

static int give(const struct filter_mta *mta, const struct policy_verdict *verdict)
{
    switch (verdict->action) {
    case POLICY_ACTION_REJECT:
        set_reply(mta, verdict);
        return SMFIS_REJECT;
    case POLICY_ACTION_TEMPFAIL:
        set_reply(mta, verdict);
        return SMFIS_TEMPFAIL;
    case POLICY_ACTION_DISCARD:
        return SMFIS_DISCARD;
    case POLICY_ACTION_ACCEPT:
        return verdict->is_bypass ? SMFIS_ACCEPT : SMFIS_CONTINUE;
    default:
        return SMFIS_CONTINUE;
    }
}

/* Of a command that the MTA does not know. What is latched is about a message, or will be said at
 * the next stage; and anything but these three upsets an MTA. */
static int give_command(const struct filter_mta *mta, const struct policy_verdict *verdict)
{
    if (verdict->action != POLICY_ACTION_REJECT && verdict->action != POLICY_ACTION_TEMPFAIL) {
        return SMFIS_CONTINUE;
    }
    return give(mta, verdict);
}

/* The MTAs do not know DISCARD before there is a message. */
static bool is_too_early(enum policy_stage stage, const struct policy_verdict *verdict)
{
    return verdict->action == POLICY_ACTION_DISCARD &&
           (stage == POLICY_STAGE_CONNECT || stage == POLICY_STAGE_HELO);
}

int filter_reply_choose(struct filter_session *session, const struct filter_mta *mta,
                        enum policy_stage stage, const struct policy_verdict *verdict)
{
    bool is_silent = filter_protocol_is_silent(&session->protocol, stage);
    const struct policy_verdict *latched;

    if (stage == POLICY_STAGE_UNKNOWN) {
        return is_silent ? SMFIS_NOREPLY : give_command(mta, verdict);
    }
    if (filter_reply_is_final(verdict) && (is_silent || is_too_early(stage, verdict))) {
        filter_session_latch(session, stage, verdict);
    }
    if (is_silent) {
        return SMFIS_NOREPLY;
    }
    latched = filter_session_latched(session);
    if (latched != NULL && !is_too_early(stage, latched)) {
        verdict = latched;
    }
    return is_too_early(stage, verdict) ? SMFIS_CONTINUE : give(mta, verdict);
}
