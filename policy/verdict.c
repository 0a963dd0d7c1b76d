/* The words of the configuration, the log and --json for stages and actions. */
#include "policy/verdict.h"

#include "base/panic.h"

const char *policy_stage_text(enum policy_stage stage)
{
    static const char *const words[POLICY_STAGE_COUNT] = {
        [POLICY_STAGE_CONNECT] = "connect", [POLICY_STAGE_HELO] = "helo",
        [POLICY_STAGE_MAIL] = "mail",       [POLICY_STAGE_RCPT] = "rcpt",
        [POLICY_STAGE_DATA] = "data",       [POLICY_STAGE_HEADER] = "header",
        [POLICY_STAGE_EOH] = "eoh",         [POLICY_STAGE_BODY] = "body",
        [POLICY_STAGE_EOM] = "eom",         [POLICY_STAGE_UNKNOWN] = "unknown",
    };

    if ((unsigned)stage >= POLICY_STAGE_COUNT)
        base_panic("policy: no such stage: %d", (int)stage);
    return words[stage];
}

bool policy_stage_knows(enum policy_stage stage, enum policy_stage known_from)
{
    if (stage == POLICY_STAGE_UNKNOWN)
        return known_from <= POLICY_STAGE_HELO || known_from == POLICY_STAGE_UNKNOWN;
    return stage >= known_from;
}

const char *policy_action_text(enum policy_action action)
{
    switch (action) {
    case POLICY_ACTION_CONTINUE:
        return "continue";
    case POLICY_ACTION_ACCEPT:
        return "accept";
    case POLICY_ACTION_REJECT:
        return "reject";
    case POLICY_ACTION_TEMPFAIL:
        return "tempfail";
    case POLICY_ACTION_DISCARD:
        return "discard";
    case POLICY_ACTION_MARK:
        return "mark";
    case POLICY_ACTION_HOLD_QUEUE:
        return "hold-queue";
    case POLICY_ACTION_ADD_HEADER:
        return "add-header";
    case POLICY_ACTION_REPLACE_HEADER:
        return "replace-header";
    case POLICY_ACTION_ADD_SENDER:
        return "add-sender";
    case POLICY_ACTION_REPLACE_SENDER:
        return "replace-sender";
    case POLICY_ACTION_NO_SIGN:
        return "no-sign";
    }
    base_panic("policy: no such action: %d", (int)action);
}
