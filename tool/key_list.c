/* Every key below key-dir: what it is, and which sign blocks use it. A key that cannot be loaded is
 * listed with the reason, and does not hide the others. */
#include "tool/key_list.h"

#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "keys/store.h"
#include "policy/dkim/keyring.h"
#include "tool/args.h"
#include "tool/key_dir.h"

static const struct tool_flag flags[] = {
    TOOL_FLAG_KEY_DIR,
    TOOL_FLAG_CONF,
    TOOL_FLAG_JSON,
};

struct row {
    const struct keys_entry *entry;
    /* NULL with `fault`. */
    const struct keys_key *key;
    const char *fault;
    /* Titles of sign blocks. */
    const char *const *blocks;
    size_t block_count;
};

static const char *type_text(const struct keys_key *key)
{
    return keys_key_algorithm(key) == KEYS_RSA_SHA256 ? "rsa" : "ed25519";
}

static void print_row(const struct row *row, FILE *out)
{
    (void)fprintf(out, "%-30s %-24s ", row->entry->domain.text, row->entry->selector);
    if (row->key != NULL)
        (void)fprintf(out, "%-8s %5u ", type_text(row->key), keys_key_bits(row->key));
    else
        (void)fprintf(out, "%-8s %5s ", "-", "-");
    for (size_t i = 0; i < row->block_count; i++)
        (void)fprintf(out, "%ssign \"%s\"", i == 0 ? "" : ", ", row->blocks[i]);
    (void)fprintf(out, "%s\n", row->block_count == 0 ? "-" : "");
}

static void append_row(const struct row *row, struct base_json *keys)
{
    struct base_json *object = base_json_object();
    struct base_json *blocks = base_json_array();

    for (size_t i = 0; i < row->block_count; i++)
        base_json_append_text(blocks, base_text_of(row->blocks[i]));
    base_json_set_cstr(object, "domain", row->entry->domain.text);
    base_json_set_cstr(object, "selector", row->entry->selector);
    base_json_set_cstr(object, "type", row->key == NULL ? NULL : type_text(row->key));
    if (row->key != NULL)
        base_json_set_int(object, "bits", keys_key_bits(row->key));
    else
        base_json_set_null(object, "bits");
    base_json_set(object, "sign", blocks);
    base_json_set_cstr(object, "fault", row->fault);
    base_json_append(keys, object);
}

static bool block_uses(const struct conf_section *section, const struct keys_entry *entry)
{
    const struct conf_list *keys;
    struct dns_name domain;

    if (!dkim_sign_section_read(section, &domain, &keys) ||
        !dns_name_equals(&domain, &entry->domain))
        return false;
    for (size_t i = 0; i < keys->count; i++) {
        if (strcmp(keys->items[i].text, entry->selector) == 0)
            return true;
    }
    return false;
}

/* `titles` has room for every block of the configuration. */
static size_t find_blocks(const struct conf_snapshot *conf, const struct keys_entry *entry,
                          const char **titles)
{
    size_t blocks = conf_snapshot_count(conf, &dkim_sign_table);
    size_t count = 0;

    for (size_t i = 0; i < blocks; i++) {
        const struct conf_section *section = conf_snapshot_at(conf, &dkim_sign_table, i);

        if (block_uses(section, entry))
            titles[count++] = section->title;
    }
    return count;
}

static enum tool_status list_one(const struct tool_key_dir *dir, const struct keys_entry *entry,
                                 struct base_json *json, const struct tool_io *io)
{
    size_t blocks = conf_snapshot_count(dir->conf, &dkim_sign_table);
    const char **titles = base_mem_alloc_zero(blocks + 1, sizeof(*titles));
    struct base_error error = {""};
    struct keys_key *key =
        keys_store_load(dir->path, &entry->domain, entry->selector, NULL, &error);
    struct row row = {.entry = entry, .key = key, .blocks = titles};
    enum tool_status status = TOOL_ANSWERED;

    row.fault = key == NULL ? error.text : NULL;
    row.block_count = find_blocks(dir->conf, entry, titles);
    if (json != NULL)
        append_row(&row, json);
    else
        print_row(&row, io->out);
    if (key == NULL)
        status = tool_fail(io, TOOL_INPUT, "%s", error.text);
    keys_key_unref(&key);
    base_mem_free(titles);
    return status;
}

static enum tool_status list_all(const struct tool_key_dir *dir, bool want_json,
                                 const struct tool_io *io)
{
    struct base_json *root = base_json_object();
    struct base_json *keys = base_json_array();
    enum tool_status status = TOOL_ANSWERED;
    struct base_error error = {""};
    struct keys_entry *entries = NULL;
    size_t count = 0;
    bool is_listed = keys_store_list(dir->path, &entries, &count, &error);

    base_json_set(root, "keys", keys);
    if (!is_listed)
        status = tool_fail(io, TOOL_INPUT, "%s", error.text);
    for (size_t i = 0; i < count; i++) {
        enum tool_status one = list_one(dir, &entries[i], want_json ? keys : NULL, io);

        status = one == TOOL_ANSWERED ? status : one;
    }
    if (want_json && is_listed)
        base_json_print(root, io->out);
    base_mem_free(entries);
    base_json_destroy(&root);
    return status;
}

static enum tool_status run(const struct tool_args *args, const struct tool_io *io)
{
    struct tool_key_dir dir = {NULL, NULL};
    enum tool_status status = tool_key_dir_open(args, io, &dir);

    if (status == TOOL_ANSWERED)
        status = list_all(&dir, tool_args_has(args, "json"), io);
    tool_key_dir_close(&dir);
    return status;
}

const struct tool_command tool_key_list = {
    .name = "key list",
    .operands = "",
    .summary = "show the keys that are there and what signs with them",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
    .run = run,
};
