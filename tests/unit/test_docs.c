/* The manual pages against the program's own tables: whatever is missing from a page, or is on a
 * page and not in the program, fails here. An option, its default and its words; a subcommand and
 * its flags; the daemon's flags; the keys of the log line; the members of --json. And the sample
 * configuration: it parses as it stands, and with everything in it switched on. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "filter/options.h"
#include "policy/authres_trusted.h"
#include "policy/decision.h"
#include "policy/decision_bulk.h"
#include "policy/decision_rates.h"
#include "policy/dkim/result.h"
#include "policy/dmarc/dmarc.h"
#include "policy/dnslist.h"
#include "policy/edits.h"
#include "policy/evaluation_identity.h"
#include "policy/exceptions.h"
#include "policy/iprev.h"
#include "policy/mailing_list.h"
#include "policy/rules.h"
#include "policy/selftest_file.h"
#include "policy/snapshot.h"
#include "policy/spf/spf.h"
#include "policy/template.h"
#include "policy/tls.h"
#include "tool/command.h"

#define FILE_MAX ((size_t)1 << 20)

struct page {
    const char *name;
    char *data;
    struct base_text text;
};

static void read_page(struct page *page, const char *name)
{
    const char *srcdir = getenv("srcdir");
    struct base_error error = {""};
    char path[4096];

    page->name = name;
    snprintf(path, sizeof(path), "%s/%s", srcdir == NULL ? "." : srcdir, name);
    if (!base_file_read(path, FILE_MAX, &page->data, &page->text.length, &error))
        fail_msg("%s", error.text);
    page->text.data = page->data;
}

static void free_page(struct page *page)
{
    base_mem_free(page->data);
}

/* What stands below the heading `line` (".Sh OPTIONS"), up to the next line that begins with one of
 * the macros in `ends`. */
static struct base_text find_block(const struct page *page, const char *line, const char *ends)
{
    struct base_text rest = page->text;
    struct base_text block = {NULL, 0};

    while (rest.data != NULL) {
        struct base_text row = base_text_split(&rest, '\n');

        if (block.data == NULL && base_text_equals(row, base_text_of(line))) {
            block = (struct base_text){rest.data, 0};
        } else if (block.data != NULL && row.length > 3 && row.data[0] == '.' &&
                   strstr(ends, (char[]){row.data[1], row.data[2], '\0'}) != NULL) {
            break;
        }
        if (block.data != NULL && rest.data != NULL)
            block.length = (size_t)(rest.data - block.data);
    }
    if (block.data == NULL)
        fail_msg("%s: no \"%s\"", page->name, line);
    return block;
}

/* Whether the words of `wanted` stand one behind the other in the line. */
static bool has_words(struct base_text line, const char *wanted)
{
    size_t length = strlen(wanted);

    for (size_t i = 0; i + length <= line.length; i++)
        if (memcmp(line.data + i, wanted, length) == 0 && (i == 0 || line.data[i - 1] == ' ') &&
            (i + length == line.length || line.data[i + length] == ' '))
            return true;
    return false;
}

/* The item of a list whose .It line has these words: that line and its paragraph. */
static struct base_text find_item(struct base_text block, const char *words)
{
    struct base_text item = {NULL, 0};

    while (block.data != NULL) {
        const char *start = block.data;
        struct base_text row = base_text_split(&block, '\n');
        bool is_item = base_text_starts_with(row, BASE_TEXT(".It "));

        if (item.data != NULL && (is_item || base_text_equals(row, BASE_TEXT(".El"))))
            break;
        if (is_item && has_words(row, words))
            item.data = start;
        if (item.data != NULL)
            item.length = (size_t)(row.data + row.length - item.data);
    }
    return item;
}

/* A word of the paragraph, macros and punctuation around it aside. */
static bool item_has_word(struct base_text item, struct base_text word)
{
    for (size_t i = 0; i + word.length <= item.length; i++) {
        char before = i == 0 ? ' ' : item.data[i - 1];
        char behind = i + word.length == item.length ? ' ' : item.data[i + word.length];

        if (memcmp(item.data + i, word.data, word.length) == 0 && strchr(" \n", before) != NULL &&
            strchr(" \n,.;:", behind) != NULL)
            return true;
    }
    return false;
}

