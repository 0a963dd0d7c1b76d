/* Writes a private key where the daemon reads it, and prints what to publish for it. */
#include "tool/key_new.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/text.h"
#include "keys/record.h"
#include "keys/store.h"
#include "tool/args.h"
#include "tool/key_dir.h"

#define BITS_DEFAULT 2048
/* Octets of one record as a line. */
#define LINE_MAX_OCTETS 8192

static const struct tool_flag flags[] = {
    {"domain", 'd', "DOMAIN", "the signing domain (d=)", true, false},
    {"selector", 's', "SELECTOR", "the key's name under it (s=)", true, false},
    {"type", 't', "TYPE", "rsa (default) or ed25519", false, false},
    {"bits", 'b', "BITS", "of an RSA key: 2048 (default), 3072 or 4096", false, false},
    TOOL_FLAG_KEY_DIR,
    TOOL_FLAG_CONF,
};

static enum tool_status parse_type(const struct tool_args *args, const struct tool_io *io,
                                   struct keys_new_options *options)
{
    const char *type = tool_args_get(args, "type");
    const char *bits = tool_args_get(args, "bits");
    uint64_t value = BITS_DEFAULT;

    options->type = KEYS_TYPE_RSA;
    if (type != NULL && strcmp(type, "ed25519") == 0)
        options->type = KEYS_TYPE_ED25519;
    else if (type != NULL && strcmp(type, "rsa") != 0)
        return tool_fail(io, TOOL_USAGE, "--type: \"%s\": write rsa or ed25519", type);
    if (bits != NULL && options->type == KEYS_TYPE_ED25519)
        return tool_fail(io, TOOL_USAGE, "--bits: an Ed25519 key has one size only: leave it out");
    if (bits != NULL && (!base_text_to_uint(base_text_of(bits), 65536, &value) ||
                         (value != 2048 && value != 3072 && value != 4096)))
        return tool_fail(io, TOOL_USAGE, "--bits: \"%s\": write 2048, 3072 or 4096", bits);
    options->bits = (unsigned)value;
    return TOOL_ANSWERED;
}

static enum tool_status make(const struct keys_new_options *options, const struct tool_io *io)
{
    struct base_error error = {""};
    struct keys_key *key = keys_store_new(options, &error);
    struct base_buf line;

    if (key == NULL)
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    (void)fprintf(io->err, "postseal: wrote %s/%s/%s.pem; publish this record:\n", options->key_dir,
                  options->domain->text, options->selector);
    base_buf_init(&line, NULL, LINE_MAX_OCTETS);
    /* keys_store_new() refused names that are too long. */
    if (keys_record_append_line(key, options->domain, options->selector, &line))
        (void)fputs(base_buf_cstr(&line), io->out);
    base_buf_deinit(&line);
    keys_key_unref(&key);
    return TOOL_ANSWERED;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct keys_new_options options = {.selector = tool_args_get(args, "selector")};
    struct tool_key_dir dir = {NULL, NULL};
    struct dns_name domain;
    enum tool_status status = parse_type(args, io, &options);

    if (status == TOOL_ANSWERED)
        status = tool_domain_make(tool_args_get(args, "domain"), io, &domain);
    if (status == TOOL_ANSWERED && !keys_selector_is_valid(options.selector))
        status = tool_fail(io, TOOL_USAGE,
                           "--selector: \"%s\": one or more labels of letters, digits, '-' and "
                           "'_', separated by '.'",
                           options.selector);
    if (status == TOOL_ANSWERED)
        status = tool_key_dir_open(args, io, &dir);
    if (status == TOOL_ANSWERED) {
        options.key_dir = dir.path;
        options.domain = &domain;
        options.gid = geteuid() == 0 ? tool_key_dir_group(&dir, io) : getegid();
        status = make(&options, io);
    }
    tool_key_dir_close(&dir);
    return status;
}

const struct tool_command tool_key_new = {
    .name = "key new",
    .operands = "",
    .summary = "make a signing key and print its DNS record",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
