/* What one SMTP stage is answered. */
#ifndef POLICY_VERDICT_H
#define POLICY_VERDICT_H

#include <stdbool.h>

#include "base/text.h"

enum policy_stage {
    POLICY_STAGE_CONNECT,
    POLICY_STAGE_HELO,
    POLICY_STAGE_MAIL,
    POLICY_STAGE_RCPT,
    POLICY_STAGE_DATA,
    POLICY_STAGE_HEADER,
    POLICY_STAGE_EOH,
    POLICY_STAGE_BODY,
    POLICY_STAGE_EOM,
    POLICY_STAGE_UNKNOWN,
    POLICY_STAGE_COUNT,
};

enum policy_action {
    POLICY_ACTION_CONTINUE,
    POLICY_ACTION_ACCEPT,
    POLICY_ACTION_REJECT,
    POLICY_ACTION_TEMPFAIL,
    POLICY_ACTION_DISCARD,
    POLICY_ACTION_MARK,
    POLICY_ACTION_HOLD_QUEUE,
    /* Of rules only: no verdict ever says these. */
    POLICY_ACTION_ADD_HEADER,
    POLICY_ACTION_REPLACE_HEADER,
    POLICY_ACTION_ADD_SENDER,
    POLICY_ACTION_REPLACE_SENDER,
    POLICY_ACTION_NO_SIGN,
};

/* Lives in the session's or the message's arena, or is static. */
struct policy_verdict {
    enum policy_stage stage;
    enum policy_action action;
    /* "550", "451", ...; a 4xx goes only with TEMPFAIL, a 5xx only with REJECT; "" otherwise. */
    const char *code;
    /* "5.7.1" */
    const char *enhanced;
    /* Printable, not yet escaped for the MTA; a reply of several lines has LF between them. */
    const char *text;
    /* An accept at connect after which the MTA is to show us nothing more of the session. */
    bool is_bypass;
    /* The rule that gave it, "" for the built-in default and for caps. */
    const char *rule;
};

/* The configuration's words: "connect", "helo", "mail", ..., "eom", "unknown". */
const char *policy_stage_text(enum policy_stage stage);
/* Whether at `stage` is known what is known from `known_from` on. A command that the MTA does not
 * know (unknown) may come at any time after HELO, and knows itself beside that. */
bool policy_stage_knows(enum policy_stage stage, enum policy_stage known_from);
/* "continue", "accept", ..., "hold-queue". */
const char *policy_action_text(enum policy_action action);

#endif