/* Calls `each` with what follows `prefix` on every line that begins with it. */
static void for_lines(struct base_text block, const char *prefix,
                      void (*each)(const void *context, struct base_text rest), const void *context)
{
    while (block.data != NULL) {
        struct base_text row = base_text_split(&block, '\n');
        size_t length = strlen(prefix);

        if (base_text_starts_with(row, base_text_of(prefix)))
            each(context, (struct base_text){row.data + length, row.length - length});
    }
}

/* --- postseal.conf(5) ------------------------------------------------------------------------- */

static const char *heading_of(const struct conf_table *table, char out[64])
{
    snprintf(out, 64, ".Sh %s BLOCKS", table->name == NULL ? "" : table->name);
    for (char *p = out + 4; *p != '\0' && *p != ' '; p++)
        if (*p >= 'a' && *p <= 'z')
            *p = (char)(*p - 'a' + 'A');
    return table->name == NULL ? ".Sh OPTIONS" : out;
}

/* A page about a kind of file, and the tables of that. */
struct conf_page {
    const char *name;
    const struct conf_table *const *(*tables)(size_t *count_r);
};

static void check_option(const struct conf_page *about, const char *kind,
                         const struct conf_option *option, struct base_text block)
{
    char words[128];

    snprintf(words, sizeof(words), "Ic %s", option->name);
    struct base_text item = find_item(block, words);

    if (item.data == NULL)
        fail_msg("%s: %s: no paragraph \".It Ic %s\"", about->name, kind, option->name);
    struct base_text rest = base_text_of(option->fallback);

    while (rest.data != NULL) {
        struct base_text word = base_text_split(&rest, ' ');

        if (!item_has_word(item, word))
            fail_msg("%s: %s: the default of %s, \"%s\", is not told", about->name, kind,
                     option->name, option->fallback);
    }
    for (size_t i = 0; option->words != NULL && option->words[i] != NULL; i++)
        if (!item_has_word(item, base_text_of(option->words[i])))
            fail_msg("%s: %s: %s: the value %s is not told", about->name, kind, option->name,
                     option->words[i]);
}

struct kind_of {
    const struct conf_page *about;
    const char *kind;
};

static void must_be_option(const void *context, struct base_text rest)
{
    struct base_text name = base_text_split(&rest, ' ');
    const struct kind_of *of = context;
    size_t count;
    const struct conf_table *const *tables = of->about->tables(&count);

    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < conf_table_option_count(tables[i]); j++)
            if (strcmp(tables[i]->name == NULL ? "" : tables[i]->name, of->kind) == 0 &&
                base_text_equals(name, base_text_of(conf_table_option_at(tables[i], j)->name)))
                return;
    fail_msg("%s: \"%.*s\" is on the page, but no option of \"%s\"", of->about->name,
             (int)name.length, name.data, of->kind);
}

static void check_options(const struct conf_page *about)
{
    struct page page;
    char room[64];
    char path[128];
    size_t count;
    const struct conf_table *const *tables = about->tables(&count);

    snprintf(path, sizeof(path), "doc/%s", about->name);
    read_page(&page, path);
    for (size_t i = 0; i < count; i++) {
        const struct kind_of of = {about, tables[i]->name == NULL ? "" : tables[i]->name};
        struct base_text block = find_block(&page, heading_of(tables[i], room), "Sh");

        /* The conditions are told of once, with the rules. */
        size_t told = tables[i]->groups != NULL && strcmp(of.kind, "rule") != 0
                          ? tables[i]->option_count
                          : conf_table_option_count(tables[i]);

        for (size_t j = 0; j < told; j++)
            check_option(about, of.kind, conf_table_option_at(tables[i], j), block);
        for_lines(block, ".It Ic ", must_be_option, &of);
    }
    free_page(&page);
}

