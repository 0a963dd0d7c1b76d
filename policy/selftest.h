/* Tests of one's own policy: the cases of a file (postseal-tests(5)) against a configuration, with
 * the session that the daemon uses. DNS is answered from the case's zone and from nothing else, so
 * that nothing is waited for. */
#ifndef POLICY_SELFTEST_H
#define POLICY_SELFTEST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/text.h"
#include "conf/conf.h"

struct policy_snapshot;

/* What came out otherwise than expected. */
struct policy_selftest_difference {
    /* The option of `expect`, and where it stands. */
    const char *option;
    struct conf_where where;
    /* What it says, and what there was: texts of strangers, as the arena has them. */
    struct base_text want;
    struct base_text got;
    struct policy_selftest_difference *next;
};

struct policy_selftest_case {
    const char *name;
    struct conf_where where;
    /* NULL: all is as expected. */
    const struct policy_selftest_difference *first;
};

struct policy_selftest_sums {
    size_t cases;
    size_t failed;
};

/* Runs the cases of `path` in their order and tells each to `each`, which may be NULL; what it is
 * told lives as long as the call. Adds to *sums. False and *error_r when the file, or a message or
 * zone that it names, cannot be used. Blocks on the disk. */
__attribute__((warn_unused_result)) bool policy_selftest_run(
    struct policy_snapshot *snapshot, const char *path,
    void (*each)(void *context, const struct policy_selftest_case *it), void *context,
    struct policy_selftest_sums *sums, struct base_error *error_r);

/* Runs the files of `require-tests`. False and *error_r when one cannot be used or a case comes out
 * otherwise. */
__attribute__((warn_unused_result)) bool policy_selftest_require(struct policy_snapshot *snapshot,
                                                                 struct base_error *error_r);

#endif
