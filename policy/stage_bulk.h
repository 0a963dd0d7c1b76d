/* The bulk-sender meter in a session: what it says of the message, reserved at its end, counted
 * when it is accepted. */
#ifndef POLICY_STAGE_BULK_H
#define POLICY_STAGE_BULK_H

struct policy_address;
struct policy_bulk;
struct policy_session;

/* At RCPT, of one that is accepted: where providers are told by mail exchangers, the question for
 * those of its domain begins. Nobody waits for the answer. */
void policy_session_bulk_recipient(struct policy_session *session,
                                   const struct policy_address *recipient);
/* At the end of the header, when it is known what will be signed: where recipients belong, or may
 * belong, to a provider, DNS is asked for the author's organizational domain. Nobody waits. */
void policy_session_bulk_header(struct policy_session *session);
/* From the end of the header on; made once. NULL: not outbound, or not exactly one author domain.
 * Asks the store of rates when recipients belong to a provider. */
const struct policy_bulk *policy_session_bulk(struct policy_session *session);
/* At end of message, of one that is not refused; before the signature's state is dropped. Given
 * back and committed with what rates have reserved. */
void policy_session_bulk_reserve(struct policy_session *session);
/* The message is accepted and counted: thresholds that it has reached are logged. */
void policy_session_bulk_accepted(struct policy_session *session);

#endif
