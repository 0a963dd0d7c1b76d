/* Limits and privileges of the process. Root is given up before keys are read, so that a reload
 * reads them with the same rights as the start did. */
#ifndef FILTER_PRIVILEGES_H
#define FILTER_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Descriptors for `sessions_max` sessions as far as the system lets us (said in the log when it is
 * less), no core files, and the stack of threads to come. */
void filter_privileges_set_limits(int64_t sessions_max);

/* As root: becomes `user` and `group` (NULL: the user's own), with that user's groups, for good.
 * Otherwise: stays who we are. In both cases no child can gain privileges, and nobody else can read
 * this process. False and *error_r; *is_config_fault_r says that the configuration is to blame. */
__attribute__((warn_unused_result)) bool filter_privileges_drop(const char *user, const char *group,
                                                                bool *is_config_fault_r,
                                                                struct base_error *error_r);

#endif
