/* By which name the bulk-sender meter counts the author of a message, and who else goes by it.
 * Organizational domains are those of `dmarc-method`; where that walks DNS and the answer is not
 * there, nobody waits: the public suffix list guesses for this message. */
#ifndef POLICY_STAGE_BULK_AUTHOR_H
#define POLICY_STAGE_BULK_AUTHOR_H

struct policy_bulk;
struct policy_session;

/* At the end of the header: begins to ask for the domains of author, signature and reverse-path. */
void policy_session_bulk_prefetch(struct policy_session *session);
/* Sets author, is_guessed, is_alignment_guessed and aligned, by what is known now. */
void policy_session_bulk_author(struct policy_session *session, struct policy_bulk *bulk);

#endif
