/* Prints the records of keys that are there, as lines of a master file: all, or those of a domain,
 * a selector or both. */
#include "tool/key_publish.h"

#include <string.h>

#include "base/error.h"
#include "base/mem.h"
#include "base/text.h"
#include "keys/record.h"
#include "keys/store.h"
#include "tool/args.h"
#include "tool/key_dir.h"

#define LINE_MAX_OCTETS 8192

static const struct tool_flag flags[] = {
    {"domain", 'd', "DOMAIN", "only keys of this signing domain", false, false},
    {"selector", 's', "SELECTOR", "only keys of this selector", false, false},
    TOOL_FLAG_KEY_DIR,
    TOOL_FLAG_CONF,
};

static enum tool_status print_one(const char *key_dir, const struct keys_entry *entry,
                                  const struct tool_io *io)
{
    struct base_error error = {""};
    struct keys_key *key = keys_store_load(key_dir, &entry->domain, entry->selector, NULL, &error);
    struct base_buf line;
    bool is_good;

    if (key == NULL)
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    base_buf_init(&line, NULL, LINE_MAX_OCTETS);
    is_good = keys_record_append_line(key, &entry->domain, entry->selector, &line);
    if (is_good)
        (void)fputs(base_buf_cstr(&line), io->out);
    base_buf_deinit(&line);
    keys_key_unref(&key);
    if (is_good)
        return TOOL_ANSWERED;
    return tool_fail(io, TOOL_INPUT, "%s._domainkey.%s: too long for a domain name",
                     entry->selector, entry->domain.text);
}

/* A key that cannot be read does not hide the others. */
static enum tool_status print_all(const struct tool_args *args, const struct tool_io *io,
                                  const char *key_dir, const struct dns_name *domain)
{
    const char *selector = tool_args_get(args, "selector");
    struct base_error error = {""};
    struct keys_entry *entries = NULL;
    enum tool_status status = TOOL_ANSWERED;
    size_t printed = 0;
    size_t count = 0;

    if (!keys_store_list(key_dir, &entries, &count, &error))
        return tool_fail(io, TOOL_INPUT, "%s", error.text);
    for (size_t i = 0; i < count; i++) {
        enum tool_status one;

        if ((domain != NULL && !dns_name_equals(&entries[i].domain, domain)) ||
            (selector != NULL && strcmp(entries[i].selector, selector) != 0))
            continue;
        one = print_one(key_dir, &entries[i], io);
        status = one == TOOL_ANSWERED ? status : one;
        printed++;
    }
    base_mem_free(entries);
    if (printed == 0)
        return tool_fail(io, TOOL_INPUT,
                         "%s: there is no such key: make one with `postseal key new`", key_dir);
    return status;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    const char *domain = tool_args_get(args, "domain");
    struct tool_key_dir dir = {NULL, NULL};
    struct dns_name name;
    enum tool_status status = TOOL_ANSWERED;

    if (domain != NULL)
        status = tool_domain_make(domain, io, &name);
    if (status == TOOL_ANSWERED)
        status = tool_key_dir_open(args, io, &dir);
    if (status == TOOL_ANSWERED)
        status = print_all(args, io, dir.path, domain == NULL ? NULL : &name);
    tool_key_dir_close(&dir);
    return status;
}

const struct tool_command tool_key_publish = {
    .name = "key publish",
    .operands = "",
    .summary = "print the DNS records of keys that are there",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
