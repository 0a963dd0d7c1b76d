/* postseald: the order of its start, its main loop, its end. What keeps it from starting is said on
 * standard error before the listener is up:
 *
 *   command line -> configuration -> background -> sockets, state folder, pid file (still as
 *   root) -> limits, privileges -> DNS -> configuration again and keys, as the user that reloads
 * them -> libmilter
 *
 * Exit status (sysexits): 0, 64 usage, 69 something needed is not there, 78 configuration. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#endif

#include "base/arena.h"
#include "base/error.h"
#include "base/log.h"
#include "conf/daemon.h"
#include "dns/resolver.h"
#include "filter/background.h"
#include "filter/bulk.h"
#include "filter/callbacks.h"
#include "filter/control.h"
#include "filter/control_commands.h"
#include "filter/daemon.h"
#include "filter/drain.h"
#include "filter/listener.h"
#include "filter/notifier.h"
#include "filter/notify.h"
#include "filter/options.h"
#include "filter/pidfile.h"
#include "filter/privileges.h"
#include "filter/rates.h"
#include "filter/reload.h"
#include "filter/signals.h"
#include "filter/state_dir.h"
#include "policy/bulk/late.h"
#include "policy/bulk/organizations.h"
#include "policy/counters.h"
#include "policy/deferrals.h"
#include "policy/options.h"
#include "policy/rate/engine.h"
#include "policy/rate/place.h"
#include "policy/rate/rates.h"
#include "policy/rate/sent.h"
#include "policy/rate/shared.h"
#include "policy/rate/state.h"
#include "policy/snapshot.h"

struct process {
    struct filter_options options;
    char config_path[PATH_MAX];
    char zone_path[PATH_MAX];
    struct filter_background background;
    struct filter_pidfile pidfile;
    struct filter_identity identity;
    struct filter_state_dir state_dir;
    struct filter_control *control;
    struct filter_control_context control_context;
    struct rate_state *rate_state;
    /* daemon.env.rates is what several hosts share. */
    bool has_shared_rates;
    struct filter_notifier *notifier;
    struct filter_listener listener;
    struct filter_daemon daemon;
    int signal_fd;
};

static int fail(int status, const struct base_error *error)
{
    fprintf(stderr, "postseald: %s\n", error->text);
    return status;
}

/* In the background the working directory is "/". */
static bool make_absolute(const char *path, char absolute[PATH_MAX], struct base_error *error_r)
{
    if (realpath(path, absolute) != NULL) {
        return true;
    }
    base_error_set(error_r, "%s: %s", path, strerror(errno));
    return false;
}

static int read_command_line(struct process *process, int argc, char **argv,
                             struct base_error *error_r)
{
    struct filter_options *options = &process->options;

    if (!filter_options_parse(argc, argv, options, error_r)) {
        return EX_USAGE;
    }
    if (options->want_help || options->want_version) {
        return EX_OK;
    }
    if (!make_absolute(options->config_path, process->config_path, error_r)) {
        return EX_CONFIG;
    }
    if (options->zone_path != NULL) {
        if (!make_absolute(options->zone_path, process->zone_path, error_r)) {
            return EX_CONFIG;
        }
        options->zone_path = process->zone_path;
    }
    return EX_OK;
}

/* Answers from a test zone must not get near real mail. */
static bool check_zone(const struct process *process, const struct conf_daemon *conf,
                       struct base_error *error_r)
{
    struct conf_socket where;

    if (process->options.zone_path == NULL && !process->options.has_fixed_time) {
        return true;
    }
    if (filter_notify_is_managed()) {
        base_error_set(error_r, "--zone and --time are for tests: not under the service manager; "
                                "take them out of ExecStart");
        return false;
    }
    if (!conf_socket_parse(conf->listen, &where, error_r)) {
        return false;
    }
    if (where.kind != CONF_SOCKET_UNIX && !where.is_loopback) {
        base_error_set(error_r,
                       "--zone and --time are for tests: listen = \"%s\" is no loopback "
                       "address; listen on 127.0.0.1 or on a UNIX socket",
                       conf->listen);
        return false;
    }
    return true;
}

