/* Which of the configured lists the rules ask for. */
#ifndef POLICY_CONDITIONS_DNSLIST_H
#define POLICY_CONDITIONS_DNSLIST_H

#include <stdbool.h>

#include "base/error.h"

struct conf_snapshot;
struct policy_dnslists;

/* Marks them as used. False and *error_r (file, line, value, mend) where a rule names a list that
 * there is not. */
__attribute__((warn_unused_result)) bool policy_conditions_use_dnslists(
    const struct conf_snapshot *conf, struct policy_dnslists *lists, struct base_error *error_r);

#endif
