/* The file in which an administrator writes what the configuration must do: `given "name" { ... }`
 * is a session and a message, `expect "name" { ... }` what must come of it. postseal-tests(5). */
#ifndef POLICY_SELFTEST_FILE_H
#define POLICY_SELFTEST_FILE_H

#include <stdint.h>

#include "conf/conf.h"

/* Top level: for all cases of the file. */
struct selftest_options {
    /* A master file, and lines of one behind it. */
    const char *zone_file;
    struct conf_list zone;
    /* RFC 3339; NULL: now. */
    const char *time;
};

/* What is NULL was not said. */
struct selftest_given {
    const char *ip;
    const char *client_name;
    const char *helo;
    const char *daemon;
    const char *port;
    const char *tls;
    const char *cipher;
    const char *cipher_bits;
    const char *cert_subject;
    const char *cert_issuer;
    const char *login;
    const char *auth_mech;
    const char *from;
    const char *size;
    struct conf_list rcpt;
    /* A saved message; or its lines. */
    const char *message;
    struct conf_list header;
    struct conf_list body;
    /* In addition to, or instead of, those at the top level. */
    const char *zone_file;
    struct conf_list zone;
    const char *time;
    /* How often the message is sent, and milliseconds from each to the next. */
    int64_t times;
    int64_t every;
    /* Other `given` blocks, whose messages are sent before. */
    struct conf_list after;
};

/* What was not given is not compared. */
struct selftest_expect {
    /* Indices into the words of the option's row. */
    int stage;
    int action;
    int would;
    int direction;
    int author;
    int spf;
    int helo_spf;
    int dkim;
    int dmarc;
    int dmarc_disposition;
    const char *code;
    const char *enhanced_code;
    const char *text;
    const char *rule;
    struct conf_list matched;
    struct conf_list not_matched;
    struct conf_list refused;
    struct conf_list signed_by;
    struct conf_list authres;
    struct conf_list authres_without;
    struct conf_list added;
    struct conf_list not_added;
    struct conf_list rates;
    struct conf_list rates_without;
    int64_t accepted;
};

extern const struct conf_table selftest_options_table;
extern const struct conf_table selftest_given_table;
extern const struct conf_table selftest_expect_table;

/* The three of them. */
const struct conf_table *const *selftest_tables(size_t *count_r);

/* Reads a file. Each `given` has its `expect` and the other way round. NULL and *error_r on a
 * fault. */
__attribute__((warn_unused_result)) struct conf_snapshot *selftest_file_read(
    const char *path, struct base_error *error_r);
/* The block of that title; NULL: there is none, which no `after` of a file that was read names. */
const struct conf_section *selftest_file_given(const struct conf_snapshot *file, const char *title);
/* The `expect` of that title; never NULL in a file that was read. */
const struct conf_section *selftest_file_expect(const struct conf_snapshot *file,
                                                const char *title);

#endif
