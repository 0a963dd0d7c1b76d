#include "filter/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/log.h"
#include "conf/daemon.h"
#include "filter/daemon.h"
#include "policy/rate/place.h"
#include "policy/snapshot.h"

void filter_reload_log(const struct conf_snapshot *conf)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    struct base_log_options options = {.ident = "postseald",
                                       .target = (enum base_log_target)daemon->log_target,
                                       .format = (enum base_log_format)daemon->log_format,
                                       .level = (enum base_log_level)daemon->log_level,
                                       .facility = conf_daemon_facility(daemon)};

    base_log_init(&options);
}

static bool is_same_text(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool is_same_list(const struct conf_list *a, const struct conf_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        if (strcmp(a->items[i].text, b->items[i].text) != 0) {
            return false;
        }
    }
    return true;
}

static void warn_unless(bool is_same, const char *option, struct base_json *warnings)
{
    char text[128];

    if (!is_same) {
        (void)snprintf(text, sizeof text,
                       "%s has changed: that takes a restart, the old value stays in force",
                       option);
        filter_snapshot_warn(warnings, text);
    }
}

/* What was settled before privileges were dropped, or before the first question to DNS. */
static void warn_of_restart(const struct conf_daemon *old, const struct conf_daemon *new,
                            struct base_json *warnings)
{
    warn_unless(is_same_text(old->listen, new->listen), "listen", warnings);
    warn_unless(old->listen_mode == new->listen_mode, "listen-mode", warnings);
    warn_unless(is_same_text(old->listen_group, new->listen_group), "listen-group", warnings);
    warn_unless(is_same_text(old->user, new->user), "user", warnings);
    warn_unless(is_same_text(old->group, new->group), "group", warnings);
    warn_unless(is_same_text(old->pid_file, new->pid_file), "pid-file", warnings);
    warn_unless(is_same_text(old->state_dir, new->state_dir), "state-dir", warnings);
    warn_unless(is_same_text(old->control_group, new->control_group), "control-group", warnings);
    warn_unless(old->mta_timeout == new->mta_timeout, "mta-timeout", warnings);
    warn_unless(is_same_list(&old->nameservers, &new->nameservers), "nameservers", warnings);
    warn_unless(is_same_text(old->trust_anchor, new->trust_anchor), "trust-anchor", warnings);
}

bool filter_reload(struct filter_daemon *daemon, const char *path, struct base_json *warnings,
                   struct base_error *error_r)
{
    struct policy_snapshot *old = filter_snapshot_get(&daemon->snapshot);
    struct policy_snapshot *next = filter_snapshot_load(path, warnings, error_r);
    const struct conf_snapshot *conf;
    const char *other;

    if (next == NULL ||
        !rate_place_reload(policy_snapshot_conf(next), daemon->env.rates, error_r)) {
        base_log_error("reload refused, configuration %" PRIu64 " stays in force: %s",
                       policy_snapshot_generation(old), error_r->text);
        policy_snapshot_unref(&old);
        policy_snapshot_unref(&next);
        return false;
    }
    conf = policy_snapshot_conf(next);
    warn_of_restart(conf_daemon_get(policy_snapshot_conf(old)), conf_daemon_get(conf), warnings);
    other = rate_place_difference(policy_snapshot_conf(old), conf);
    if (other != NULL) {
        warn_unless(false, other, warnings);
    }
    filter_reload_log(conf);
    base_budget_set_max(daemon->budget, (size_t)conf_daemon_get(conf)->memory_max);
    base_log_info("configuration %" PRIu64 " is in force", policy_snapshot_generation(next));
    policy_snapshot_unref(&old);
    filter_snapshot_swap(&daemon->snapshot, next);
    return true;
}
