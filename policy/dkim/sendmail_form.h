/* Header fields as Sendmail will deliver them. It writes address lists anew and breaks lines that
 * are too long for SMTP, both after the filters have seen the message; what it will write can be
 * foretold for most fields, and that is what a signature must cover (RFC 6376 section 5.3). */
#ifndef POLICY_DKIM_SENDMAIL_FORM_H
#define POLICY_DKIM_SENDMAIL_FORM_H

#include <stdbool.h>

#include "base/text.h"
#include "policy/dkim/select.h"
#include "policy/header.h"

struct base_arena;

enum dkim_sendmail_form {
    /* It is delivered as it is. */
    DKIM_SENDMAIL_SAME,
    DKIM_SENDMAIL_REWRITTEN,
    /* It depends on Sendmail's configuration, or is no address list that we can read. */
    DKIM_SENDMAIL_UNCERTAIN,
};

/* What becomes of one field; *written_r is its value then (`value` itself unless REWRITTEN, which
 * lives in `arena`). An exhausted arena makes it UNCERTAIN. */
enum dkim_sendmail_form dkim_sendmail_form(struct base_arena *arena, struct base_text name,
                                           struct base_text value, struct base_text *written_r);

/* `header` as Sendmail will deliver it, in `arena`, and in *changes_r what signatures must leave
 * alone. Removed fields are not in it. False when the arena is exhausted. */
__attribute__((warn_unused_result)) bool dkim_sendmail_header(
    struct base_arena *arena, const struct policy_header *header, struct policy_header *written_r,
    struct dkim_select_changes *changes_r);

#endif
