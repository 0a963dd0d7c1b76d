/* What no value of the configuration may hold, wherever it comes from: control characters (they
 * would end up in header fields, replies and the log), text that is not UTF-8, and "${" or "$("
 * (nothing is ever expanded here; libConfuse would expand the first from the environment). */
#ifndef CONF_GUARD_H
#define CONF_GUARD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

/* False and *error_r, which says what is wrong but not where, if a value may not hold `text`. */
__attribute__((warn_unused_result)) bool conf_guard_text(struct base_text text,
                                                         struct base_error *error_r);

#endif
