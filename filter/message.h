/* One message of a session, stage by stage: facts are copied out of libmilter when their stage is
 * there, handed to policy/, and what policy/ says becomes a milter reply. Each function is one
 * callback's whole work and returns SMFIS_*.
 *
 * Macros are read at their own stage only: libmilter goes on showing the values of earlier ones. */
#ifndef FILTER_MESSAGE_H
#define FILTER_MESSAGE_H

#include <stddef.h>

#include "filter/mta.h"

struct filter_session;
struct sockaddr;

/* Octets of one packet of the MTA, hence of one header field: libmilter ends the session past it,
 * and its default of 64 KiB is below what Postfix lets through (header_size_limit). */
#define FILTER_MESSAGE_FIELD_MAX (1024 * 1024)

int filter_message_connect(struct filter_session *session, const struct filter_mta *mta,
                           const char *host, const struct sockaddr *address);
int filter_message_helo(struct filter_session *session, const struct filter_mta *mta,
                        const char *helo);
/* A command that the MTA does not know, as the client said it or its first word. Ends nothing. */
int filter_message_command(struct filter_session *session, const struct filter_mta *mta,
                           const char *command);
/* Begins a message; one that is still under way ends first. `arguments` of MAIL, NULL behind the
 * last: the path, and ESMTP parameters (RFC 5321 section 4.1.2) as the client typed them. */
int filter_message_mail(struct filter_session *session, const struct filter_mta *mta,
                        char *const *arguments);
int filter_message_rcpt(struct filter_session *session, const struct filter_mta *mta,
                        const char *forward_path);
int filter_message_data(struct filter_session *session, const struct filter_mta *mta);
int filter_message_field(struct filter_session *session, const struct filter_mta *mta,
                         const char *name, const char *value);
int filter_message_eoh(struct filter_session *session, const struct filter_mta *mta);
int filter_message_body(struct filter_session *session, const struct filter_mta *mta,
                        const void *chunk, size_t length);
/* Judges, hands the edits over, writes the one log line. */
int filter_message_eom(struct filter_session *session, const struct filter_mta *mta);

/* Idempotent: from abort, close, the next MAIL, and behind each reply that ends a message. Writes
 * the log line of a message that did not get one yet. `mta` may be NULL (the connection is gone).
 */
void filter_message_end(struct filter_session *session, const struct filter_mta *mta);

#endif