static struct conf_snapshot *read_configuration(const struct process *process,
                                                struct base_error *error_r)
{
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);
    struct conf_snapshot *conf = conf_read(process->config_path, tables, count, error_r);

    if (conf != NULL && !check_zone(process, conf_daemon_get(conf), error_r)) {
        conf_snapshot_unref(&conf);
    }
    return conf;
}

/* The state folder and the control socket in it. */
static int open_state(struct process *process, const struct conf_snapshot *conf,
                      struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    enum filter_state_fault fault;

    if (!filter_privileges_find(daemon->user, daemon->group, &process->identity, error_r)) {
        return EX_CONFIG;
    }
    fault =
        filter_state_dir_open(&process->state_dir, daemon->state_dir, &process->identity, error_r);
    if (fault == FILTER_STATE_OK) {
        fault = filter_control_open(&process->control, conf, &process->identity, error_r);
    }
    switch (fault) {
    case FILTER_STATE_BAD:
        return EX_CONFIG;
    case FILTER_STATE_UNAVAILABLE:
        return EX_UNAVAILABLE;
    case FILTER_STATE_OK:
        break;
    }
    return EX_OK;
}

/* Also where no rate has whom to tell yet: later there are threads and keys, and it is too late to
 * fork. */
static bool start_notifier(struct process *process, const struct conf_snapshot *conf,
                           struct base_error *error_r)
{
    struct rate_rules *rates = rate_rules_create(conf, error_r);
    bool is_wanted;

    if (rates == NULL) {
        return false;
    }
    is_wanted = rate_rules_want_notifier(rates);
    rate_rules_destroy(&rates);
    process->notifier = filter_notifier_start(process->background.ready_fd >= 0, error_r);
    if (process->notifier != NULL) {
        process->daemon.env.watch = filter_notifier_watch(process->notifier);
    } else if (!is_wanted) {
        base_log_warning("%s: a reload that brings `notify` tells nobody", error_r->text);
    }
    return process->notifier != NULL || !is_wanted;
}

/* The socket, the state folder and the pid file, then no longer root. */
static int settle(struct process *process, const struct conf_snapshot *conf,
                  struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(conf);
    bool is_config_fault;
    int status;

    if (!filter_callbacks_register(&process->daemon, daemon->listen, daemon->mta_timeout)) {
        base_error_set(error_r, "libmilter refuses the filter");
        return EX_UNAVAILABLE;
    }
    switch (filter_listener_open(&process->listener, conf, error_r)) {
    case FILTER_LISTENER_BAD:
        return EX_CONFIG;
    case FILTER_LISTENER_UNAVAILABLE:
        return EX_UNAVAILABLE;
    case FILTER_LISTENER_OK:
        break;
    }
    process->daemon.is_inet = process->listener.socket.kind != CONF_SOCKET_UNIX;
    status = open_state(process, conf, error_r);
    if (status != EX_OK) {
        return status;
    }
    if (!filter_pidfile_write(&process->pidfile, daemon->pid_file,
                              process->background.ready_fd >= 0, error_r)) {
        return EX_UNAVAILABLE;
    }
    filter_privileges_set_limits(daemon->sessions_max);
    if (!filter_privileges_drop(daemon->user, daemon->group, &is_config_fault, error_r)) {
        return is_config_fault ? EX_CONFIG : EX_UNAVAILABLE;
    }
    return start_notifier(process, conf, error_r) ? EX_OK : EX_UNAVAILABLE;
}

static struct dns_resolver *make_resolver(const struct process *process,
                                          const struct conf_daemon *conf,
                                          struct base_error *error_r)
{
    struct base_text nameservers[16];
    struct dns_unbound_options options = {.nameservers = nameservers,
                                          .trust_anchor = conf->trust_anchor};

