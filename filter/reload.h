/* What of the configuration belongs to the process, and its change while the process runs. */
#ifndef FILTER_RELOAD_H
#define FILTER_RELOAD_H

#include <stdbool.h>

#include "base/error.h"

struct base_json;
struct conf_snapshot;
struct filter_daemon;

/* Sends the log where the configuration says. */
void filter_reload_log(const struct conf_snapshot *conf);

/* Builds and proves a new snapshot from `path` and swaps it in, or keeps the old one whole and says
 * why in the log and in *error_r; warnings as filter_snapshot_load() has them. Sessions that are
 * open keep theirs. Main thread only; blocks on the disk. */
bool filter_reload(struct filter_daemon *daemon, const char *path, struct base_json *warnings,
                   struct base_error *error_r);

#endif
