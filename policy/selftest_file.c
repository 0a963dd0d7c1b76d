#include "policy/selftest_file.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "policy/replay.h"

static const char *const stage_words[] = {"connect", "helo", "mail", "rcpt",    "data", "header",
                                          "eoh",     "body", "eom",  "unknown", NULL};
static const char *const action_words[] = {"continue", "accept", "reject",     "tempfail",
                                           "discard",  "mark",   "hold-queue", NULL};
static const char *const would_words[] = {"none",    "accept", "reject",     "tempfail",
                                          "discard", "mark",   "hold-queue", NULL};
static const char *const direction_words[] = {"inbound", "outbound", "trusted", NULL};
static const char *const author_words[] = {"one", "multiple", "none", "invalid", "unknown", NULL};
static const char *const spf_words[] = {"none",     "neutral",   "pass",      "fail",
                                        "softfail", "temperror", "permerror", NULL};
static const char *const dkim_words[] = {"none",    "pass",      "fail",      "policy",
                                         "neutral", "temperror", "permerror", NULL};
static const char *const dmarc_words[] = {"none", "pass", "fail", "temperror", "permerror", NULL};
static const char *const policy_words[] = {"none", "quarantine", "reject", NULL};

/* Messages of one `given` block; milliseconds between two of them. */
#define TIMES_MAX 10000
#define EVERY_MAX (INT64_C(31) * 24 * 60 * 60 * 1000)

#define TOP(option, ...)          CONF_ROW(selftest_options, option, __VA_ARGS__)
#define GIVEN(option, ...)        CONF_ROW(selftest_given, option, __VA_ARGS__)
#define EXPECT(option, ...)       CONF_ROW(selftest_expect, option, __VA_ARGS__)
#define WORD(option, field, list) EXPECT(option, CONF_WORD, field, .words = (list))

static const struct conf_option top_rows[] = {
    TOP("zone-file", CONF_STRING, zone_file),
    TOP("zone", CONF_LIST, zone),
    TOP("time", CONF_STRING, time),
};

static const struct conf_option given_rows[] = {
    GIVEN("ip", CONF_STRING, ip),
    GIVEN("client-name", CONF_STRING, client_name),
    GIVEN("helo", CONF_STRING, helo),
    GIVEN("daemon", CONF_STRING, daemon),
    GIVEN("port", CONF_STRING, port),
    GIVEN("tls", CONF_STRING, tls),
    GIVEN("cipher", CONF_STRING, cipher),
    GIVEN("cert-subject", CONF_STRING, cert_subject),
    GIVEN("cert-issuer", CONF_STRING, cert_issuer),
    GIVEN("cipher-bits", CONF_STRING, cipher_bits),
    GIVEN("login", CONF_STRING, login),
    GIVEN("auth-mech", CONF_STRING, auth_mech),
    GIVEN("from", CONF_STRING, from),
    GIVEN("size", CONF_STRING, size),
    GIVEN("rcpt", CONF_LIST, rcpt),
    GIVEN("message", CONF_STRING, message),
    GIVEN("header", CONF_LIST, header),
    GIVEN("body", CONF_LIST, body),
    GIVEN("zone-file", CONF_STRING, zone_file),
    GIVEN("zone", CONF_LIST, zone),
    GIVEN("time", CONF_STRING, time),
    GIVEN("after", CONF_LIST, after),
    GIVEN("times", CONF_INT, times, .fallback = "1", .min = 1, .max = TIMES_MAX),
    GIVEN("every", CONF_DURATION, every, .fallback = "0s", .max = EVERY_MAX),
};

