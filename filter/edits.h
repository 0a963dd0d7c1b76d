/* Handing the message's edits to the MTA at end of message: deletions first, from the highest index
 * down, then insertions at the very top: the one order on which Postfix and Sendmail agree. */
#ifndef FILTER_EDITS_H
#define FILTER_EDITS_H

#include <stdbool.h>

#include "filter/mta.h"
#include "filter/negotiate.h"

struct policy_edits;

/* False as soon as one edit could not be handed over: the message must not go on then. */
__attribute__((warn_unused_result)) bool filter_edits_apply(const struct filter_mta *mta,
                                                            const struct filter_protocol *protocol,
                                                            const struct policy_edits *edits);

#endif
