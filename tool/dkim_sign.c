/* Signs one message with one key, by the daemon's own code, and prints it with the signature on
 * top. What the message says is not asked: whoever has the key may sign what he likes. */
#include "tool/dkim_sign.h"

#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "keys/key.h"
#include "keys/store.h"
#include "policy/decision.h"
#include "policy/dkim/keyring.h"
#include "policy/dkim/signing.h"
#include "policy/edits.h"
#include "policy/header.h"
#include "policy/saved_message.h"
#include "tool/args.h"
#include "tool/key_dir.h"
#include "tool/message_header.h"
#include "tool/open.h"

static const struct tool_flag flags[] = {
    {"domain", 'd', "DOMAIN", "the signing domain (d=)", true, false},
    {"selector", 's', "SELECTOR", "the key's name under it (s=)", true, false},
    {"key", 'k', "KEYFILE", "the private key, PEM", true, false},
    {"canonicalization", 'c', "HEADER/BODY", "relaxed/relaxed (default), relaxed/simple, ...",
     false, false},
    TOOL_FLAG_TIME,
};

/* One signing. */
struct work {
    struct dkim_sign_block block;
    struct dkim_signer signer;
    struct base_clock clock;
    struct policy_saved_message message;
    struct base_arena *arena;
};

/* "relaxed" alone is relaxed/simple (RFC 6376 section 3.5, c=). */
static bool parse_canon(const char *text, struct dkim_sign_block *block)
{
    static const struct {
        const char *text;
        enum dkim_canon header;
        enum dkim_canon body;
    } canons[] = {
        {"relaxed/relaxed", DKIM_CANON_RELAXED, DKIM_CANON_RELAXED},
        {"relaxed/simple", DKIM_CANON_RELAXED, DKIM_CANON_SIMPLE},
        {"simple/relaxed", DKIM_CANON_SIMPLE, DKIM_CANON_RELAXED},
        {"simple/simple", DKIM_CANON_SIMPLE, DKIM_CANON_SIMPLE},
        {"relaxed", DKIM_CANON_RELAXED, DKIM_CANON_SIMPLE},
        {"simple", DKIM_CANON_SIMPLE, DKIM_CANON_SIMPLE},
    };

    for (size_t i = 0; i < sizeof(canons) / sizeof(canons[0]); i++) {
        if (strcmp(canons[i].text, text) == 0) {
            block->header_canon = canons[i].header;
            block->body_canon = canons[i].body;
            return true;
        }
    }
    return false;
}

static enum tool_status read_flags(struct work *work, const struct tool_args *args,
                                   const struct tool_io *io)
{
    const char *canon = tool_args_get(args, "canonicalization");
    struct dns_name domain;
    enum tool_status status = tool_domain_make(tool_args_get(args, "domain"), io, &domain);

    if (status == TOOL_ANSWERED)
        status = tool_open_clock(args, io, &work->clock);
    if (status != TOOL_ANSWERED)
        return status;
    work->signer.selector = tool_args_get(args, "selector");
    if (!keys_selector_is_valid(work->signer.selector))
        return tool_fail(io, TOOL_USAGE, "--selector: \"%s\" is not a selector",
                         work->signer.selector);
    dkim_sign_block_init(&work->block, &domain);
    work->block.signers = &work->signer;
    work->block.signer_count = 1;
    if (canon != NULL && !parse_canon(canon, &work->block))
        return tool_fail(io, TOOL_USAGE,
                         "--canonicalization: \"%s\": write relaxed or simple for the header and "
                         "for the body, as relaxed/simple",
                         canon);
    return TOOL_ANSWERED;
}

static enum tool_status read_files(struct work *work, const struct tool_args *args,
                                   const struct tool_io *io)
{
    struct base_error error = {""};
    const char *warning = NULL;

    work->signer.key = keys_store_load_file(tool_args_get(args, "key"), &warning, &error);
    if (work->signer.key == NULL)
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    if (warning != NULL)
        tool_warn(io, "%s: %s", tool_args_get(args, "key"), warning);
    if (!policy_saved_message_read(&work->message, tool_args_operand(args, 0), fileno(io->in),
                                   &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    return TOOL_ANSWERED;
}

/* The new field ends its lines as the file does. */
static void print_signed(const struct policy_saved_message *message, const struct policy_edit *edit,
                         FILE *out)
{
    const char *end = message->has_lf_ends ? "\n" : "\r\n";
    struct base_text rest = edit->value;

    (void)fwrite(message->raw, 1, message->header_offset, out);
    (void)fprintf(out, "%s:", edit->name.data);
    while (rest.data != NULL) {
        struct base_text line = base_text_split(&rest, '\n');

        (void)fwrite(line.data, 1, line.length, out);
        (void)fputs(end, out);
    }
    (void)fwrite(message->raw + message->header_offset, 1,
                 message->raw_length - message->header_offset, out);
}

static enum tool_status sign(struct work *work, const struct tool_io *io)
{
    const struct policy_signature *made = NULL;
    struct base_error error = {""};
    struct dkim_signing *signing;
    struct policy_header header;
    struct policy_edits edits;

    if (!tool_message_header(&work->message, work->arena, &header, &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    policy_edits_init(&edits, work->arena);
    signing = dkim_signing_begin(work->arena, &work->block);
    if (signing != NULL) {
        dkim_signing_body(signing, work->message.body);
        made = dkim_signing_finish(signing, &header, &edits, base_clock_wall_s(&work->clock));
        dkim_signing_end(&signing);
    }
    if (made == NULL || made->fault != NULL || edits.first == NULL)
        return tool_fail(io, TOOL_INPUT, "not signed: %s",
                         made == NULL || made->fault == NULL ? "no memory" : made->fault);
    print_signed(&work->message, edits.first, io->out);
    return TOOL_ANSWERED;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct work work = {.arena = base_arena_create(TOOL_HEADER_ARENA, NULL)};
    enum tool_status status = read_flags(&work, args, io);

    if (status == TOOL_ANSWERED)
        status = read_files(&work, args, io);
    if (status == TOOL_ANSWERED)
        status = sign(&work, io);
    policy_saved_message_deinit(&work.message);
    keys_key_unref(&work.signer.key);
    base_arena_destroy(&work.arena);
    return status;
}

const struct tool_command tool_dkim_sign = {
    .name = "dkim sign",
    .operands = "MESSAGE|-",
    .operands_min = 1,
    .operands_max = 1,
    .summary = "sign a message and print it",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