    if (process->options.zone_path != NULL) {
        return dns_zone_create_from_file(process->options.zone_path, error_r);
    }
    while (options.nameserver_count < conf->nameservers.count &&
           options.nameserver_count < sizeof nameservers / sizeof *nameservers) {
        nameservers[options.nameserver_count] =
            base_text_of(conf->nameservers.items[options.nameserver_count].text);
        options.nameserver_count++;
    }
    return dns_unbound_create(&options, error_r);
}

/* A file that cannot be read is put aside: mail is worth more than what was counted. */
static struct rate_state *open_rate_state(const char *path, struct base_error *error_r)
{
    struct rate_state *state = rate_state_open(path, error_r);
    char aside[PATH_MAX + NAME_MAX + 8];

    if (state != NULL) {
        return state;
    }
    snprintf(aside, sizeof aside, "%.4200s.bad", path);
    if (rename(path, aside) == 0) {
        base_log_warning("rate-state: %s: begun anew, the old file is now %s", error_r->text,
                         aside);
        state = rate_state_open(path, error_r);
    }
    return state;
}

/* The counters of rates in this process, as they were when the last daemon ended. */
static int open_own_rates(struct process *process, const struct conf_snapshot *conf,
                          struct base_error *error_r)
{
    struct filter_daemon *daemon = &process->daemon;
    const struct policy_options *policy = policy_options_get(conf);
    struct rate_engine_options options = {.memory = (size_t)policy->rate_memory,
                                          .clock = &daemon->clock};
    char path[PATH_MAX + NAME_MAX];

    if (strcmp(policy->rate_state, "none") != 0) {
        snprintf(path, sizeof path, "%s/%s", conf_daemon_get(conf)->state_dir, policy->rate_state);
        process->rate_state = open_rate_state(path, error_r);
        if (process->rate_state == NULL) {
            base_error_prefix(error_r, "rate-state");
            return EX_UNAVAILABLE;
        }
        rate_state_prepare(process->rate_state, &options);
    }
    daemon->env.rates = rate_engine_create(&options);
    return process->rate_state == NULL ||
                   rate_state_start(process->rate_state, daemon->env.rates, error_r)
               ? EX_OK
               : EX_UNAVAILABLE;
}

/* In the process, or in what several hosts share. */
static int open_rates(struct process *process, const struct conf_snapshot *conf,
                      struct base_error *error_r)
{
    struct filter_daemon *daemon = &process->daemon;

    if (!rate_place_open(conf, &daemon->clock, (size_t)policy_options_get(conf)->rate_memory,
                         &daemon->env.rates, error_r)) {
        return EX_CONFIG;
    }
    process->has_shared_rates = daemon->env.rates != NULL;
    return process->has_shared_rates ? EX_OK : open_own_rates(process, conf, error_r);
}

static int load(struct process *process, const struct conf_snapshot *conf,
                struct base_error *error_r)
{
    struct filter_daemon *daemon = &process->daemon;
    struct policy_snapshot *snapshot;
    int status;

    daemon->clock = process->options.has_fixed_time
                        ? base_clock_fixed(process->options.fixed_time_s)
                        : base_clock_system();
    daemon->budget = base_budget_create((size_t)conf_daemon_get(conf)->memory_max);
    filter_count_init(&daemon->count, &daemon->clock);
    daemon->env.clock = &daemon->clock;
    daemon->env.budget = daemon->budget;
    daemon->env.counters = policy_counters_create();
    daemon->env.deferrals = policy_deferrals_create(POLICY_DEFERRALS_MAX);
    daemon->env.sent = rate_sent_create(RATE_SENT_MAX);
    status = open_rates(process, conf, error_r);
    if (status != EX_OK) {
        return status;
    }
    daemon->env.resolver = make_resolver(process, conf_daemon_get(conf), error_r);
    if (daemon->env.resolver == NULL) {
        return EX_CONFIG;
    }
    daemon->env.bulk_organizations = bulk_organizations_create(&(struct bulk_organizations_options){
        .resolver = daemon->env.resolver, .clock = &daemon->clock});
    daemon->env.bulk_late =
        bulk_late_create(&daemon->clock, daemon->env.bulk_organizations, daemon->env.rates);
    snapshot = filter_snapshot_load(process->config_path, NULL, error_r);
    if (snapshot == NULL) {
        return EX_CONFIG;
    }
    filter_snapshot_init(&daemon->snapshot, snapshot);
    return EX_OK;
}

