#include "filter/snapshot.h"

#include "base/json.h"
#include "base/log.h"
#include "base/panic.h"
#include "conf/conf.h"
#include "policy/selftest.h"
#include "policy/snapshot.h"

void filter_snapshot_init(struct filter_snapshot *snapshot, struct policy_snapshot *first)
{
    if (pthread_mutex_init(&snapshot->mutex, NULL) != 0) {
        base_panic("no mutex for the configuration");
    }
    snapshot->current = first;
}

void filter_snapshot_deinit(struct filter_snapshot *snapshot)
{
    policy_snapshot_unref(&snapshot->current);
    pthread_mutex_destroy(&snapshot->mutex);
}

struct policy_snapshot *filter_snapshot_get(struct filter_snapshot *snapshot)
{
    struct policy_snapshot *current;

    pthread_mutex_lock(&snapshot->mutex);
    current = policy_snapshot_ref(snapshot->current);
    pthread_mutex_unlock(&snapshot->mutex);
    return current;
}

void filter_snapshot_swap(struct filter_snapshot *snapshot, struct policy_snapshot *next)
{
    struct policy_snapshot *old;

    pthread_mutex_lock(&snapshot->mutex);
    old = snapshot->current;
    snapshot->current = next;
    pthread_mutex_unlock(&snapshot->mutex);
    policy_snapshot_unref(&old);
}

void filter_snapshot_warn(struct base_json *warnings, const char *text)
{
    base_log_warning("%s", text);
    if (warnings != NULL) {
        base_json_append_text(warnings, base_text_of(text));
    }
}

static void warn(void *context, const char *text)
{
    filter_snapshot_warn(context, text);
}

struct policy_snapshot *filter_snapshot_load(const char *path, struct base_json *warnings,
                                             struct base_error *error_r)
{
    struct policy_snapshot_options options = {.want_keys = true, .warn = warn, .context = warnings};
    struct policy_snapshot *snapshot;
    struct conf_snapshot *conf;
    const struct conf_table *const *tables;
    size_t count;

    tables = policy_tables(&count);
    conf = conf_read(path, tables, count, error_r);
    if (conf == NULL) {
        return NULL;
    }
    snapshot = policy_snapshot_create(conf, &options, error_r);
    conf_snapshot_unref(&conf);
    if (snapshot != NULL && !policy_selftest_require(snapshot, error_r)) {
        policy_snapshot_unref(&snapshot);
    }
    return snapshot;
}
