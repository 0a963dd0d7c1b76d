/* Whose mail it is, fixed at MAIL. */
#ifndef POLICY_DIRECTION_H
#define POLICY_DIRECTION_H

#include "base/text.h"
#include "policy/decision.h"

struct policy_client;
struct policy_snapshot;

struct policy_direction_facts {
    const struct policy_client *client;
    /* {daemon_name}; {NULL, 0} if the MTA said none. */
    struct base_text daemon_name;
    /* {auth_authen}; empty: not authenticated. */
    struct base_text login;
};

/* Sets *by_r to "authenticated", "daemon", "network" or "default" (static). */
enum policy_direction policy_direction_decide(const struct policy_snapshot *snapshot,
                                              const struct policy_direction_facts *facts,
                                              const char **by_r);

#endif
