/* Judges one saved message as the daemon would: the same session, evaluators and rules. */
#include "tool/eval.h"

#include <stdint.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/json.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "dns/resolver.h"
#include "policy/bulk/organizations.h"
#include "policy/decision.h"
#include "policy/rate/engine.h"
#include "policy/saved_message.h"
#include "policy/session.h"
#include "policy/snapshot.h"
#include "tool/args.h"
#include "tool/eval_print.h"
#include "tool/eval_session.h"
#include "tool/open.h"

static const struct tool_flag flags[] = {
    {"ip", 0, "ADDRESS", "the client's address, or local", true, false},
    {"client-name", 0, "NAME", "the client's host name, as the MTA found it", false, false},
    {"helo", 0, "NAME", "what the client said in HELO or EHLO", false, false},
    {"from", 0, "MAILFROM", "the reverse-path; <> or \"\" for none", true, false},
    {"rcpt", 0, "RCPT", "a recipient", false, true},
    {"login", 0, "LOGIN", "the client has authenticated as this login", false, false},
    {"auth-mech", 0, "MECHANISM", "by this mechanism", false, false},
    {"tls", 0, "VERSION", "TLS of the connection, as TLSv1.3", false, false},
    {"cipher", 0, "NAME", "its cipher", false, false},
    {"cipher-bits", 0, "BITS", "its key size", false, false},
    {"cert-subject", 0, "NAME", "the client's certificate is of this subject", false, false},
    {"cert-issuer", 0, "NAME", "and of this issuer", false, false},
    {"daemon", 0, "NAME", "the MTA's {daemon_name}, as ORIGINATING", false, false},
    {"port", 0, "PORT", "the MTA's port, as 587", false, false},
    {"size", 0, "OCTETS", "the size that MAIL declares", false, false},
    TOOL_FLAG_CONF,
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_JSON,
};

/* Everything that an evaluation stands on. */
struct scene {
    struct conf_snapshot *conf;
    struct policy_snapshot *snapshot;
    struct base_clock clock;
    struct base_budget *budget;
    struct dns_resolver *resolver;
    struct policy_saved_message message;
    struct tool_envelope envelope;
};

static void warn(void *context, const char *text)
{
    tool_warn(context, "%s", text);
}

static void ignore_stage(void *context, enum policy_stage stage, struct base_text what,
                         const struct policy_verdict *verdict)
{
    (void)context;
    (void)stage;
    (void)what;
    (void)verdict;
}

static enum tool_status open_policy(struct scene *scene, const struct tool_args *args,
                                    const struct tool_io *io)
{
    const struct policy_snapshot_options options = {
        .want_keys = true, .warn = warn, .context = (void *)(uintptr_t)io};
    struct base_error error = {""};
    enum tool_status status = tool_open_conf_or_defaults(args, io, &scene->conf);

    if (status != TOOL_ANSWERED)
        return status;
    scene->snapshot = policy_snapshot_create(scene->conf, &options, &error);
    if (scene->snapshot == NULL)
        return tool_fail(io, TOOL_CONFIG, "%s", error.text);
    scene->budget = base_budget_create((size_t)conf_daemon_get(scene->conf)->memory_max);
    return tool_open_resolver(args, io, scene->conf, &scene->resolver);
}

static enum tool_status scene_open(struct scene *scene, const struct tool_args *args,
                                   const struct tool_io *io)
{
    struct base_error error = {""};
    enum tool_status status = tool_open_clock(args, io, &scene->clock);

    if (status != TOOL_ANSWERED)
        return status;
    if (!tool_envelope_init(&scene->envelope, args, &error))
        return tool_fail(io, TOOL_USAGE, "%s", error.text);
    if (!policy_saved_message_read(&scene->message, tool_args_operand(args, 0), fileno(io->in),
                                   &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    return open_policy(scene, args, io);
}

static void scene_close(struct scene *scene)
{
    dns_resolver_destroy(&scene->resolver);
    policy_snapshot_unref(&scene->snapshot);
    base_budget_destroy(&scene->budget);
    conf_snapshot_unref(&scene->conf);
    policy_saved_message_deinit(&scene->message);
}

static void print_json(const struct policy_session *session, FILE *out)
{
    struct base_json *json =
        policy_decision_json(policy_session_decision(session), policy_session_edits(session),
                             policy_session_lookups(session));

    base_json_print(json, out);
    base_json_destroy(&json);
}

static void evaluate(const struct scene *scene, const struct tool_args *args,
                     const struct tool_io *io)
{
    /* Empty: what one message alone would charge. */
    struct rate_store *rates = rate_engine_create(
        &(struct rate_engine_options){.memory = (size_t)RATE_MEMORY_MIN, .clock = &scene->clock});
    struct bulk_organizations *organizations =
        bulk_organizations_create(&(struct bulk_organizations_options){
            .resolver = scene->resolver,
            .clock = &scene->clock,
            .wait_ns = conf_daemon_get(scene->conf)->dns_timeout * BASE_NS_PER_MS});
    const struct policy_env env = {.resolver = scene->resolver,
                                   .clock = &scene->clock,
                                   .budget = scene->budget,
                                   .bulk_organizations = organizations,
                                   .rates = rates};
    struct policy_session *session = policy_session_create(&env, scene->snapshot);
    bool want_json = tool_args_has(args, "json");

    (void)tool_eval_session(session, &scene->envelope, args, &scene->message,
                            want_json ? ignore_stage : tool_eval_print_stage, io->out);
    if (want_json)
        print_json(session, io->out);
    else
        tool_eval_print_decision(io->out, policy_session_decision(session),
                                 policy_session_edits(session));
    policy_session_destroy(&session);
    bulk_organizations_destroy(&organizations);
    rate_store_destroy(&rates);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct scene scene = {NULL};
    enum tool_status status = scene_open(&scene, args, io);

    if (status == TOOL_ANSWERED)
        evaluate(&scene, args, io);
    scene_close(&scene);
    return status;
}

const struct tool_command tool_eval = {
    .name = "eval",
    .operands = "MESSAGE|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "judge a saved message as the daemon would",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
