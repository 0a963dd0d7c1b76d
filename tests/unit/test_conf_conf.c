/* conf/conf: whole configurations, right and wrong. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/conf_sample.h"

static struct conf_snapshot *read_text(const char *text, struct base_error *error)
{
    memset(error, 0, sizeof(*error));
    return conf_read_text(text, "x.conf", sample_tables, SAMPLE_TABLE_COUNT, error);
}

/* Must be a good one. */
static struct conf_snapshot *read_good(const char *text)
{
    struct base_error error;
    struct conf_snapshot *snapshot = read_text(text, &error);
    if (snapshot == NULL)
        print_error("%s\n", error.text);
    assert_non_null(snapshot);
    return snapshot;
}

static const struct sample_top *top_of(const struct conf_snapshot *snapshot)
{
    return conf_snapshot_top(snapshot, &sample_top_table)->values;
}

static void assert_list(struct conf_list list, const char *const *want)
{
    size_t count = 0;
    while (want[count] != NULL)
        count++;
    assert_int_equal(list.count, count);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(list.items[i].text, want[i]);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

/* --- what goes right -------------------------------------------------------------------------- */

static struct conf_snapshot *read_sketch(struct base_error *error)
{
    const char *srcdir = getenv("srcdir");
    char path[1024];
    snprintf(path, sizeof(path), "%s/tests/data/conf/sketch.conf", srcdir != NULL ? srcdir : ".");
    return conf_read(path, sample_tables, SAMPLE_TABLE_COUNT, error);
}

static void check_sketch_top(const struct conf_snapshot *snapshot)
{
    const struct sample_top *top = top_of(snapshot);
    assert_string_equal(top->authserv_id, "mx.example.org");
    assert_list(top->local_domains,
                WORDS("example.org", "example.net", "example.com", "a#b.example"));
    assert_int_equal(top->trusted_networks.count, 0);
    assert_list(top->originating_daemons, WORDS("ORIGINATING"));
    assert_int_equal(top->local_domains.items[0].where.line, 6);
    assert_int_equal(top->local_domains.items[2].where.line, 4);
    assert_non_null(strstr(top->local_domains.items[2].where.file, "data/conf/domains"));
    const struct conf_section *section = conf_snapshot_top(snapshot, &sample_top_table);
    assert_int_equal(conf_section_where(section, "trusted-networks").line, 7);
    assert_int_equal(conf_section_where(section, "count").line, 0);
    assert_int_equal(conf_daemon_get(snapshot)->listen_mode, 0660);
}

static void test_sketch(void **state)
{
    struct base_error error = {""};
    struct conf_snapshot *snapshot = read_sketch(&error);
    (void)state;
    assert_string_equal(error.text, "");
    assert_non_null(snapshot);
    check_sketch_top(snapshot);
    assert_int_equal(conf_snapshot_count(snapshot, &sample_sign_table), 2);
    assert_int_equal(conf_snapshot_count(snapshot, &sample_rule_table), 8);
    assert_int_equal(conf_snapshot_count(snapshot, &sample_rate_table), 2);
    assert_int_equal(conf_snapshot_count(snapshot, &sample_store_table), 0);

    const struct conf_section *section = conf_snapshot_at(snapshot, &sample_sign_table, 1);
    const struct sample_sign *sign = section->values;
    assert_string_equal(section->title, "*");
    assert_int_equal(section->where.line, 11);
    assert_list(sign->keys, WORDS("shared-rsa"));
    assert_string_equal(sign->domain, "example.org");

    section = conf_snapshot_at(snapshot, &sample_rule_table, 4);
    const struct sample_rule *rule = section->values;
    assert_string_equal(section->title, "dmarc later");
    assert_int_equal(rule->stage, 5);
    assert_int_equal(rule->dmarc, 1 << 3);
    assert_int_equal(rule->spf, 0);
    assert_int_equal(rule->action, 3);
    assert_int_equal(rule->tempfail_for, 4 * 3600 * 1000);
    assert_true(rule->sender_owned);
    assert_int_equal(conf_section_where(section, "tempfail-for").line, 17);
    assert_int_equal(conf_section_where(section, "mode").line, 0);

    const struct sample_rate *rate = conf_snapshot_at(snapshot, &sample_rate_table, 0)->values;
    assert_list(rate->key, WORDS("login"));
    assert_string_equal(rate->burst, "50/1m");
    conf_snapshot_unref(&snapshot);
    assert_null(snapshot);
}

static void check_defaults(const char *text)
{
    struct conf_snapshot *snapshot = read_good(text);
    const struct sample_top *top = top_of(snapshot);
    assert_null(top->authserv_id);
    assert_int_equal(top->local_domains.count, 0);
    assert_list(top->trusted_networks, WORDS("127.0.0.0/8", "::1"));
    assert_int_equal(top->trusted_networks.items[1].where.line, 0);
    assert_string_equal(top->trusted_networks.items[1].where.file, "x.conf");
    assert_int_equal(top->count, 5);
    assert_true(top->is_checked);
    conf_snapshot_unref(&snapshot);
}

static void test_defaults(void **state)
{
    static const char *const texts[] = {
        NULL, "", "\n\n", "# only a comment", "/* and */ // others", " \t\r\n", "\xef\xbb\xbf# bom",
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        check_defaults(texts[i]);
}

static void test_section_defaults(void **state)
{
    struct conf_snapshot *snapshot =
        read_good("rule \"a\" { }\nrule b { dmarc = pass }\nstore { }");
    const struct sample_rule *rule = conf_snapshot_at(snapshot, &sample_rule_table, 0)->values;
    (void)state;
    assert_int_equal(rule->stage, 2);
    assert_int_equal(rule->dmarc, 1 << 2 | 1 << 4);
    rule = conf_snapshot_at(snapshot, &sample_rule_table, 1)->values;
    assert_int_equal(rule->dmarc, 1 << 1);
    assert_string_equal(conf_snapshot_at(snapshot, &sample_rule_table, 1)->title, "b");
    const struct conf_section *store = conf_snapshot_at(snapshot, &sample_store_table, 0);
    assert_null(store->title);
    assert_string_equal(((const struct sample_store *)store->values)->path, "/var/lib/x");
    assert_int_equal(store->where.line, 3);
    conf_snapshot_unref(&snapshot);
}

/* One text value, written in many ways. */
static void test_strings(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"tls-below = 1.2", "1.2"},
        {"tls-below=1.2", "1.2"},
        {"tls-below = \"1.2\"", "1.2"},
        {"tls-below = '1.2'", "1.2"},
        {"tls-below\n=\n'1.2'\n", "1.2"},
        {"tls-below = \"\"", ""},
        {"tls-below = ''", ""},
        {"tls-below = \"a \\\"b\\\" \\\\ c\"", "a \"b\" \\ c"},
        {"tls-below = 'a \\'b\\' \\\\ \\d \"'", "a 'b' \\ \\d \""},
        {"tls-below = \"a # b // c /* d */ { } = , ; + *\"", "a # b // c /* d */ { } = , ; + *"},
        {"tls-below = a#comment", "a"},
        {"tls-below = a // comment", "a"},
        {"tls-below = a/* comment", NULL},
        {"tls-below = /* comment\n # \" ' */ a", "a"},
        {"tls-below = /a//b/c", "/a//b/c"},
        {"tls-below = a//b", "a//b"},
        {"tls-below = a /**/ # x", "a"},
        {"tls-below = /***/ a", "a"},
        {"tls-below = $HOME", "$HOME"},
        {"tls-below = \"$HOME {x} $\"", "$HOME {x} $"},
        {"tls-below = ~/x", "~/x"},
        {"tls-below = a\\b", "a\\b"},
        {"tls-below = [::1]:25@x", "[::1]:25@x"},
        {"tls-below = \"d\xc3\xb6rfl.example\"", "d\xc3\xb6rfl.example"},
        {"tls-below = d\xc3\xb6rfl", "d\xc3\xb6rfl"},
        {"tls-below = \"a\"\r\n", "a"},
        {"tls-below = a\r\n", "a"},
        {"tls-below = a mode = off", "a"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[256];
        struct base_error error;
        snprintf(text, sizeof(text), "rule r { %s\n}", cases[i].text);
        struct conf_snapshot *snapshot = read_text(text, &error);
        if ((snapshot == NULL) != (cases[i].want == NULL))
            fail_msg("%s: %s", cases[i].text, error.text);
        if (snapshot != NULL) {
            const struct sample_rule *rule =
                conf_snapshot_at(snapshot, &sample_rule_table, 0)->values;
            assert_string_equal(rule->tls_below, cases[i].want);
        }
        conf_snapshot_unref(&snapshot);
    }
}

static void test_lists(void **state)
{
    const struct {
        const char *text;
        const char *want[6];
    } cases[] = {
        {"trusted-networks = a", {"a"}},
        {"trusted-networks = { a }", {"a"}},
        {"trusted-networks = {a,\"b c\" , 'd',}", {"a", "b c", "d"}},
        {"trusted-networks = { }", {NULL}},
        {"trusted-networks += { a }", {"127.0.0.0/8", "::1", "a"}},
        {"trusted-networks += a trusted-networks += b", {"127.0.0.0/8", "::1", "a", "b"}},
        {"trusted-networks = a trusted-networks += { b, c }", {"a", "b", "c"}},
        {"trusted-networks = { } trusted-networks += { b }", {"b"}},
        {"trusted-networks = {\n# one\na, // two\nb /* three */\n}", {"a", "b"}},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct conf_snapshot *snapshot = read_good(cases[i].text);
        assert_list(top_of(snapshot)->trusted_networks, cases[i].want);
        conf_snapshot_unref(&snapshot);
    }
}

static void test_lines_of_values(void **state)
{
    struct conf_snapshot *snapshot = read_good("/* a\n b */ local-domains\n=\n{ a,\n\nb }\n# c\n"
                                               "rule\n'x'\n{\nmode\n=\noff }\ncount = 7");
    const struct conf_section *section = conf_snapshot_top(snapshot, &sample_top_table);
    const struct sample_top *top = section->values;
    (void)state;
    assert_int_equal(conf_section_where(section, "local-domains").line, 2);
    assert_int_equal(top->local_domains.items[0].where.line, 4);
    assert_int_equal(top->local_domains.items[1].where.line, 6);
    assert_int_equal(conf_section_where(section, "count").line, 14);
    section = conf_snapshot_at(snapshot, &sample_rule_table, 0);
    assert_int_equal(section->where.line, 8);
    assert_int_equal(conf_section_where(section, "mode").line, 11);
    assert_string_equal(section->where.file, "x.conf");
    conf_snapshot_unref(&snapshot);
}

static void test_references(void **state)
{
    struct conf_snapshot *snapshot = read_good("authserv-id = MX.Example.ORG");
    struct conf_snapshot *other = conf_snapshot_ref(snapshot);
    (void)state;
    conf_snapshot_unref(&snapshot);
    assert_string_equal(top_of(other)->authserv_id, "mx.example.org");
    conf_snapshot_unref(&other);
    conf_snapshot_unref(&other);
}

/* --- what goes wrong -------------------------------------------------------------------------- */

struct bad {
    const char *text;
    /* Both are in the error. */
    const char *want;
    const char *also;
};

static void check_bad(const struct bad *bad, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct base_error error;
        struct conf_snapshot *snapshot = read_text(bad[i].text, &error);
        if (snapshot != NULL)
            fail_msg("accepted: %s", bad[i].text);
        if (strstr(error.text, bad[i].want) == NULL ||
            (bad[i].also != NULL && strstr(error.text, bad[i].also) == NULL))
            fail_msg("%s\n  gave: %s\n  want: %s ... %s", bad[i].text, error.text, bad[i].want,
                     bad[i].also);
    }
}

