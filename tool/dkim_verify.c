/* Verifies the signatures of one message by the daemon's own code. */
#include "tool/dkim_verify.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/json.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/dkim/library.h"
#include "policy/dkim/result.h"
#include "policy/dkim/verify.h"
#include "policy/header.h"
#include "tool/args.h"
#include "tool/message_file.h"
#include "tool/message_header.h"
#include "tool/open.h"

/* The daemon's defaults. */
#define SIGNATURES_MAX 10
#define NAMES_MAX      200

static const struct tool_flag flags[] = {
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

/* One verification; what is NULL was not made. */
struct work {
    struct conf_snapshot *conf;
    struct base_clock clock;
    struct dns_resolver *resolver;
    struct tool_message message;
    struct base_arena *arena;
    struct dkim_library *library;
    struct dns_lookups *lookups;
    struct dns_budget budget;
    struct dkim_verification *verification;
    struct policy_header header;
};

static void print_text(FILE *out, const char *tag, struct base_text text)
{
    if (text.data == NULL)
        return;
    (void)fprintf(out, " %s=", tag);
    for (size_t i = 0; i < text.length; i++)
        (void)fputc(base_ascii_is_print(text.data[i]) ? text.data[i] : '?', out);
}

static void print_one(const struct dkim_verdict *verdict, FILE *out)
{
    (void)fputs(dkim_result_text(verdict->result), out);
    print_text(out, "d", verdict->domain);
    print_text(out, "s", verdict->selector);
    print_text(out, "a", verdict->algorithm);
    print_text(out, "i", verdict->identity);
    if (verdict->bits > 0)
        (void)fprintf(out, " bits=%u", verdict->bits);
    for (unsigned i = 0; dkim_flag_text(i) != NULL; i++) {
        if ((verdict->flags & (1u << i)) != 0)
            (void)fprintf(out, " %s", dkim_flag_text(i));
    }
    if (verdict->reason != NULL)
        (void)fprintf(out, " (%s)", verdict->reason);
    (void)fputc('\n', out);
}

static struct base_json *one_json(const struct dkim_verdict *verdict)
{
    struct base_json *object = base_json_object();
    struct base_json *names = base_json_array();

    for (unsigned i = 0; dkim_flag_text(i) != NULL; i++) {
        if ((verdict->flags & (1u << i)) != 0)
            base_json_append_text(names, base_text_of(dkim_flag_text(i)));
    }
    base_json_set_cstr(object, "result", dkim_result_text(verdict->result));
    base_json_set_cstr(object, "reason", verdict->reason);
    base_json_set_text(object, "d", verdict->domain);
    base_json_set_text(object, "s", verdict->selector);
    base_json_set_text(object, "a", verdict->algorithm);
    base_json_set_int(object, "bits", verdict->bits);
    base_json_set_text(object, "i", verdict->identity);
    base_json_set(object, "flags", names);
    return object;
}

static void print_json(const struct dkim_verdicts *verdicts, FILE *out)
{
    struct base_json *root = base_json_object();
    struct base_json *array = base_json_array();

    for (size_t i = 0; i < verdicts->count; i++)
        base_json_append(array, one_json(&verdicts->items[i]));
    base_json_set(root, "dkim", array);
    base_json_print(root, out);
    base_json_destroy(&root);
}

static void print_verdicts(const struct dkim_verdicts *verdicts, FILE *out)
{
    for (size_t i = 0; i < verdicts->count; i++)
        print_one(&verdicts->items[i], out);
    if (verdicts->count == 0)
        (void)fputs("none (the message has no signature)\n", out);
    if (verdicts->skipped > 0)
        (void)fprintf(out, "%zu more signatures were not looked at\n", verdicts->skipped);
}

static enum tool_status work_open(struct work *work, const struct tool_args *args,
                                  const struct tool_io *io)
{
    struct base_error error = {""};
    struct dns_lookups_options options = {.clock = &work->clock};
    enum tool_status status = tool_open_clock(args, io, &work->clock);

    if (status == TOOL_ANSWERED)
        status = tool_open_conf_or_defaults(args, io, &work->conf);
    if (status == TOOL_ANSWERED)
        status = tool_open_resolver(args, io, work->conf, &work->resolver);
    if (status != TOOL_ANSWERED)
        return status;
    if (!tool_message_read(&work->message, tool_args_operand(args, 0), io, &error) ||
        !tool_message_header(&work->message, work->arena, &work->header, &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    options.resolver = work->resolver;
    options.max_questions = (unsigned)conf_daemon_get(work->conf)->dns_questions;
    work->lookups = dns_lookups_create(work->arena, &options);
    work->budget.left_ns = conf_daemon_get(work->conf)->dns_timeout * BASE_NS_PER_MS;
    work->library = dkim_library_create();
    if (work->lookups != NULL)
        dns_lookups_set_budget(work->lookups, &work->budget);
    return work->lookups != NULL ? TOOL_ANSWERED : tool_fail(io, TOOL_INPUT, "no memory");
}

static void work_close(struct work *work)
{
    dkim_verification_end(&work->verification);
    dkim_library_destroy(&work->library);
    dns_lookups_destroy(&work->lookups);
    dns_resolver_destroy(&work->resolver);
    conf_snapshot_unref(&work->conf);
    tool_message_deinit(&work->message);
    base_arena_destroy(&work->arena);
}

static enum tool_status verify(struct work *work, bool want_json, const struct tool_io *io)
{
    const struct dkim_verify_options options = {
        .library = work->library,
        .lookups = work->lookups,
        .now_s = base_clock_wall_s(&work->clock),
        .max_signatures = SIGNATURES_MAX,
        .max_names = NAMES_MAX,
    };
    const struct dkim_verdicts *verdicts = NULL;

    work->verification = dkim_verification_begin(work->arena, &options, &work->header);
    if (work->verification != NULL) {
        dkim_verification_body(work->verification, work->message.body);
        verdicts = dkim_verification_finish(work->verification);
    }
    if (verdicts == NULL)
        return tool_fail(io, TOOL_INPUT, "no memory");
    if (want_json)
        print_json(verdicts, io->out);
    else
        print_verdicts(verdicts, io->out);
    return TOOL_ANSWERED;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct work work = {.arena = base_arena_create(TOOL_HEADER_ARENA, NULL)};
    enum tool_status status = work_open(&work, args, io);

    if (status == TOOL_ANSWERED)
        status = verify(&work, tool_args_has(args, "json"), io);
    work_close(&work);
    return status;
}

const struct tool_command tool_dkim_verify = {
    .name = "dkim verify",
    .operands = "MESSAGE|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "verify the signatures of a message",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
