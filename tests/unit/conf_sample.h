/* Tables for the tests of conf/: the options and sections of a configuration as the modules will
 * hand them in, so that a whole one can be read before those are there. */
#ifndef TESTS_UNIT_CONF_SAMPLE_H
#define TESTS_UNIT_CONF_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "conf/conf.h"
#include "conf/daemon.h"

struct sample_top {
    const char *authserv_id;
    struct conf_list local_domains;
    struct conf_list trusted_networks;
    struct conf_list originating_daemons;
    int64_t count;
    bool is_checked;
};

struct sample_sign {
    struct conf_list keys;
    const char *domain;
};

struct sample_rule {
    int stage;
    int direction;
    uint64_t spf;
    bool spf_only_all;
    uint64_t dmarc;
    uint64_t dmarc_disposition;
    int64_t tempfail_for;
    bool authenticated;
    const char *tls_below;
    bool sender_owned;
    bool author_owned;
    int mode;
    int action;
};

struct sample_rate {
    struct conf_list key;
    int count;
    const char *limit;
    const char *burst;
    int direction;
    int action;
};

struct sample_store {
    const char *path;
};

static const char *const sample_stages[] = {"connect", "helo", "mail", "rcpt", "eoh", "eom", NULL};
static const char *const sample_directions[] = {"any", "inbound", "outbound", NULL};
static const char *const sample_spf[] = {"none",     "neutral",   "pass",      "fail",
                                         "softfail", "temperror", "permerror", NULL};
static const char *const sample_dmarc[] = {"none", "pass", "fail", "temperror", "permerror", NULL};
static const char *const sample_dispositions[] = {"none", "quarantine", "reject", NULL};
static const char *const sample_modes[] = {"enforce", "observe", "off", NULL};
static const char *const sample_actions[] = {"continue", "accept", "reject",
                                             "tempfail", "mark",   NULL};
static const char *const sample_counts[] = {"messages", "recipients", NULL};

/* As a module's check does: marks that it ran, changes a value, refuses one. */
static inline bool sample_check_top(struct conf_section *section, struct base_error *error_r)
{
    struct sample_top *top = section->values;
    top->is_checked = true;
    if (top->count == 13) {
        conf_error_at(error_r, conf_section_where(section, "count"), "count: 13 brings bad luck");
        return false;
    }
    if (top->authserv_id != NULL) {
        char *copy = conf_section_alloc(section, strlen(top->authserv_id) + 1);
        for (size_t i = 0; top->authserv_id[i] != '\0'; i++)
            copy[i] = base_ascii_lower(top->authserv_id[i]);
        top->authserv_id = copy;
    }
    return true;
}

#define TOP(field)   offsetof(struct sample_top, field)
#define SIGN(field)  offsetof(struct sample_sign, field)
#define RULE(field)  offsetof(struct sample_rule, field)
#define RATE(field)  offsetof(struct sample_rate, field)
#define STORE(field) offsetof(struct sample_store, field)

static const struct conf_option sample_top_options[] = {
    {"authserv-id", CONF_STRING, TOP(authserv_id), NULL, 0, 0, NULL},
    {"local-domains", CONF_LIST, TOP(local_domains), NULL, 0, 0, NULL},
    {"trusted-networks", CONF_LIST, TOP(trusted_networks), "127.0.0.0/8 ::1", 0, 0, NULL},
    {"originating-daemons", CONF_LIST, TOP(originating_daemons), "ORIGINATING", 0, 0, NULL},
    {"count", CONF_INT, TOP(count), "5", -10, 100, NULL},
};

static const struct conf_option sample_sign_options[] = {
    {"keys", CONF_LIST, SIGN(keys), NULL, 0, 0, NULL},
    {"domain", CONF_STRING, SIGN(domain), NULL, 0, 0, NULL},
};

