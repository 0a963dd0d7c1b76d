/* A mail that tells of one event, handed to the MTA by SMTP (RFC 5321): null reverse-path, so that
 * nothing comes back. Blocks for FILTER_NOTIFIER_SECONDS at most. */
#ifndef FILTER_NOTIFIER_MAIL_H
#define FILTER_NOTIFIER_MAIL_H

#include <stdbool.h>

#include "base/error.h"

struct base_json;

/* `smtp`: "host:port", "[2001:db8::1]:port". False and *error_r: the MTA did not take it. */
__attribute__((warn_unused_result)) bool filter_notifier_mail(const char *smtp, const char *helo,
                                                              const char *address,
                                                              const struct base_json *event,
                                                              struct base_error *error_r);

#endif