static void test_options(void **state)
{
    static const struct conf_page conf_page = {"postseal.conf.5", policy_tables};
    static const struct conf_page tests_page = {"postseal-tests.5", selftest_tables};

    (void)state;
    check_options(&conf_page);
    check_options(&tests_page);
}

static void test_facts_in_texts(void **state)
{
    struct page page;

    (void)state;
    read_page(&page, "doc/postseal.conf.5");
    struct base_text block = find_block(&page, ".Sh FACTS IN TEXTS", "Sh");

    for (unsigned i = 0; i < POLICY_EXPAND_COUNT; i++) {
        enum policy_expansion expansion = (enum policy_expansion)i;
        struct base_text item = find_item(block, policy_expansion_text(expansion));
        enum policy_stage stage = policy_expansion_known_from(expansion);

        if (item.data == NULL)
            fail_msg("postseal.conf.5: %%{%s} is not told", policy_expansion_text(expansion));
        if (!item_has_word(
                item,
                base_text_of(stage == POLICY_STAGE_CONNECT ? "always" : policy_stage_text(stage))))
            fail_msg("postseal.conf.5: from when on %%{%s} is known is told wrong",
                     policy_expansion_text(expansion));
    }
    free_page(&page);
}

/* --- postseal(1) ------------------------------------------------------------------------------ */

static void check_flag(const struct tool_command *command, const struct tool_flag *flag,
                       struct base_text block)
{
    char words[128];

    snprintf(words, sizeof(words), "Fl -%s%s%s", flag->name, flag->argument == NULL ? "" : " Ar ",
             flag->argument == NULL ? "" : flag->argument);
    struct base_text item = find_item(block, words);

    if (item.data == NULL)
        fail_msg("postseal.1: %s: no \".It %s\"", command->name, words);
    snprintf(words, sizeof(words), "Fl %c", flag->letter);
    if (flag->letter != 0 && find_item(block, words).data != item.data)
        fail_msg("postseal.1: %s: --%s: -%c is not told", command->name, flag->name, flag->letter);
    if (item_has_word(item, BASE_TEXT("Required")) != flag->is_required)
        fail_msg("postseal.1: %s: --%s: whether it is required is told wrong", command->name,
                 flag->name);
    if (item_has_word(item, BASE_TEXT("again")) != flag->is_repeatable)
        fail_msg("postseal.1: %s: --%s: whether it may be given again is told wrong", command->name,
                 flag->name);
}

static void must_be_flag(const void *context, struct base_text rest)
{
    const struct tool_command *command = context;
    struct base_text name = base_text_split(&rest, ' ');

    for (size_t i = 0; i < command->flag_count; i++)
        if (base_text_equals(name, base_text_of(command->flags[i].name)))
            return;
    fail_msg("postseal.1: %s: --%.*s is on the page, but no flag", command->name, (int)name.length,
             name.data);
}

static void must_be_command(const void *context, struct base_text name)
{
    (void)context;
    for (size_t i = 0; tool_commands[i] != NULL; i++)
        if (base_text_equals(name, base_text_of(tool_commands[i]->name)))
            return;
    fail_msg("postseal.1: \"%.*s\" is on the page, but no command", (int)name.length, name.data);
}

static void test_commands(void **state)
{
    struct page page;

    (void)state;
    read_page(&page, "doc/postseal.1");
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        const struct tool_command *command = tool_commands[i];
        char heading[128];

        snprintf(heading, sizeof(heading), ".Ss %s", command->name);
        struct base_text block = find_block(&page, heading, "Sh Ss");

        for (size_t j = 0; j < command->flag_count; j++)
            check_flag(command, &command->flags[j], block);
        for_lines(block, ".It Fl -", must_be_flag, command);
    }
    for_lines(find_block(&page, ".Sh COMMANDS", "Sh"), ".Ss ", must_be_command, NULL);
    free_page(&page);
}