static bool reload(void *context, struct base_json *warnings, struct base_error *error_r);

/* Commands of the control socket; modules of their own add theirs here. */
static bool start_control(struct process *process, struct base_error *error_r)
{
    struct filter_daemon *daemon = &process->daemon;

    daemon->facts = (struct filter_status_facts){
        .config_path = process->config_path,
        .zone_path = process->options.zone_path,
        .has_fixed_time = process->options.has_fixed_time,
        .started_s = base_clock_wall_s(&daemon->clock),
        .started_ns = base_clock_mono_ns(&daemon->clock),
    };
    process->control_context =
        (struct filter_control_context){.daemon = daemon, .reload = reload, .process = process};
    filter_control_commands_register(process->control, &process->control_context);
    filter_rates_register(process->control, daemon);
    filter_bulk_register(process->control, daemon);
    return filter_control_start(process->control, &daemon->clock, error_r);
}

static void say_hello(const struct process *process, const struct conf_snapshot *conf)
{
    base_log_info("postseald " PACKAGE_VERSION " listens on %s", conf_daemon_get(conf)->listen);
    if (process->options.zone_path != NULL) {
        base_log_warning("test zone %s: DNS is not asked, this is no daemon for real mail",
                         process->options.zone_path);
    }
    if (process->options.has_fixed_time) {
        base_log_warning("--time: the clock stands still, this is no daemon for real mail");
    }
}

static int start(struct process *process, struct base_error *error_r)
{
    struct conf_snapshot *conf = read_configuration(process, error_r);
    int status = EX_CONFIG;

    if (conf == NULL) {
        return status;
    }
    if (!process->options.is_foreground && !filter_notify_is_managed() &&
        !filter_background_enter(&process->background, error_r)) {
        conf_snapshot_unref(&conf);
        return EX_UNAVAILABLE;
    }
    status = settle(process, conf, error_r);
    if (status == EX_OK) {
        filter_reload_log(conf);
        process->signal_fd = filter_signals_open(error_r);
        status = process->signal_fd < 0 ? EX_UNAVAILABLE : load(process, conf, error_r);
    }
    if (status == EX_OK) {
        status = start_control(process, error_r) ? EX_OK : EX_UNAVAILABLE;
    }
    if (status == EX_OK) {
        status = filter_listener_start(&process->listener, error_r) ? EX_OK : EX_UNAVAILABLE;
    }
    if (status == EX_OK) {
        say_hello(process, conf);
    }
    conf_snapshot_unref(&conf);
    return status;
}

static uint64_t generation(struct filter_daemon *daemon)
{
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    uint64_t number = policy_snapshot_generation(snapshot);

    policy_snapshot_unref(&snapshot);
    return number;
}

static void say_status(struct filter_daemon *daemon)
{
    struct filter_numbers numbers = filter_count_read(&daemon->count);

    base_log_info("status: configuration %" PRIu64 ", %u sessions, %u messages under way, "
                  "%" PRIu64 " messages since the start, %zu octets of messages in memory",
                  generation(daemon), numbers.sessions, numbers.under_way, numbers.messages_total,
                  base_budget_used(daemon->budget));
}

/* SIGHUP's work, whoever asks for it. */
static bool reload(void *context, struct base_json *warnings, struct base_error *error_r)
{
    struct process *process = context;
    struct filter_daemon *daemon = &process->daemon;
    bool is_good;

    filter_notify_reloading(base_clock_mono_ns(&daemon->clock));
    is_good = filter_reload(daemon, process->config_path, warnings, error_r);
    filter_notify_ready(generation(daemon));
    return is_good;
}

