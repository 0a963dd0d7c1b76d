#include "filter/status.h"

#include <unistd.h>

#include "config.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "conf/daemon.h"
#include "dns/resolver.h"
#include "filter/control_answer.h"
#include "filter/daemon.h"
#include "policy/counters.h"
#include "policy/options.h"
#include "policy/rules_status.h"
#include "policy/snapshot.h"

static void add_time(struct base_json *object, const char *key, int64_t wall_s)
{
    char text[32];

    base_clock_format_rfc3339(wall_s, text, sizeof text);
    base_json_set_cstr(object, key, text);
}

static void add_process(const struct filter_daemon *daemon, struct base_json *row)
{
    base_json_set_cstr(row, "version", PACKAGE_VERSION);
    base_json_set_int(row, "pid", (int64_t)getpid());
    add_time(row, "started", daemon->facts.started_s);
    base_json_set_int(row, "uptime_s",
                      (base_clock_mono_ns(&daemon->clock) - daemon->facts.started_ns) /
                          BASE_NS_PER_S);
    base_json_set_cstr(row, "log_level", base_log_level_text(base_log_get_level()));
    base_json_set_cstr(row, "test_zone", daemon->facts.zone_path);
    base_json_set_bool(row, "fixed_time", daemon->facts.has_fixed_time);
}

static void add_configuration(const struct filter_daemon *daemon,
                              const struct policy_snapshot *snapshot, struct base_json *row)
{
    struct base_json *configuration = base_json_object();

    base_json_set_cstr(configuration, "file", daemon->facts.config_path);
    base_json_set_int(configuration, "generation", (int64_t)policy_snapshot_generation(snapshot));
    base_json_set_cstr(configuration, "mode",
                       policy_options_get(policy_snapshot_conf(snapshot))->mode ==
                               POLICY_MODE_OBSERVE
                           ? "observe"
                           : "enforce");
    base_json_set(row, "configuration", configuration);
}

static void add_load(struct filter_daemon *daemon, const struct conf_daemon *conf,
                     struct base_json *row)
{
    struct filter_numbers numbers = filter_count_read(&daemon->count);
    struct base_json *sessions = base_json_object();
    struct base_json *messages = base_json_object();
    struct base_json *memory = base_json_object();

    base_json_set_int(sessions, "open", numbers.sessions);
    base_json_set_int(sessions, "max", conf->sessions_max);
    base_json_set_int(sessions, "total", (int64_t)numbers.sessions_total);
    base_json_set_int(sessions, "refused", (int64_t)numbers.sessions_refused);
    base_json_set(row, "sessions", sessions);
    base_json_set_int(messages, "under_way", numbers.under_way);
    base_json_set_int(messages, "total", (int64_t)numbers.messages_total);
    base_json_set(row, "messages", messages);
    base_json_set_int(memory, "used", (int64_t)base_budget_used(daemon->budget));
    base_json_set_int(memory, "max", conf->memory_max);
    base_json_set(row, "memory", memory);
    base_json_set_bool(row, "stopping", numbers.is_draining);
}

static void add_dns(const struct dns_resolver *resolver, struct base_json *row)
{
    const struct dns_counters *counters = &resolver->counters;
    const struct {
        const char *name;
        const atomic_uint_fast64_t *number;
    } numbers[] = {
        {"questions", &counters->questions}, {"cache_hits", &counters->cache_hits},
        {"timeouts", &counters->timeouts},   {"failures", &counters->failures},
        {"capped", &counters->capped},
    };
    struct base_json *dns = base_json_object();

    base_json_set_cstr(dns, "resolver", resolver->ops->name);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        base_json_set_int(dns, numbers[i].name,
                          (int64_t)atomic_load_explicit(numbers[i].number, memory_order_relaxed));
    }
    base_json_set(row, "dns", dns);
}

static void add_rules(const struct policy_snapshot *snapshot,
                      const struct policy_counters *counters, struct filter_control_answer *answer)
{
    struct base_json *row;

    for (size_t i = 0; (row = policy_rules_status_at(snapshot, i, counters)) != NULL; i++) {
        if (!filter_control_answer_add(answer, row)) {
            break;
        }
    }
}

void filter_status_answer(struct filter_daemon *daemon, struct filter_control_answer *answer)
{
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    struct base_json *row = base_json_object();

    add_process(daemon, row);
    add_configuration(daemon, snapshot, row);
    add_load(daemon, conf_daemon_get(policy_snapshot_conf(snapshot)), row);
    add_dns(daemon->env.resolver, row);
    policy_counters_json(daemon->env.counters, row);
    (void)filter_control_answer_add(answer, row);
    add_rules(snapshot, daemon->env.counters, answer);
    policy_snapshot_unref(&snapshot);
}