/* --- postseald(8) ----------------------------------------------------------------------------- */

static void must_be_daemon_flag(const void *context, struct base_text rest)
{
    struct base_text name = base_text_split(&rest, ' ');
    size_t count;
    const struct filter_option *options = filter_options_table(&count);

    (void)context;
    if (name.length != 0 && name.data[0] == '-')
        name = (struct base_text){name.data + 1, name.length - 1};
    for (size_t i = 0; i < count; i++)
        if (base_text_equals(name, base_text_of(options[i].short_name)) ||
            base_text_equals(name, base_text_of(options[i].long_name)))
            return;
    fail_msg("postseald.8: %.*s is on the page, but no flag", (int)name.length, name.data);
}

static void test_daemon(void **state)
{
    struct page page;
    size_t count;
    const struct filter_option *options = filter_options_table(&count);

    (void)state;
    read_page(&page, "doc/postseald.8");
    struct base_text block = find_block(&page, ".Sh DESCRIPTION", "Sh");

    for (size_t i = 0; i < count; i++) {
        char words[128];

        if (options[i].short_name != NULL) {
            snprintf(words, sizeof(words), "Fl %s", options[i].short_name);
            if (find_item(block, words).data == NULL)
                fail_msg("postseald.8: no \".It %s\"", words);
        }
        if (options[i].long_name != NULL) {
            snprintf(words, sizeof(words), "Fl -%s", options[i].long_name);
            if (find_item(block, words).data == NULL)
                fail_msg("postseald.8: no \".It %s\"", words);
        }
    }
    for_lines(block, ".It Fl ", must_be_daemon_flag, NULL);
    free_page(&page);
}

/* A decision in which there is something to say of everything. */
static const struct policy_verdict some_verdict = {
    .stage = POLICY_STAGE_EOM,
    .action = POLICY_ACTION_REJECT,
    .code = "550",
    .enhanced = "5.7.1",
    .text = "text",
    .rule = "rule",
};

static struct policy_signature some_signature = {
    .domain = BASE_TEXT("d"), .selector = BASE_TEXT("s"), .algorithm = "a"};

static const struct policy_recipient some_recipient = {.address = BASE_TEXT("to")};

static const struct spf_outcome some_spf = {.domain = BASE_TEXT("domain")};
static const struct dkim_verdict some_verdicts[] = {
    {.result = DKIM_RESULT_PASS, .domain = BASE_TEXT("domain")}};
static const struct dkim_verdicts some_dkim = {some_verdicts, 1, 0};
static const struct dmarc_outcome some_by_list = {.has_record = true};
static const struct dmarc_outcome some_dmarc = {.has_record = true, .by_list = &some_by_list};
static struct policy_override some_override = {.type = "other", .comment = "comment"};
static struct authres_result some_result = {.method = BASE_TEXT("spf"),
                                            .result = BASE_TEXT("pass")};
static const struct policy_authres_trusted some_trusted = {
    .field = {.authserv_id = BASE_TEXT("mx"), .results = &some_result}};
static struct dns_name some_name = {.length = 4, .label_count = 1, .text = "name"};
static const struct policy_iprev some_iprev = {.names = &some_name, .count = 1};
static const struct policy_mailing_list some_list = {.precedence = "list"};
static const struct policy_exception some_exception = {"exception", "mailing_list"};
static const struct policy_identity_evaluation some_identity = {
    .has = {true, true, true, true, true},
    .parts = {{.owned = POLICY_OWNED_NO}},
};
static struct policy_rule_hit over_hit = {.name = "rule", .is_over = true};
static struct policy_rule_hit some_hit = {
    .name = "rule", .mode = POLICY_RULE_OBSERVE, .next = &over_hit};

static struct policy_bulk_count some_count = {.provider = "provider"};
static struct policy_bulk some_bulk = {.counts = &some_count};
static struct policy_rate_hit some_rate = {.name = "rate",
                                           .key = BASE_TEXT("key"),
                                           .count = "messages",
                                           .action = "tempfail",
                                           .answer = RATE_OVER,
                                           .limit = {1, INT64_C(3600000000000), 20}};

