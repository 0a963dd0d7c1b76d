/* Verifies the signatures of one message by the daemon's own code. */
#include "tool/dkim_verify.h"

#include "base/json.h"
#include "policy/decision_inbound.h"
#include "policy/dkim/library.h"
#include "policy/dkim/result.h"
#include "policy/dkim/verify.h"
#include "policy/header.h"
#include "policy/options.h"
#include "policy/saved_message.h"
#include "tool/args.h"
#include "tool/asking.h"
#include "tool/message_header.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_ZONE,
    TOOL_FLAG_TIME,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

/* One verification; what is NULL was not made. */
struct work {
    struct tool_asking asking;
    struct policy_saved_message message;
    struct dkim_library *library;
    struct dkim_verification *verification;
    struct policy_header header;
};

static void print_tag(FILE *out, const char *tag, struct base_text text)
{
    if (text.data == NULL)
        return;
    (void)fprintf(out, " %s=", tag);
    tool_print_text(out, text);
}

static void print_one(const struct dkim_verdict *verdict, FILE *out)
{
    (void)fputs(dkim_result_text(verdict->result), out);
    print_tag(out, "d", verdict->domain);
    print_tag(out, "s", verdict->selector);
    print_tag(out, "a", verdict->algorithm);
    print_tag(out, "i", verdict->identity);
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

static void print_json(const struct dkim_verdicts *verdicts, FILE *out)
{
    struct base_json *root = base_json_object();

    base_json_set(root, "dkim", policy_dkim_json(verdicts));
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
    enum tool_status status = tool_asking_open(&work->asking, args, io, TOOL_HEADER_ARENA);

    if (status != TOOL_ANSWERED)
        return status;
    if (!policy_saved_message_read(&work->message, tool_args_operand(args, 0), fileno(io->in),
                                   &error) ||
        !tool_message_header(&work->message, work->asking.arena, &work->header, &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    work->library = dkim_library_create();
    return TOOL_ANSWERED;
}

static void work_close(struct work *work)
{
    dkim_verification_end(&work->verification);
    dkim_library_destroy(&work->library);
    policy_saved_message_deinit(&work->message);
    tool_asking_close(&work->asking);
}

static enum tool_status verify(struct work *work, bool want_json, const struct tool_io *io)
{
    const struct policy_options *policy = policy_options_get(work->asking.conf);
    const struct dkim_verify_options options = {
        .library = work->library,
        .lookups = work->asking.lookups,
        .now_s = base_clock_wall_s(&work->asking.clock),
        .max_signatures = (size_t)policy->dkim_signatures,
        .max_names = (size_t)policy->dkim_names,
    };
    const struct dkim_verdicts *verdicts = NULL;

    work->verification = dkim_verification_begin(work->asking.arena, &options, &work->header);
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
    struct work work = {.library = NULL};
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
