/* Limits and privileges of the process. Root is given up before keys are read, so that a reload
 * reads them with the same rights as the start did. */
#ifndef FILTER_PRIVILEGES_H
#define FILTER_PRIVILEGES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

/* Descriptors for `sessions_max` sessions as far as the system lets us (said in the log when it is
 * less), no core files, and the stack of threads to come. */
void filter_privileges_set_limits(int64_t sessions_max);

/* Who the daemon is, or will be once privileges are dropped. */
struct filter_identity {
    uid_t uid;
    gid_t gid;
    /* For the operator; its number where it has no name. */
    char name[64];
};

/* As root: `user` and `group` (NULL: the user's own) of the configuration; otherwise who we are.
 * False and *error_r: the configuration is to blame. */
__attribute__((warn_unused_result)) bool filter_privileges_find(const char *user, const char *group,
                                                                struct filter_identity *identity_r,
                                                                struct base_error *error_r);
/* As root, before the first thread: touches the file system as `identity`, with the group `gid`,
 * until filter_privileges_end_as(). Otherwise they do nothing. */
void filter_privileges_begin_as(const struct filter_identity *identity, gid_t gid);
void filter_privileges_end_as(void);

/* As root: becomes `user` and `group` (NULL: the user's own), with that user's groups, for good.
 * Otherwise: stays who we are. In both cases no child can gain privileges, and nobody else can read
 * this process. False and *error_r; *is_config_fault_r says that the configuration is to blame. */
__attribute__((warn_unused_result)) bool filter_privileges_drop(const char *user, const char *group,
                                                                bool *is_config_fault_r,
                                                                struct base_error *error_r);

#endif
