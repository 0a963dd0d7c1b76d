/* From statements to typed sections: what is given twice, values and their types, defaults, and
 * what the modules check. */
#ifndef CONF_BUILD_H
#define CONF_BUILD_H

#include <stdbool.h>

#include "base/error.h"
#include "conf/outline.h"
#include "conf/snapshot.h"

/* Fills the snapshot from an outline that the reader has filled with values. False and *error_r on
 * the first fault. */
__attribute__((warn_unused_result)) bool conf_build(struct conf_snapshot *snapshot,
                                                    const struct conf_outline *outline,
                                                    struct base_error *error_r);

#endif