static const struct policy_tls some_tls = {
    .version = "TLSv1.3",
    .cipher = "cipher",
    .certificate = POLICY_CERTIFICATE_VERIFIED,
    .subject = "subject",
    .issuer = "issuer",
};

static const struct policy_dnslist_outcome some_dnslists[] = {
    {.zone = "bl.example", .result = POLICY_DNSLIST_HIT, .code = "127.0.0.2"},
    {.zone = "wl.example",
     .is_allowing = true,
     .result = POLICY_DNSLIST_HIT,
     .code = "127.0.0.2",
     .text = BASE_TEXT("text")},
};

static struct policy_decision full_decision(enum policy_author_outcome author)
{
    return (struct policy_decision){
        .id = "0123456789abcdef",
        .queue_id = BASE_TEXT("queue"),
        .direction_by = "default",
        .client_address = BASE_TEXT("192.0.2.1"),
        .client_name = BASE_TEXT("client"),
        .helo = BASE_TEXT("helo"),
        .mta_name = BASE_TEXT("mta"),
        .mta_version = BASE_TEXT("version"),
        .daemon_name = BASE_TEXT("daemon"),
        .daemon_port = 25,
        .tls = &some_tls,
        .login = BASE_TEXT("login"),
        .auth_mechanism = BASE_TEXT("PLAIN"),
        .auth_author = BASE_TEXT("author"),
        .has_auth_bits = true,
        .has_declared_size = true,
        .mail_from = BASE_TEXT("from"),
        .recipients = 1,
        .first_recipient = BASE_TEXT("to"),
        .kept_recipients = &some_recipient,
        .author = author,
        .author_domain = BASE_TEXT("domain"),
        .author_reason = "reason",
        .message_id = BASE_TEXT("id"),
        .verdict = some_verdict,
        .would = &some_verdict,
        .unsigned_reason = "reason",
        .signatures = &some_signature,
        .spf = &some_spf,
        .helo_spf = &some_spf,
        .dkim = &some_dkim,
        .dkim_word = "pass",
        .dmarc = &some_dmarc,
        .overrides = &some_override,
        .trusted_results = &some_trusted,
        .iprev = &some_iprev,
        .dnslists = some_dnslists,
        .dnslist_count = 2,
        .mailing_list = &some_list,
        .identity = &some_identity,
        .exception = &some_exception,
        .hits = &some_hit,
        .rates = &some_rate,
        .bulk = &some_bulk,
        .authres = BASE_TEXT("results"),
        .recipients_refused = 1,
        .authres_removed = 1,
        .left_out = "cap",
        .is_aborted = true,
    };
}

struct log_keys {
    struct base_text block;
    /* Where in the block the last key's item stood: items are in the order of the line. */
    const char *last;
    char seen[4096];
};

static bool must_be_documented(void *context, struct base_text key, struct base_text value)
{
    struct log_keys *keys = context;
    size_t used = strlen(keys->seen);
    char words[64];

    (void)value;
    snprintf(words, sizeof(words), "Cm %.*s", (int)key.length, key.data);
    struct base_text item = find_item(keys->block, words);

    if (item.data == NULL)
        fail_msg("postseald.8: LOG: no \".It %s\"", words);
    if (item.data < keys->last)
        fail_msg("postseald.8: LOG: %s is not in its place", words);
    keys->last = item.data;
    snprintf(keys->seen + used, sizeof(keys->seen) - used, "<%s>", words);
    return true;
}

static void must_be_seen(const void *context, struct base_text rest)
{
    char words[64];

    if (base_text_starts_with(rest, BASE_TEXT("Bq ")))
        rest = (struct base_text){rest.data + 3, rest.length - 3};
    snprintf(words, sizeof(words), "<%.*s>", (int)rest.length, rest.data);
    if (strstr(context, words) == NULL)
        fail_msg("postseald.8: LOG: %s is on the page, but not in a line", words);
}

