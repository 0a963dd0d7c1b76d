/* Header fields that rules add or replace: remembered when a rule says so, made at end of message,
 * before anything is signed. */
#ifndef POLICY_STAGE_FIELDS_H
#define POLICY_STAGE_FIELDS_H

#include <stdbool.h>

#include "base/text.h"
#include "policy/verdict.h"

struct policy_session;

struct policy_new_field {
    /* Borrowed from the rules; each of their fields has a name of its own there. */
    const char *rule;
    struct base_text name;
    struct base_text value;
    /* The message's own fields of that name go, and those of rules before. */
    bool is_replacement;
    /* The one said before. */
    const struct policy_new_field *next;
};

/* Keeps a field until the end of the message (said at connect and HELO: of each message of the
 * session). `value` lives as long. What a rule says for several recipients is kept once. */
void policy_session_keep_field(struct policy_session *session, enum policy_stage stage,
                               const struct policy_new_field *field);
/* Makes the edits: the fields of the first rule stand at the top. False: no memory. */
__attribute__((warn_unused_result)) bool policy_session_insert_fields(
    struct policy_session *session);

#endif
