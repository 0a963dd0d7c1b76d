/* Rows of the top-level options of policy/; each has its paragraph in postseal.conf(5). */
#include "policy/options.h"

#include <string.h>
#include <strings.h>

#include "policy/rate/events.h"

#define KIB INT64_C(1024)
#define MIB (1024 * KIB)

/* In the order of enum dmarc_method. */
static const char *const method_words[] = {"treewalk", "psl", "compare", NULL};
static const char *const mode_words[] = {"enforce", "observe", NULL};

#define ROW(option, ...) CONF_ROW(policy_options, option, __VA_ARGS__)

static const struct conf_option rows[] = {
    ROW("authserv-id", CONF_STRING, authserv_id, .fallback = NULL),
    ROW("authserv-ids", CONF_LIST, authserv_ids, .fallback = NULL),
    ROW("mode", CONF_WORD, mode, .fallback = "enforce", .words = mode_words),
    ROW("dmarc-method", CONF_WORD, dmarc_method, .fallback = "treewalk", .words = method_words),
    ROW("local-domains", CONF_LIST, local_domains, .fallback = NULL),
    ROW("trusted-networks", CONF_LIST, trusted_networks, .fallback = NULL),
    ROW("signing-networks", CONF_LIST, signing_networks, .fallback = NULL),
    ROW("originating-daemons", CONF_LIST, originating_daemons, .fallback = "ORIGINATING"),
    ROW("inbound-daemons", CONF_LIST, inbound_daemons, .fallback = NULL),
    ROW("keep-authres-from", CONF_LIST, keep_authres_from, .fallback = NULL),
    ROW("trusted-forwarders", CONF_LIST, trusted_forwarders, .fallback = NULL),
    ROW("trusted-authserv-ids", CONF_LIST, trusted_authserv_ids, .fallback = NULL),
    ROW("key-dir", CONF_STRING, key_dir, .fallback = "/etc/postseal/keys"),
    ROW("require-tests", CONF_LIST, require_tests),
    ROW("header-fields", CONF_INT, header_fields, .fallback = "1000", .min = 10, .max = 100000),
    ROW("header-octets", CONF_SIZE, header_octets, .fallback = "256KiB", .min = 4 * KIB,
        .max = 64 * MIB),
    ROW("message-memory", CONF_SIZE, message_memory, .fallback = "2MiB", .min = 64 * KIB,
        .max = 1024 * MIB),
    ROW("recipients-kept", CONF_INT, recipients_kept, .fallback = "10000", .min = 1,
        .max = 1000000),
    ROW("authres-fields", CONF_INT, authres_fields, .fallback = "200", .min = 1, .max = 100000),
    ROW("spf-void-limit", CONF_INT, spf_void_limit, .fallback = "2", .min = 0, .max = 10),
    ROW("dkim-signatures", CONF_INT, dkim_signatures, .fallback = "10", .min = 0, .max = 100),
    ROW("dkim-names", CONF_INT, dkim_names, .fallback = "200", .min = 10, .max = 1000),
    ROW("authres-auth", CONF_BOOL, authres_auth, .fallback = "no"),
    ROW("rate-memory", CONF_SIZE, rate_memory, .fallback = "64MiB", .min = MIB, .max = 65536 * MIB),
    ROW("notify-smtp", CONF_STRING, notify_smtp, .fallback = "127.0.0.1:25"),
    ROW("rate-state", CONF_STRING, rate_state, .fallback = "rates.db"),
    ROW("recipient-delimiter", CONF_STRING, recipient_delimiter, .fallback = "+"),
    ROW("iprev", CONF_BOOL, iprev, .fallback = "no"),
    ROW("spf-explanation", CONF_BOOL, spf_explanation, .fallback = "yes"),
    ROW("received-spf", CONF_BOOL, received_spf, .fallback = "no"),
    ROW("reserved-mailboxes", CONF_BOOL, reserved_mailboxes, .fallback = "yes"),
};

/* Sendmail's Name= and Postfix's milter_macro_daemon_name are compared as written; that one differs
 * from the other in case only is a slip. */
static const struct conf_item *find_daemon(const struct conf_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->items[i].text, name) == 0)
            return &list->items[i];
    return NULL;
}

/* A letter, a digit or a dot would cut ordinary addresses in two. */
static bool check_delimiter(struct conf_section *section, const char *delimiter,
                            struct base_error *error_r)
{
    for (const char *c = delimiter; c != NULL && *c != '\0'; c++) {
        if (strchr("!#$%&'*+-/=?^_`{|}~", *c) != NULL)
            continue;
        conf_error_at(error_r, conf_section_where(section, "recipient-delimiter"),
                      "recipient-delimiter: '%c' does not separate: write characters such as \"+\" "
                      "or \"+-\", as in Postfix's recipient_delimiter",
                      *c);
        return false;
    }
    return true;
}

static bool check(struct conf_section *section, struct base_error *error_r)
{
    const struct policy_options *options = section->values;
    char host[256];
    char port[16];

    for (size_t i = 0; i < options->inbound_daemons.count; i++) {
        const struct conf_item *item = &options->inbound_daemons.items[i];
        if (find_daemon(&options->originating_daemons, item->text) != NULL) {
            conf_error_at(error_r, item->where,
                          "inbound-daemons: \"%s\" stands in originating-daemons too: a daemon's "
                          "mail is ours or a stranger's, keep it in one of the two",
                          item->text);
            return false;
        }
    }
    if (!check_delimiter(section, options->recipient_delimiter, error_r))
        return false;
    if (!rate_event_split_smtp(options->notify_smtp, host, port)) {
        conf_error_at(error_r, conf_section_where(section, "notify-smtp"),
                      "notify-smtp: \"%s\" is no server: write \"127.0.0.1:25\"",
                      options->notify_smtp);
        return false;
    }
    if (options->rate_state[0] == '\0' || options->rate_state[0] == '.' ||
        strchr(options->rate_state, '/') != NULL) {
        conf_error_at(error_r, conf_section_where(section, "rate-state"),
                      "rate-state: \"%s\" is not the name of a file in state-dir: write for "
                      "example \"rates.db\", or \"none\"",
                      options->rate_state);
        return false;
    }
    if (options->message_memory < 2 * options->header_octets) {
        conf_error_at(error_r, conf_section_where(section, "message-memory"),
                      "message-memory: %lld octets are too few for header-octets = %lld: write at "
                      "least twice as much",
                      (long long)options->message_memory, (long long)options->header_octets);
        return false;
    }
    return true;
}

const struct conf_table policy_options_table = {
    .struct_size = sizeof(struct policy_options),
    .options = rows,
    .option_count = sizeof(rows) / sizeof(rows[0]),
    .check = check,
};

const struct policy_options *policy_options_get(const struct conf_snapshot *snapshot)
{
    return conf_snapshot_top(snapshot, &policy_options_table)->values;
}
