/* Reads the configuration as the daemon would, keys included, without starting; --mta prints what
 * the MTA needs to know of it, --explain what the rules do to each other. */
#include "tool/check.h"

#include <grp.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/json.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "policy/dkim/keyring.h"
#include "policy/options.h"
#include "policy/rules_explain.h"
#include "policy/selftest.h"
#include "policy/snapshot.h"
#include "tool/args.h"
#include "tool/check_mta.h"
#include "tool/identity.h"
#include "tool/open.h"

/* Octets of the table of rules. */
#define RULES_TEXT_MAX ((size_t)16 << 20)

static const struct tool_flag flags[] = {
    {"mta", 'm', "NAME", "print the lines that this MTA needs: postfix or sendmail", false, false},
    {"explain", 'e', NULL, "print the rules as a table: what each can still match", false, false},
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

static void warn(void *context, const char *text)
{
    tool_warn(context, "%s", text);
}

/* An administrator who is not root cannot read the keys, and need not, to check the rest. */
static bool can_read_keys(const char *key_dir, const struct tool_io *io)
{
    if (geteuid() == 0 || access(key_dir, R_OK | X_OK) == 0 || access(key_dir, F_OK) != 0)
        return true;
    tool_warn(io, "%s: not readable by you: keys were not checked (root can)", key_dir);
    return false;
}

/* What a start and a reload require. Without the keys nothing is signed, and tests may say so. */
static enum tool_status run_tests(struct policy_snapshot *snapshot, bool has_keys,
                                  const struct tool_io *io)
{
    const struct conf_snapshot *conf = policy_snapshot_conf(snapshot);
    struct base_error error = {""};

    if (policy_options_get(conf)->require_tests.count == 0)
        return TOOL_ANSWERED;
    if (!has_keys && conf_snapshot_count(conf, &dkim_sign_table) > 0) {
        tool_warn(io, "require-tests: without the keys the tests are not run");
        return TOOL_ANSWERED;
    }
    if (policy_selftest_require(snapshot, &error))
        return TOOL_ANSWERED;
    return tool_fail(io, TOOL_CONFIG, "%s", error.text);
}

/* The daemon looks it up as it starts; this may be another machine. */
static void check_control_group(const struct conf_daemon *daemon, const struct tool_io *io)
{
    if (daemon->control_group != NULL && getgrnam(daemon->control_group) == NULL)
        tool_warn(io,
                  "control-group: there is no group \"%s\" on this machine: make it (addgroup "
                  "--system), or the daemon will not start",
                  daemon->control_group);
}

static void print_rules(const struct policy_snapshot *snapshot, const struct tool_io *io)
{
    struct base_buf text;

    base_buf_init(&text, NULL, RULES_TEXT_MAX);
    policy_rules_explain(snapshot, &text);
    (void)fputs(base_buf_cstr(&text), io->out);
    if (text.is_over)
        (void)fputs("... and more than can be shown\n", io->out);
    base_buf_deinit(&text);
}

static void print_rules_json(const struct policy_snapshot *snapshot, const struct tool_io *io)
{
    struct base_json *object = policy_rules_explain_json(snapshot);

    base_json_print(object, io->out);
    base_json_destroy(&object);
}

static enum tool_status check_conf(struct conf_snapshot *conf, const char *path,
                                   const struct tool_args *args, const struct tool_io *io)
{
    struct policy_snapshot_options options = {.warn = warn, .context = (void *)(uintptr_t)io};
    struct base_error error = {""};
    struct policy_snapshot *snapshot;
    size_t blocks = conf_snapshot_count(conf, &dkim_sign_table);
    enum tool_status status = tool_identity_take(conf_daemon_get(conf), io);

    if (status != TOOL_ANSWERED)
        return status;
    check_control_group(conf_daemon_get(conf), io);
    options.want_keys = blocks > 0 && can_read_keys(policy_options_get(conf)->key_dir, io);
    snapshot = policy_snapshot_create(conf, &options, &error);
    if (snapshot == NULL)
        return tool_fail(io, TOOL_CONFIG, "%s", error.text);
    status = run_tests(snapshot, options.want_keys, io);
    if (status != TOOL_ANSWERED) {
        policy_snapshot_unref(&snapshot);
        return status;
    }
    (void)fprintf(io->err, "postseal: %s: good; sign blocks: %zu%s\n", path, blocks,
                  blocks == 0         ? " (nothing will be signed)"
                  : options.want_keys ? ", every key signs and is verified"
                                      : "");
    if (tool_args_has(args, "json"))
        print_rules_json(snapshot, io);
    else if (tool_args_has(args, "explain"))
        print_rules(snapshot, io);
    policy_snapshot_unref(&snapshot);
    return TOOL_ANSWERED;
}

static enum tool_status print_mta(const struct conf_snapshot *conf, const char *mta,
                                  const struct tool_io *io)
{
    struct base_error error = {""};
    bool is_good = strcmp(mta, "postfix") == 0 ? tool_check_print_postfix(conf, io->out, &error)
                                               : tool_check_print_sendmail(conf, io->out, &error);

    return is_good ? TOOL_ANSWERED : tool_fail(io, TOOL_CONFIG, "%s", error.text);
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *mta = tool_args_get(args, "mta");
    const char *path = tool_args_get(args, "config");
    const char *operand = tool_args_operand(args, 0);
    struct conf_snapshot *conf = NULL;
    enum tool_status status;

    if (mta != NULL && strcmp(mta, "postfix") != 0 && strcmp(mta, "sendmail") != 0)
        return tool_fail(io, TOOL_USAGE, "--mta: \"%s\": write postfix or sendmail", mta);
    if (tool_args_has(args, "json") && (!tool_args_has(args, "explain") || mta != NULL))
        return tool_fail(io, TOOL_USAGE, "check: --json goes with --explain, and not with --mta");
    if (path != NULL && operand != NULL)
        return tool_fail(io, TOOL_USAGE, "check: \"%s\" and --config \"%s\": name one file",
                         operand, path);
    if (path == NULL)
        path = operand != NULL ? operand : TOOL_CONF_DEFAULT;
    status = tool_open_conf(path, io, &conf);
    if (status == TOOL_ANSWERED)
        status = check_conf(conf, path, args, io);
    if (status == TOOL_ANSWERED && mta != NULL)
        status = print_mta(conf, mta, io);
    conf_snapshot_unref(&conf);
    return status;
}

const struct tool_command tool_check = {
    .name = "check",
    .operands = "[FILE]",
    .operands_max = 1,
    .summary = "read the configuration and its keys without starting",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
