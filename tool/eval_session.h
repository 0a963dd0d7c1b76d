/* What the flags of `postseal eval` say, led through a session with a saved message. */
#ifndef TOOL_EVAL_SESSION_H
#define TOOL_EVAL_SESSION_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"
#include "policy/session.h"
#include "policy/verdict.h"

struct tool_args;
struct policy_saved_message;

/* What the flags say; texts are borrowed from the arguments. */
struct tool_envelope {
    struct sockaddr_storage address;
    struct policy_connect_facts connect;
    struct policy_helo_facts helo;
    struct policy_mail_facts mail;
};

/* Each stage's answer, as it is given: `what` is the argument of the stage. */
typedef void tool_eval_stage(void *context, enum policy_stage stage, struct base_text what,
                             const struct policy_verdict *verdict);

/* The value of --ip; "local" is mail of a program on this host, which has no address (AF_UNIX). */
__attribute__((warn_unused_result)) bool tool_address_parse(const char *text,
                                                            struct sockaddr_storage *address_r,
                                                            struct base_error *error_r);
/* False and *error_r when a flag's value is none. `envelope_r` must not be moved afterwards. */
__attribute__((warn_unused_result)) bool tool_envelope_init(struct tool_envelope *envelope_r,
                                                            const struct tool_args *args,
                                                            struct base_error *error_r);
/* Goes on until a stage ends the message, or the end of it. True when that was reached. */
bool tool_eval_session(struct policy_session *session, const struct tool_envelope *envelope,
                       const struct tool_args *args, const struct policy_saved_message *message,
                       tool_eval_stage *each, void *context);

#endif
