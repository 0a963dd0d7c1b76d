/* The current configuration: one pointer that a reload swaps. A session takes a reference when it
 * begins and keeps what it began with. Thread-safe; reloads come from the main thread only. */
#ifndef FILTER_SNAPSHOT_H
#define FILTER_SNAPSHOT_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"

struct base_json;
struct policy_snapshot;

struct filter_snapshot {
    pthread_mutex_t mutex;
    struct policy_snapshot *current;
};

/* Takes over the caller's reference. */
void filter_snapshot_init(struct filter_snapshot *snapshot, struct policy_snapshot *first);
void filter_snapshot_deinit(struct filter_snapshot *snapshot);

/* A reference for the caller (policy_snapshot_unref). Never NULL. */
struct policy_snapshot *filter_snapshot_get(struct filter_snapshot *snapshot);
/* Takes over the caller's reference on `next`. */
void filter_snapshot_swap(struct filter_snapshot *snapshot, struct policy_snapshot *next);

/* Reads `path`, loads and proves the keys; warnings go to the log, and as texts into the array
 * `warnings`, which may be NULL. As the daemon's own user, at
 * start and at reload alike. NULL and *error_r on a fault. Blocks on the disk. */
__attribute__((warn_unused_result)) struct policy_snapshot *filter_snapshot_load(
    const char *path, struct base_json *warnings, struct base_error *error_r);
/* One of these warnings. */
void filter_snapshot_warn(struct base_json *warnings, const char *text);

#endif
