/* SPF for a client, its HELO and a reverse-path, by the daemon's own session, printed as the tree
 * of what was evaluated. */
#include "tool/spf.h"

#include <inttypes.h>

#include "base/arena.h"
#include "base/json.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "policy/decision.h"
#include "policy/decision_inbound.h"
#include "policy/networks.h"
#include "policy/options.h"
#include "policy/session.h"
#include "policy/snapshot.h"
#include "policy/spf/spf.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/eval_session.h"
#include "tool/spf_tree.h"

static const struct tool_flag flags[] = {
    {"ip", 0, "ADDRESS", "the client's address", true, false},
    {"helo", 0, "NAME", "what the client said in HELO or EHLO", false, false},
    {"from", 0, "MAILFROM", "the reverse-path; <> or \"\" for none", true, false},
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

static void print_outcome(FILE *out, const char *label, const struct spf_outcome *outcome,
                          const struct policy_session *session, const struct policy_client *client)
{
    (void)fprintf(out, "%s ", label);
    tool_print_text(out, outcome->domain);
    (void)fprintf(out, ": %s", spf_verdict_text(outcome->verdict));
    if (outcome->term.length > 0) {
        (void)fputs(" by ", out);
        tool_print_text(out, outcome->term);
        (void)fputs(" of ", out);
        tool_print_text(out, outcome->term_domain);
    }
    if (outcome->reason != NULL)
        (void)fprintf(out, ": %s", outcome->reason);
    if (outcome->reason_domain.length > 0) {
        (void)fputs(" (", out);
        tool_print_text(out, outcome->reason_domain);
        (void)fputc(')', out);
    }
    (void)fprintf(out, "\n%u of %u terms that ask DNS, %u found nothing\n", outcome->terms,
                  SPF_TERMS_MAX, outcome->voids);
    if (outcome->explanation.data != NULL) {
        (void)fputs("explained: ", out);
        tool_print_text(out, outcome->explanation);
        (void)fputc('\n', out);
    }
    tool_spf_tree_print(out, outcome, policy_session_lookups(session), client->address,
                        client->family == AF_INET6 ? 16 : 4);
}

static void print_json(const struct policy_decision *decision, FILE *out)
{
    struct base_json *root = base_json_object();

    base_json_set(
        root, "spf",
        policy_spf_json(decision->spf, decision->mail_from.length == 0 ? "helo" : "mailfrom"));
    base_json_set(root, "helo_spf", policy_spf_json(decision->helo_spf, "helo"));
    base_json_print(root, out);
    base_json_destroy(&root);
}

static void print(const struct policy_session *session, const struct sockaddr *address,
                  bool want_json, FILE *out)
{
    struct policy_client client;
    const struct policy_decision *decision = policy_session_decision(session);

    if (want_json) {
        print_json(decision, out);
        return;
    }
    policy_client_init(&client, address, (struct base_text){NULL, 0});
    if (decision->mail_from.length > 0)
        print_outcome(out, "reverse-path", decision->spf, session, &client);
    print_outcome(out, "HELO", decision->helo_spf, session, &client);
    tool_asking_print(policy_session_lookups(session), out);
}

/* Of the configuration only what bounds an evaluation: no network is trusted, no rule decides. */
static struct conf_snapshot *make_conf(const struct tool_asking *asking, struct base_error *error_r)
{
    const struct conf_daemon *daemon = conf_daemon_get(asking->conf);
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);
    const char *text =
        base_arena_printf(asking->arena,
                          "dns-timeout-envelope = \"%" PRId64 "ms\"\ndns-timeout = \"%" PRId64
                          "ms\"\ndns-questions = %" PRId64 "\nspf-void-limit = %" PRId64 "\n",
                          daemon->dns_timeout_envelope, daemon->dns_timeout, daemon->dns_questions,
                          policy_options_get(asking->conf)->spf_void_limit);

    return conf_read_text(text == NULL ? "" : text, "defaults", tables, count, error_r);
}

static enum tool_status evaluate(struct tool_asking *asking, const struct sockaddr *address,
                                 const struct tool_args *args, const struct tool_io *io)
{
    const struct policy_snapshot_options options = {.want_keys = false};
    const struct policy_env env = {.resolver = asking->resolver, .clock = &asking->clock};
    struct base_error error = {""};
    struct conf_snapshot *conf = make_conf(asking, &error);
    struct policy_snapshot *snapshot =
        conf == NULL ? NULL : policy_snapshot_create(conf, &options, &error);
    struct policy_session *session;
    const char *helo = tool_args_get(args, "helo");
    const struct policy_connect_facts connect = {.address = address};
    const struct policy_helo_facts said = {.helo = base_text_of(helo)};
    const struct policy_mail_facts mail = {.reverse_path =
                                               base_text_of(tool_args_get(args, "from"))};

    conf_snapshot_unref(&conf);
    if (snapshot == NULL)
        return tool_fail(io, TOOL_CONFIG, "%s", error.text);
    session = policy_session_create(&env, snapshot);
    (void)policy_session_connect(session, &connect);
    (void)policy_session_helo(session, &said);
    (void)policy_session_mail(session, &mail);
    (void)policy_session_eom(session, NULL, NULL);
    policy_session_explain_spf(session);
    if (policy_session_decision(session)->spf != NULL)
        print(session, address, tool_args_has(args, "json"), io->out);
    policy_session_destroy(&session);
    policy_snapshot_unref(&snapshot);
    return TOOL_ANSWERED;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct tool_asking asking = {NULL};
    struct sockaddr_storage address;
    struct base_error error = {""};
    enum tool_status status;

    if (!tool_address_parse(tool_args_get(args, "ip"), &address, &error))
        return tool_fail(io, TOOL_USAGE, "%s", error.text);
    if (address.ss_family == AF_UNIX)
        return tool_fail(io, TOOL_USAGE, "--ip: SPF judges the address of a client");
    status = tool_asking_open(&asking, args, io, (size_t)64 << 10);
    if (status == TOOL_ANSWERED)
        status = evaluate(&asking, (const struct sockaddr *)&address, args, io);
    tool_asking_close(&asking);
    return status;
}

const struct tool_command tool_spf = {
    .name = "spf",
    .operands = "",
    .summary = "evaluate SPF for a client and explain it",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