/* Milliseconds until the main thread has something to do of itself. */
static int next_turn_ms(int watchdog_ms)
{
    return watchdog_ms >= 0 && watchdog_ms < FILTER_BULK_SETTLE_MS ? watchdog_ms
                                                                   : FILTER_BULK_SETTLE_MS;
}

static int serve(struct process *process)
{
    struct filter_daemon *daemon = &process->daemon;
    int watchdog_ms = filter_notify_interval_ms();
    struct base_error error;

    filter_notify_ready(generation(daemon));
    filter_background_ready(&process->background);
    for (;;) {
        switch (filter_signals_wait(
            process->signal_fd, filter_listener_ended_fd(&process->listener),
            filter_control_job_fd(process->control), next_turn_ms(watchdog_ms))) {
        case FILTER_SIGNAL_NONE:
            break;
        case FILTER_SIGNAL_RELOAD:
            (void)reload(process, NULL, &error);
            break;
        case FILTER_SIGNAL_JOB:
            filter_control_run_jobs(process->control);
            break;
        case FILTER_SIGNAL_STATUS:
            say_status(daemon);
            break;
        case FILTER_SIGNAL_STOP:
            filter_notify_stopping();
            filter_control_refuse_jobs(process->control);
            filter_drain(daemon, &process->listener, process->signal_fd);
            return EX_OK;
        case FILTER_SIGNAL_ENDED:
            base_log_error("nobody listens any more: the daemon ends");
            return EX_UNAVAILABLE;
        }
        filter_bulk_settle(daemon, false);
        filter_rates_end_holds(daemon);
        if (watchdog_ms >= 0) {
            filter_notify_alive();
        }
    }
}

/* libmilter's and libunbound's threads are running: no destructors, they would be pulled from under
 * them. Instrumented builds report at exit, so there it is worth the risk; for leaks it is asked
 * before, because what a living thread of OpenSSL holds is none. ThreadSanitizer reports at _exit()
 * as well, and at exit() would name the destructors of libmilter. */
static _Noreturn void end(struct process *process, int status)
{
    struct base_error error;

    filter_control_destroy(&process->control);
    filter_listener_abandon(&process->listener);
    filter_bulk_settle(&process->daemon, true);
    if (process->rate_state != NULL && !rate_state_flush(process->rate_state, &error)) {
        base_log_warning("rate-state: %s: what was counted last is not kept", error.text);
    }
    if (process->has_shared_rates) {
        rate_shared_flush(process->daemon.env.rates);
    }
    filter_pidfile_remove(&process->pidfile);
    base_log_info("stopped");
#if defined(__SANITIZE_ADDRESS__)
    __lsan_do_leak_check();
    _exit(status);
#elif defined(WITH_SANITIZER) && !defined(__SANITIZE_THREAD__)
    exit(status);
#else
    _exit(status);
#endif
}

int main(int argc, char **argv)
{
    static struct process process = {.background = {.ready_fd = -1},
                                     .pidfile = {.fd = -1},
                                     .state_dir = {.fd = -1},
                                     .signal_fd = -1};
    struct base_error error;
    int status = read_command_line(&process, argc, argv, &error);

    if (status != EX_OK) {
        return fail(status, &error);
    }
    if (process.options.want_help) {
        filter_options_help(stdout);
        return EX_OK;
    }
    if (process.options.want_version) {
        puts("postseald " PACKAGE_VERSION);
        return EX_OK;
    }
    status = start(&process, &error);
    if (status != EX_OK) {
        filter_control_destroy(&process.control);
        filter_listener_abandon(&process.listener);
        filter_pidfile_remove(&process.pidfile);
        return fail(status, &error);
    }
    end(&process, serve(&process));
}