static const struct conf_option expect_rows[] = {
    WORD("stage", stage, stage_words),
    WORD("action", action, action_words),
    WORD("would", would, would_words),
    WORD("direction", direction, direction_words),
    WORD("author", author, author_words),
    WORD("spf", spf, spf_words),
    WORD("helo-spf", helo_spf, spf_words),
    WORD("dkim", dkim, dkim_words),
    WORD("dmarc", dmarc, dmarc_words),
    WORD("dmarc-disposition", dmarc_disposition, policy_words),
    EXPECT("code", CONF_STRING, code),
    EXPECT("enhanced-code", CONF_STRING, enhanced_code),
    EXPECT("text", CONF_STRING, text),
    EXPECT("rule", CONF_STRING, rule),
    EXPECT("matched", CONF_LIST, matched),
    EXPECT("not-matched", CONF_LIST, not_matched),
    EXPECT("refused", CONF_LIST, refused),
    EXPECT("signed-by", CONF_LIST, signed_by),
    EXPECT("authres", CONF_LIST, authres),
    EXPECT("authres-without", CONF_LIST, authres_without),
    EXPECT("added", CONF_LIST, added),
    EXPECT("not-added", CONF_LIST, not_added),
    EXPECT("rates", CONF_LIST, rates),
    EXPECT("rates-without", CONF_LIST, rates_without),
    EXPECT("accepted", CONF_INT, accepted, .max = TIMES_MAX),
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool check_time(struct conf_section *section, const char *time, struct base_error *error_r)
{
    int64_t wall_s;

    if (time == NULL || base_clock_parse_rfc3339(time, &wall_s))
        return true;
    conf_error_at(error_r, conf_section_where(section, "time"),
                  "time: \"%s\" is not a time of RFC 3339: write it as \"2026-11-22T12:00:00Z\"",
                  time);
    return false;
}

static bool check_options(struct conf_section *section, struct base_error *error_r)
{
    const struct selftest_options *options = section->values;

    return check_time(section, options->time, error_r);
}

static bool is_there(struct conf_section *section, const char *option, const char *example,
                     struct base_error *error_r)
{
    if (conf_section_where(section, option).line != 0)
        return true;
    conf_error_at(error_r, section->where, "given \"%s\" has no `%s`: add one, for example `%s`",
                  section->title, option, example);
    return false;
}

static bool check_given(struct conf_section *section, struct base_error *error_r)
{
    const struct selftest_given *given = section->values;
    struct base_error error = {""};
    struct sockaddr_storage address;

    if (!is_there(section, "ip", "ip = \"192.0.2.1\"", error_r) ||
        !is_there(section, "from", "from = \"user@example.org\"", error_r))
        return false;
    if (!policy_replay_address(given->ip, &address, &error)) {
        conf_error_at(error_r, conf_section_where(section, "ip"), "ip: %s", error.text);
        return false;
    }
    if (given->message != NULL && given->header.count + given->body.count > 0) {
        conf_error_at(error_r, conf_section_where(section, "message"),
                      "given \"%s\" has a `message` and a `header` or `body`: a saved message has "
                      "both in it, leave one of the two out",
                      section->title);
        return false;
    }
    return check_time(section, given->time, error_r);
}

/* A case that compares nothing cannot fail. */
static bool check_expect(struct conf_section *section, struct base_error *error_r)
{
    for (size_t i = 0; i < COUNT(expect_rows); i++)
        if (conf_section_where(section, expect_rows[i].name).line != 0)
            return true;
    conf_error_at(error_r, section->where,
                  "expect \"%s\" is empty: say what must come of it, for example `action = reject`",
                  section->title);
    return false;
}

const struct conf_table selftest_options_table = {
    .struct_size = sizeof(struct selftest_options),
    .options = top_rows,
    .option_count = COUNT(top_rows),
    .check = check_options,
};

const struct conf_table selftest_given_table = {
    .name = "given",
    .has_title = true,
    .struct_size = sizeof(struct selftest_given),
    .options = given_rows,
    .option_count = COUNT(given_rows),
    .check = check_given,
};

const struct conf_table selftest_expect_table = {
    .name = "expect",
    .has_title = true,
    .struct_size = sizeof(struct selftest_expect),
    .options = expect_rows,
    .option_count = COUNT(expect_rows),
    .check = check_expect,
};

const struct conf_table *const *selftest_tables(size_t *count_r)
{
    static const struct conf_table *const tables[] = {
        &selftest_options_table, &selftest_given_table, &selftest_expect_table};

    *count_r = COUNT(tables);
    return tables;
}

static const struct conf_section *find(const struct conf_snapshot *file,
                                       const struct conf_table *table, const char *title)
{
    for (size_t i = 0; i < conf_snapshot_count(file, table); i++) {
        const struct conf_section *section = conf_snapshot_at(file, table, i);

        if (strcmp(section->title, title) == 0)
            return section;
    }
    return NULL;
}

const struct conf_section *selftest_file_expect(const struct conf_snapshot *file, const char *title)
{
    return find(file, &selftest_expect_table, title);
}

const struct conf_section *selftest_file_given(const struct conf_snapshot *file, const char *title)
{
    return find(file, &selftest_given_table, title);
}

/* One `after` deep: what comes before is seen where it is written. */
static bool check_after(const struct conf_snapshot *file, const struct conf_section *section,
                        struct base_error *error_r)
{
    const struct selftest_given *given = section->values;

    for (size_t i = 0; i < given->after.count; i++) {
        const struct conf_item *item = &given->after.items[i];
        const struct conf_section *other = selftest_file_given(file, item->text);
        const char *fault = NULL;

        if (other == NULL)
            fault = "there is no such `given` block: name one of this file";
        else if (other == section)
            fault = "a test cannot come after itself: use `times` to send its message again";
        else if (((const struct selftest_given *)other->values)->after.count > 0)
            fault = "that one has an `after` itself: name all of them here";
        if (fault == NULL)
            continue;
        conf_error_at(error_r, item->where, "given \"%s\": after: \"%s\": %s", section->title,
                      item->text, fault);
        return false;
    }
    return true;
}

static bool check_afters(const struct conf_snapshot *file, struct base_error *error_r)
{
    for (size_t i = 0; i < conf_snapshot_count(file, &selftest_given_table); i++)
        if (!check_after(file, conf_snapshot_at(file, &selftest_given_table, i), error_r))
            return false;
    return true;
}

/* Each section of `table` has its partner in `other`. */
static bool are_paired(const struct conf_snapshot *file, const struct conf_table *table,
                       const struct conf_table *other, struct base_error *error_r)
{
    for (size_t i = 0; i < conf_snapshot_count(file, table); i++) {
        const struct conf_section *section = conf_snapshot_at(file, table, i);

        if (find(file, other, section->title) != NULL)
            continue;
        conf_error_at(error_r, section->where, "%s \"%s\" has no %s \"%s\": write one beside it",
                      table->name, section->title, other->name, section->title);
        return false;
    }
    return true;
}

struct conf_snapshot *selftest_file_read(const char *path, struct base_error *error_r)
{
    size_t count;
    const struct conf_table *const *tables = selftest_tables(&count);
    struct conf_snapshot *file = conf_read(path, tables, count, error_r);

    if (file == NULL)
        return NULL;
    if (conf_snapshot_count(file, &selftest_given_table) == 0)
        base_error_set(error_r, "%s: no test in it: write a `given` and an `expect` block", path);
    else if (are_paired(file, &selftest_given_table, &selftest_expect_table, error_r) &&
             are_paired(file, &selftest_expect_table, &selftest_given_table, error_r) &&
             check_afters(file, error_r))
        return file;
    conf_snapshot_unref(&file);
    return NULL;
}