static void test_log(void **state)
{
    static const enum policy_author_outcome outcomes[] = {POLICY_AUTHOR_ONE, POLICY_AUTHOR_NONE};
    struct log_keys keys = {.seen = ""};
    struct page page;

    (void)state;
    read_page(&page, "doc/postseald.8");
    keys.block = find_block(&page, ".Sh LOG", "Sh");
    for (size_t i = 0; i < 2; i++) {
        const struct policy_decision decision = full_decision(outcomes[i]);
        struct base_log_line line;

        keys.last = keys.block.data;
        base_log_line_begin(&line);
        policy_decision_log(&decision, &line);
        assert_true(base_log_line_parse(base_buf_text(&line.text), must_be_documented, &keys));
    }
    for_lines(keys.block, ".It ", must_be_seen, keys.seen);
    free_page(&page);
}

/* Every member, those of members and of elements, too. */
static void check_members(const struct base_json *json, struct base_text block)
{
    struct base_json *value;
    const char *name;

    for (size_t i = 0; (name = base_json_member(json, i, &value)) != NULL; i++) {
        if (!item_has_word(block, base_text_of(name)))
            fail_msg("postseal.1: JSON: the member %s is not told", name);
        check_members(value, block);
    }
    for (size_t i = 0; (value = base_json_at(json, i)) != NULL; i++)
        check_members(value, block);
}

static void must_be_member(const void *context, struct base_text name)
{
    char key[64];

    snprintf(key, sizeof(key), "%.*s", (int)name.length, name.data);
    if (base_json_get(context, key) == NULL)
        fail_msg("postseal.1: JSON: %s is on the page, but no member", key);
}

static void test_json(void **state)
{
    const struct policy_decision decision = full_decision(POLICY_AUTHOR_NONE);
    struct policy_edit edit = {.name = BASE_TEXT("X")};
    const struct policy_edits edits = {.first = &edit};
    struct base_json *json = policy_decision_json(&decision, &edits, NULL);
    struct page page;

    (void)state;
    read_page(&page, "doc/postseal.1");
    struct base_text block = find_block(&page, ".Sh JSON", "Sh");

    check_members(json, block);
    for_lines(block, ".It Cm ", must_be_member, json);
    base_json_destroy(&json);
    free_page(&page);
}

/* --- the sample configuration ----------------------------------------------------------------- */

static void must_parse(const char *text, const char *name)
{
    struct base_error error = {""};
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);
    struct conf_snapshot *conf = conf_read_text(text, name, tables, count, &error);

    if (conf == NULL)
        fail_msg("%s", error.text);
    conf_snapshot_unref(&conf);
}

/* "#option = value" and "#sign ..." are examples, and what is indented by four below them: prose
 * has one blank behind the '#'. */
static void switch_on(char *text)
{
    for (char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (line[0] == '#' &&
            ((line[1] != ' ' && line[1] != '\n') || strncmp(line + 1, "    ", 4) == 0))
            line[0] = ' ';
    }
}

static void test_sample(void **state)
{
    struct page page;
    size_t count;
    const struct conf_table *const *tables = policy_tables(&count);

    (void)state;
    read_page(&page, "conf/postseal.conf.sample");
    must_parse(page.data, "postseal.conf.sample");
    switch_on(page.data);
    must_parse(page.data, "postseal.conf.sample, all switched on");
    for (size_t i = 0; i < count; i++)
        for (size_t j = 0; j < conf_table_option_count(tables[i]); j++) {
            const char *name = conf_table_option_at(tables[i], j)->name;

            if (!item_has_word(page.text, base_text_of(name)))
                fail_msg("postseal.conf.sample: no %s", name);
        }
    free_page(&page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),  cmocka_unit_test(test_facts_in_texts),
        cmocka_unit_test(test_commands), cmocka_unit_test(test_daemon),
        cmocka_unit_test(test_log),      cmocka_unit_test(test_json),
        cmocka_unit_test(test_sample),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