static void test_twice(void **state)
{
    static const struct bad bad[] = {
        {"count = 1\n\ncount = 1", "x.conf:3: count: given already in line 1", "remove one"},
        {"local-domains = a\nlocal-domains = b", "x.conf:2: local-domains: given already in line 1",
         "+="},
        {"local-domains = { }\nlocal-domains = { }", "x.conf:2", "line 1"},
        {"local-domains += a\nlocal-domains = b", "x.conf:2", "line 1"},
        {"rule r { mode = off\nmode = off }", "x.conf:2: rule \"r\": mode: given already in line 1",
         NULL},
        {"rule r { spf = pass\nspf = fail }", "x.conf:2: rule \"r\": spf: given already in line 1",
         "+="},
        {"rule a { }\nrule b { }\nrule \"a\" { }", "x.conf:3: section rule \"a\": given already",
         "line 1"},
        {"rule a { }\nrule a { }\nrule a { }", "x.conf:2: section rule \"a\"", "line 1"},
        {"store { }\n\nstore { }", "x.conf:3: section store: given already in line 1", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
}

static void test_unknown(void **state)
{
    static const struct bad bad[] = {
        {"\nlissten = x", "x.conf:2: lissten: unknown option", "did you mean \"listen\"?"},
        {"count = 1\nlocal_domains = x", "x.conf:2: local_domains", "\"local-domains\"?"},
        {"xyzzy = 1", "x.conf:1: xyzzy: unknown option", NULL},
        {"Count = 1", "Count: unknown option", "\"count\""},
        {"rules \"x\" { }", "rules: unknown section", "\"rule\""},
        {"xyzzy { }", "xyzzy: unknown section", NULL},
        {"rule r {\n\nstaeg = mail }", "x.conf:3: staeg: unknown option in section rule",
         "\"stage\""},
        {"rule r { sub { } }", "sub: unknown section in section rule", NULL},
        {"rule r { authserv-id = x }", "authserv-id: unknown option in section rule",
         "belongs to the top level"},
        {"rule r {\nrule s { } }", "x.conf:2: rule: unknown section in section rule",
         "is a '}' missing"},
        {"dmarc-disposition = x", "dmarc-disposition: unknown option", "into a section rule"},
        {"rule r { mode = off }\nrule s { moed = off }", "x.conf:2: moed", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
}

static void test_shapes(void **state)
{
    static const struct bad bad[] = {
        {"count { }", "count is an option", "count = VALUE"},
        {"local-domains \"x\" { }", "local-domains is an option", "{ VALUE, ... }"},
        {"\nrule = x", "x.conf:2: rule is a section", "rule \"TITLE\" { ... }"},
        {"rule { }", "section rule needs a title", NULL},
        {"store \"x\" { }", "section store has no title", NULL},
        {"store = x", "store is a section: write store { ... }", NULL},
        {"count = { 1, 2 }", "count takes one value, not a list", NULL},
        {"count = { }", "count takes one value, not a list", NULL},
        {"count += 1", "count takes one value", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
}

static void test_syntax(void **state)
{
    static const struct bad bad[] = {
        {"count 1", "x.conf:1: count \"1\": '=' is missing", NULL},
        {"count", "the file ends within count", NULL},
        {"count =", "the file ends within count", NULL},
        {"count = = 1", "a value is missing", NULL},
        {"count = 1 2", "2: the name of", NULL},
        {"count = }", "a value is missing", NULL},
        {"count = 1 }", "'}' closes nothing", NULL},
        {"{ }", "unexpected '{'", NULL},
        {"= 1", "unexpected '='", NULL},
        {"\"count\" = 1", "without quotes", NULL},
        {"count, = 1", "'=' is missing", NULL},
        {"rule \"x\"", "rule \"x\": '=' is missing", "'{' behind"},
        {"\nrule \"x\" {", "x.conf:2: the section rule that opens here is not closed", NULL},
        {"rule \"x\" {\nmode = off\nrule \"y\" { }", "not closed", NULL},
        {"rule \"x\" \"y\" { }", "rule \"x\": '='", NULL},
        {"rule \"a\\\\b\" { }", "backslash", NULL},
        {"local-domains = { a b }", "a comma", "opened in line 1"},
        {"local-domains = { a, , b }", "unexpected ','", NULL},
        {"local-domains = { , }", "unexpected ','", NULL},
        {"local-domains = { a, { b } }", "unexpected '{'", NULL},
        {"local-domains = { a\ncount = 1", "x.conf:2", "opened in line 1"},
        {"local-domains = { a", "the file ends within local-domains", NULL},
        {"exec(\"x\")", "the only function is include()", NULL},
        {"include \"x\"", "include(\"FILE\")", NULL},
        {"include = \"x\"", "include(\"FILE\")", NULL},
        {"include()", "takes one path", NULL},
        {"include(\"a\", \"b\")", "takes one path", NULL},
        {"include(\"\")", "path", NULL},
        {"include(\"a\"", "the file ends", NULL},
        {"sign=x|domain = y", "unexpected '='", NULL},
        {"rule x { } rule|mode = off", "rule|mode: the name of", NULL},
        {"@x = 1", "@x: the name of", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
}

static void test_values(void **state)
{
    static const struct bad bad[] = {
        {"count = many", "x.conf:1: count: \"many\" is no whole number", NULL},
        {"count = 101", "count: \"101\" is out of bounds", "-10 to 100"},
        {"count = -11", "out of bounds", NULL},
        {"count = \"\"", "is no whole number", NULL},
        {"\n\nmemory-max = 1", "x.conf:3: memory-max: \"1\"", "16MiB to 1TiB"},
        {"memory-max = 1MB", "memory-max: \"1MB\" is no size", "KiB"},
        {"rule r {\ntempfail-for = 30 }", "x.conf:2: rule \"r\": tempfail-for: \"30\" is no",
         "ms, s, m, h or d"},
        {"rule r { tempfail-for = 30s }", "out of bounds", "1m to 1d"},
        {"rule r { stage = maill }", "stage: \"maill\" is not one of connect, helo, mail,",
         "did you mean \"mail\"?"},
        {"rule r { spf = {\nfail,\nsoft-fail } }", "x.conf:3: rule \"r\": spf: \"soft-fail\"",
         "\"softfail\""},
        {"rule r { authenticated = maybe }", "\"maybe\" is not one of yes, no,", NULL},
        {"listen-mode = 0999", "is no file mode", "0660"},
        {"count = 13", "x.conf:1: count: 13 brings bad luck", NULL},
        {"local-domains = \"file:\"", "\"file:\" without a path", NULL},
        {"local-domains = \"file:/nowhere/at/all\"", "x.conf:1: /nowhere/at/all", NULL},
        {"include(\"/nowhere/at/all\")", "x.conf:1: /nowhere/at/all", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
}

static void test_guard(void **state)
{
    static const struct bad bad[] = {
        {"\nauthserv-id = \"${HOME}\"", "x.conf:2: \"${\" is refused", "nothing is expanded"},
        {"authserv-id = ${HOME}", "\"${\" is refused", NULL},
        {"authserv-id = a${HOME}", "\"${\" is refused", NULL},
        {"authserv-id = '${HOME}'", "\"${\" is refused", NULL},
        {"authserv-id = \"a\\\\${HOME:-x}\"", "\"${\" is refused", NULL},
        {"authserv-id = \"${HOME\"", "\"${\" is refused", NULL},
        {"authserv-id = \"$(id)\"", "\"$(\" is refused", NULL},
        {"authserv-id = $(id)", "\"$(\" is refused", NULL},
        {"rule \"${HOME}\" { }", "\"${\" is refused", NULL},
        {"${HOME} = x", "\"${\" is refused", NULL},
        {"include(\"${HOME}/x\")", "\"${\" is refused", NULL},
        {"authserv-id = \"\\${HOME}\"", "\"\\$\" is no escape", NULL},
        {"authserv-id = \"a\\nb\"", "control characters", NULL},
        {"authserv-id = \"a\\x01b\"", "control characters", NULL},
        {"authserv-id = \"a\\x41b\"", "has no numbers", NULL},
        {"authserv-id = \"a\\101b\"", "has no numbers", NULL},
        {"authserv-id = \"a\\999b\"", "has no numbers", NULL},
        {"authserv-id = \"\\d+\"", "\"\\d\" is no escape", NULL},
        {"authserv-id = \"a\\", "behind a backslash", NULL},
        {"authserv-id = \"a\\\nb\"", "x.conf:1: a line does not go on", NULL},
        {"authserv-id = \"a\x01"
         "b\"",
         "control character 0x01", NULL},
        {"authserv-id = 'a\tb'", "control character 0x09", NULL},
        {"authserv-id = a\x1b[0m", "control character 0x1b", NULL},
        {"authserv-id = a\x7f", "control character 0x7f", NULL},
        {"authserv-id = \"a\xc2\x85\"", "control character U+0085", NULL},
        {"authserv-id = \"a\xff\"", "not UTF-8", NULL},
        {"authserv-id = \"a\xc3\"", "not UTF-8", NULL},
        {"authserv-id = a\rb", "carriage return", NULL},
        {"authserv-id = a;", "';' outside quotes", NULL},
        {"count = *", "'*' outside quotes", NULL},
        {"authserv-id = a+b", "'+' outside quotes", NULL},
        {"authserv-id = \"a\n\"", "x.conf:1: the double quote that opens here", NULL},
        {"\nauthserv-id = 'a\nb'", "x.conf:2: the single quote that opens here", NULL},
        {"authserv-id = 'a\\", "single quote", NULL},
        {"authserv-id = \"a", "double quote", NULL},
        {"\n/* open\n\n", "x.conf:2: the comment that opens here", NULL},
    };
    (void)state;
    check_bad(bad, COUNT_OF(bad));
    /* Nothing of a refused text is left behind in libConfuse. */
    check_defaults("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sketch),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_section_defaults),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_lines_of_values),
        cmocka_unit_test(test_references),
        cmocka_unit_test(test_twice),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_guard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
