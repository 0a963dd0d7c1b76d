/* filter/options: the command line, what is refused of it, and --help. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "filter/options.h"

#define WORDS_MAX 6

struct parse_case {
    const char *name;
    const char *words[WORDS_MAX];
    /* Part of the error; NULL: it must parse. */
    const char *fault;
    struct filter_options want;
};

static const char *const default_path = POSTSEAL_SYSCONFDIR "/postseal.conf";

static void check_same(const struct parse_case *c, const struct filter_options *got)
{
    const char *path = c->want.config_path == NULL ? default_path : c->want.config_path;

    assert_string_equal(got->config_path, path);
    assert_int_equal(got->is_foreground, c->want.is_foreground);
    assert_int_equal(got->has_fixed_time, c->want.has_fixed_time);
    assert_int_equal(got->fixed_time_s, c->want.fixed_time_s);
    assert_int_equal(got->want_help, c->want.want_help);
    assert_int_equal(got->want_version, c->want.want_version);
    if (c->want.zone_path == NULL) {
        assert_null(got->zone_path);
    } else {
        assert_string_equal(got->zone_path, c->want.zone_path);
    }
}

static void test_parse(void **state)
{
    static const struct parse_case cases[] = {
        {.name = "nothing"},
        {.name = "foreground", .words = {"-f"}, .want = {.is_foreground = true}},
        {.name = "file apart", .words = {"-c", "x.conf"}, .want = {.config_path = "x.conf"}},
        {.name = "file in the word", .words = {"-cx.conf"}, .want = {.config_path = "x.conf"}},
        {.name = "zone apart", .words = {"--zone", "z"}, .want = {.zone_path = "z"}},
        {.name = "zone after =", .words = {"--zone=z=1"}, .want = {.zone_path = "z=1"}},
        {.name = "time",
         .words = {"--time", "1970-01-02T00:00:00Z"},
         .want = {.has_fixed_time = true, .fixed_time_s = 86400}},
        {.name = "all",
         .words = {"-f", "-c", "a", "--zone", "b"},
         .want = {.is_foreground = true, .config_path = "a", .zone_path = "b"}},
        {.name = "help", .words = {"--help"}, .want = {.want_help = true}},
        {.name = "short help", .words = {"-h"}, .want = {.want_help = true}},
        {.name = "version", .words = {"--version"}, .want = {.want_version = true}},
        {.name = "value that looks like an option",
         .words = {"-c", "-f"},
         .want = {.config_path = "-f"}},
        {.name = "unknown", .words = {"--zones", "z"}, .fault = "--zones: unknown option"},
        {.name = "unknown letter", .words = {"-x"}, .fault = "-x: unknown option"},
        {.name = "long name with one dash", .words = {"-zone", "z"}, .fault = "unknown option"},
        {.name = "two dashes", .words = {"--"}, .fault = "unknown option"},
        {.name = "dash", .words = {"-"}, .fault = "without an option"},
        {.name = "argument", .words = {"postseal.conf"}, .fault = "-c FILE"},
        {.name = "no file", .words = {"-c"}, .fault = "the value (FILE) is missing"},
        {.name = "empty file", .words = {"-c", ""}, .fault = "the value (FILE) is missing"},
        {.name = "empty zone", .words = {"--zone="}, .fault = "the value (FILE) is missing"},
        {.name = "value for a flag", .words = {"--help=1"}, .fault = "takes no value"},
        {.name = "flags in one word", .words = {"-fc", "a"}, .fault = "takes no value"},
        {.name = "no time", .words = {"--time", "yesterday"}, .fault = "2026-11-22T12:00:00Z"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct parse_case *c = &cases[i];
        char *argv[WORDS_MAX + 2] = {(char *)"postseald"};
        struct filter_options got;
        struct base_error error = {""};
        int argc = 1;
        bool is_good;

        while (argc <= WORDS_MAX && c->words[argc - 1] != NULL) {
            argv[argc] = (char *)c->words[argc - 1];
            argc++;
        }
        is_good = filter_options_parse(argc, argv, &got, &error);
        if (is_good != (c->fault == NULL)) {
            fail_msg("%s: %s", c->name, is_good ? "accepted" : error.text);
        }
        if (is_good) {
            check_same(c, &got);
        } else if (strstr(error.text, c->fault) == NULL) {
            fail_msg("%s: %s", c->name, error.text);
        }
    }
}

/* Every row of the table is in --help, and is understood. */
static void test_help(void **state)
{
    char text[4096];
    FILE *out = fmemopen(text, sizeof text, "w");
    size_t count;
    const struct filter_option *table = filter_options_table(&count);

    (void)state;
    assert_non_null(out);
    filter_options_help(out);
    fclose(out);
    for (size_t i = 0; i < count; i++) {
        char name[40];
        char *argv[] = {(char *)"postseald", name, (char *)"1970-01-02T00:00:00Z"};
        struct filter_options got;
        struct base_error error = {""};

        assert_non_null(strstr(text, table[i].help));
        if (table[i].short_name != NULL) {
            snprintf(name, sizeof name, "-%s", table[i].short_name);
            assert_non_null(strstr(text, name));
            assert_true(
                filter_options_parse(table[i].value_name == NULL ? 2 : 3, argv, &got, &error));
        }
        if (table[i].long_name != NULL) {
            snprintf(name, sizeof name, "--%s", table[i].long_name);
            assert_non_null(strstr(text, name));
            assert_true(
                filter_options_parse(table[i].value_name == NULL ? 2 : 3, argv, &got, &error));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_parse), cmocka_unit_test(test_help)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
