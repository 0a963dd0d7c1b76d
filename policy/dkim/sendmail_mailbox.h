/* One element of an address list as Sendmail writes it. It takes every address in an address field
 * apart and writes it again after the filters have seen it, and so breaks signatures: phrases with
 * a dot get quotes, comments a blank before them, names longer than its buffer are dropped. Only
 * what it does for certain, whatever its configuration, is foretold here. Thread-safe. */
#ifndef POLICY_DKIM_SENDMAIL_MAILBOX_H
#define POLICY_DKIM_SENDMAIL_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/text.h"

/* Sendmail keeps some octets with a mark before them, and counts the mark. */
size_t dkim_sendmail_length(struct base_text text);
/* The place behind what begins at `at`: a quoted string, a comment, or one octet. SIZE_MAX: not
 * balanced, or an octet that no address has. */
size_t dkim_sendmail_skip(struct base_text text, size_t at);
/* Appends what Sendmail writes for `text` (blanks at its ends gone, no comma outside quotes and
 * comments) to `out`. False when that is not certain; `out` may have grown then. */
__attribute__((warn_unused_result)) bool dkim_sendmail_mailbox(struct base_text text,
                                                               struct base_buf *out);

#endif
