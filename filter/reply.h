/* The one place where a milter reply is chosen. */
#ifndef FILTER_REPLY_H
#define FILTER_REPLY_H

#include <stddef.h>

#include "filter/mta.h"
#include "policy/verdict.h"

struct filter_session;

/* Octets of a line of a reply before '%' is doubled; what is longer is cut. With its codes it fits
 * into one reply line (RFC 5321 section 4.5.3.1.5: 512 octets), doubled into libmilter's 980. What
 * of it is a stranger's was bounded by policy/. */
#define FILTER_REPLY_TEXT_MAX  480
#define FILTER_REPLY_TEXT_SIZE (2 * FILTER_REPLY_TEXT_MAX + 1)

/* What the callback of `stage` returns (SMFIS_*) for policy's verdict there. At a stage that was
 * negotiated without a reply the verdict is latched and SMFIS_NOREPLY returned; at others a latched
 * verdict comes first. SMFIS_ACCEPT is returned for `bypass = all` at connect alone: with it the
 * MTA shows us nothing of the rest, and at the end of a message SMFIS_CONTINUE means the same. */
int filter_reply_choose(struct filter_session *session, const struct filter_mta *mta,
                        enum policy_stage stage, const struct policy_verdict *verdict);

/* The verdict ends what is under judgement: reject, tempfail or discard. */
bool filter_reply_is_final(const struct policy_verdict *verdict);

/* A line as the MTA wants it: at most FILTER_REPLY_TEXT_MAX printable ASCII octets (others become
 * '?'), every '%' doubled, because Sendmail takes the text for a format. */
void filter_reply_escape(const char *text, char out[FILTER_REPLY_TEXT_SIZE]);

#endif