static const struct conf_option sample_rule_options[] = {
    {"stage", CONF_WORD, RULE(stage), "mail", 0, 0, sample_stages},
    {"direction", CONF_WORD, RULE(direction), "any", 0, 0, sample_directions},
    {"spf", CONF_WORDS, RULE(spf), NULL, 0, 0, sample_spf},
    {"spf-only-all", CONF_BOOL, RULE(spf_only_all), NULL, 0, 0, NULL},
    {"dmarc", CONF_WORDS, RULE(dmarc), "fail permerror", 0, 0, sample_dmarc},
    {"dmarc-disposition", CONF_WORDS, RULE(dmarc_disposition), NULL, 0, 0, sample_dispositions},
    {"tempfail-for", CONF_DURATION, RULE(tempfail_for), NULL, 60000, 86400000, NULL},
    {"authenticated", CONF_BOOL, RULE(authenticated), NULL, 0, 0, NULL},
    {"tls-below", CONF_STRING, RULE(tls_below), NULL, 0, 0, NULL},
    {"sender-owned", CONF_BOOL, RULE(sender_owned), "yes", 0, 0, NULL},
    {"author-owned", CONF_BOOL, RULE(author_owned), "yes", 0, 0, NULL},
    {"mode", CONF_WORD, RULE(mode), "enforce", 0, 0, sample_modes},
    {"action", CONF_WORD, RULE(action), "continue", 0, 0, sample_actions},
};

static const struct conf_option sample_rate_options[] = {
    {"key", CONF_LIST, RATE(key), NULL, 0, 0, NULL},
    {"count", CONF_WORD, RATE(count), NULL, 0, 0, sample_counts},
    {"limit", CONF_STRING, RATE(limit), NULL, 0, 0, NULL},
    {"burst", CONF_STRING, RATE(burst), NULL, 0, 0, NULL},
};

static const struct conf_option sample_store_options[] = {
    {"path", CONF_STRING, STORE(path), "/var/lib/x", 0, 0, NULL},
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct conf_table sample_top_table = {
    .name = NULL,
    .has_title = false,
    .struct_size = sizeof(struct sample_top),
    .options = sample_top_options,
    .option_count = COUNT_OF(sample_top_options),
    .check = sample_check_top,
};
static const struct conf_table sample_sign_table = {
    .name = "sign",
    .has_title = true,
    .struct_size = sizeof(struct sample_sign),
    .options = sample_sign_options,
    .option_count = COUNT_OF(sample_sign_options),
};
static const struct conf_table sample_rule_table = {
    .name = "rule",
    .has_title = true,
    .struct_size = sizeof(struct sample_rule),
    .options = sample_rule_options,
    .option_count = COUNT_OF(sample_rule_options),
};

/* A table of two pieces. */
static const struct sample_row {
    struct conf_option option;
    const char *what_else_is_known_of_it;
} sample_rate_rows[] = {
    {{"direction", CONF_WORD, RATE(direction), "any", 0, 0, sample_directions}, "whose"},
    {{"action", CONF_WORD, RATE(action), "continue", 0, 0, sample_actions}, "what"},
};
static const struct conf_option_group sample_rate_group = {
    &sample_rate_rows[0].option,
    sizeof(struct sample_row),
    COUNT_OF(sample_rate_rows),
};
static const struct conf_option_group *const sample_rate_groups[] = {&sample_rate_group, NULL};

static const struct conf_table sample_rate_table = {
    .name = "rate",
    .has_title = true,
    .struct_size = sizeof(struct sample_rate),
    .options = sample_rate_options,
    .option_count = COUNT_OF(sample_rate_options),
    .groups = sample_rate_groups,
};
static const struct conf_table sample_store_table = {
    .name = "store",
    .has_title = false,
    .struct_size = sizeof(struct sample_store),
    .options = sample_store_options,
    .option_count = COUNT_OF(sample_store_options),
};

static const struct conf_table *const sample_tables[] = {
    &conf_daemon_table, &sample_top_table,  &sample_sign_table,
    &sample_rule_table, &sample_rate_table, &sample_store_table,
};

#define SAMPLE_TABLE_COUNT COUNT_OF(sample_tables)

#endif
