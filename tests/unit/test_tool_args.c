#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "tool/args.h"
#include "tool/command.h"

static const struct tool_flag flags[] = {
    {"domain", 'd', "DOMAIN", "one value, required", true, false},
    {"rcpt", 'r', "RCPT", "again and again", false, true},
    {"json", 'j', NULL, "no value", false, false},
    {"zone", 0, "FILE", "no letter", false, false},
};

static const struct tool_command command = {
    .name = "test",
    .operands = "MESSAGE",
    .operands_max = 1,
    .summary = "for this test",
    .flags = flags,
    .flag_count = sizeof(flags) / sizeof(flags[0]),
};

static struct tool_args *parse(const char *const *words, struct base_error *error_r)
{
    int count = 0;

    while (words[count] != NULL)
        count++;
    return tool_args_parse(&command, count, words, error_r);
}

static void test_values(void **state)
{
    static const struct {
        const char *words[8];
        const char *domain;
        const char *zone;
        bool json;
        const char *rcpts[3];
        const char *operand;
    } cases[] = {
        {{"--domain", "a"}, "a", NULL, false, {NULL}, NULL},
        {{"--domain=a"}, "a", NULL, false, {NULL}, NULL},
        {{"--domain="}, "", NULL, false, {NULL}, NULL},
        {{"--domain", ""}, "", NULL, false, {NULL}, NULL},
        {{"--domain=a=b"}, "a=b", NULL, false, {NULL}, NULL},
        {{"-d", "a"}, "a", NULL, false, {NULL}, NULL},
        {{"-da"}, "a", NULL, false, {NULL}, NULL},
        {{"-d", "--json"}, "--json", NULL, false, {NULL}, NULL},
        {{"-d", "a", "-j", "m"}, "a", NULL, true, {NULL}, "m"},
        {{"m", "-d", "a", "--json"}, "a", NULL, true, {NULL}, "m"},
        {{"-d", "a", "-"}, "a", NULL, false, {NULL}, "-"},
        {{"-d", "a", "--", "-j"}, "a", NULL, false, {NULL}, "-j"},
        {{"-d", "a", "-rx", "-r", "y", "--zone", "z"}, "a", "z", false, {"x", "y"}, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};
        struct tool_args *args = parse(cases[i].words, &error);

        if (args == NULL)
            fail_msg("%s", error.text);
        assert_string_equal(tool_args_get(args, "domain"), cases[i].domain);
        assert_int_equal(tool_args_has(args, "json"), cases[i].json);
        assert_int_equal(tool_args_has(args, "zone"), cases[i].zone != NULL);
        for (size_t j = 0; j < 3; j++) {
            const char *got = tool_args_at(args, "rcpt", j);

            assert_int_equal(got != NULL, cases[i].rcpts[j] != NULL);
            if (got != NULL)
                assert_string_equal(got, cases[i].rcpts[j]);
        }
        assert_int_equal(tool_args_operand(args, 0) != NULL, cases[i].operand != NULL);
        if (cases[i].operand != NULL)
            assert_string_equal(tool_args_operand(args, 0), cases[i].operand);
        assert_null(tool_args_operand(args, 1));
        tool_args_destroy(&args);
        assert_null(args);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *words[8];
        const char *want;
    } cases[] = {
        {{NULL}, "--domain DOMAIN is missing"},
        {{"--domain"}, "needs its value, DOMAIN"},
        {{"-d"}, "needs its value, DOMAIN"},
        {{"-d", "a", "-d", "b"}, "--domain: given twice"},
        {{"-d", "a", "--json", "-j"}, "--json: given twice"},
        {{"-d", "a", "--json=yes"}, "takes no value"},
        {{"-d", "a", "-jx"}, "takes no value"},
        {{"-d", "a", "--domian", "b"}, "did you mean --domain?"},
        {{"-d", "a", "--xyzzy"}, "there is no such flag; see postseal test --help"},
        {{"-d", "a", "-x"}, "-x: there is no such flag"},
        {{"-d", "a", "--=b"}, "there is no such flag"},
        {{"-d", "a", "m", "n"}, "\"n\" is one operand too many"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};

        assert_null(parse(cases[i].words, &error));
        if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].want, error.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
