/* The facts of a session as the texts of rules show them. */
#ifndef POLICY_STAGE_EXPAND_H
#define POLICY_STAGE_EXPAND_H

#include "base/text.h"
#include "policy/template.h"

/* `session` is a struct policy_session; the text lives as long as its message, or is static;
 * {NULL, 0}: not there. May wait for DNS. */
struct base_text policy_session_expand(void *session, enum policy_expansion expansion);

#endif
