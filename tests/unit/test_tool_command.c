#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tool/command.h"
#include "tool/help.h"
#include "tool/run.h"

/* Both outputs of one run. */
struct output {
    char *out;
    char *err;
};

static enum tool_status run(struct output *output, const char *const *words)
{
    size_t out_length;
    size_t err_length;
    struct tool_io io = {NULL, open_memstream(&output->out, &out_length),
                         open_memstream(&output->err, &err_length)};
    enum tool_status status;
    int count = 0;

    while (words[count] != NULL)
        count++;
    status = tool_run(count, words, &io);
    (void)fclose(io.out);
    (void)fclose(io.err);
    return status;
}

static void output_free(struct output *output)
{
    free(output->out);
    free(output->err);
}

static void test_tables(void **state)
{
    (void)state;
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        const struct tool_command *command = tool_commands[i];

        assert_true(command->name[0] != '\0' && command->summary[0] != '\0');
        assert_non_null(command->operands);
        assert_non_null(command->run);
        assert_true(command->operands_min <= command->operands_max);
        assert_int_equal(command->operands_max > 0, command->operands[0] != '\0');
        for (size_t j = 0; tool_commands[j] != NULL; j++)
            assert_true(i == j || strcmp(command->name, tool_commands[j]->name) != 0);
        for (size_t j = 0; j < command->flag_count; j++) {
            const struct tool_flag *flag = &command->flags[j];

            assert_true(flag->name[0] != '\0' && flag->help[0] != '\0' && flag->letter != 'h');
            assert_true(!flag->is_required || flag->argument != NULL);
            for (size_t k = 0; k < j; k++) {
                assert_string_not_equal(flag->name, command->flags[k].name);
                assert_true(flag->letter == 0 || flag->letter != command->flags[k].letter);
            }
        }
    }
}

static void test_help_names_all(void **state)
{
    (void)state;
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        const struct tool_command *command = tool_commands[i];
        const char *words[] = {"postseal", command->name, "--help", NULL, NULL};
        struct output output;
        char first[64];
        char *blank;

        (void)snprintf(first, sizeof(first), "%s", command->name);
        blank = strchr(first, ' ');
        if (blank != NULL) {
            *blank = '\0';
            words[1] = first;
            words[2] = blank + 1;
            words[3] = "-h";
        }
        assert_int_equal(run(&output, words), TOOL_ANSWERED);
        assert_non_null(strstr(output.out, command->summary));
        for (size_t j = 0; j < command->flag_count; j++) {
            char name[64];

            (void)snprintf(name, sizeof(name), "--%s ", command->flags[j].name);
            assert_non_null(strstr(output.out, name));
            assert_non_null(strstr(output.out, command->flags[j].help));
        }
        assert_string_equal(output.err, "");
        output_free(&output);
    }
}

static void test_words(void **state)
{
    static const struct {
        const char *words[6];
        enum tool_status status;
        /* In the output, and in the errors. */
        const char *out;
        const char *err;
    } cases[] = {
        {{"postseal"}, TOOL_USAGE, "", "usage: postseal COMMAND"},
        {{"postseal", "--help"}, TOOL_ANSWERED, "key new", ""},
        {{"postseal", "help"}, TOOL_ANSWERED, "eval", ""},
        {{"postseal", "--version"}, TOOL_ANSWERED, "postseal " PACKAGE_VERSION "\n", ""},
        {{"postseal", "frob"}, TOOL_USAGE, "", "there is no command \"frob\""},
        {{"postseal", "key"}, TOOL_USAGE, "", "key publish"},
        {{"postseal", "key", "frob"}, TOOL_USAGE, "", "there is no command \"key frob\""},
        {{"postseal", "key", "new"}, TOOL_USAGE, "", "--domain DOMAIN is missing"},
        {{"postseal", "eval", "--frob"}, TOOL_USAGE, "", "eval: --frob"},
        {{"postseal", "check", "--mta", "exim", "x"}, TOOL_USAGE, "", "postfix or sendmail"},
        {{"postseal", "check", "/nonexistent.conf"}, TOOL_CONFIG, "", "/nonexistent.conf"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct output output;

        assert_int_equal(run(&output, cases[i].words), cases[i].status);
        if (strstr(output.out, cases[i].out) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].out, output.out);
        if (strstr(output.err, cases[i].err) == NULL)
            fail_msg("\"%s\" is not in: %s", cases[i].err, output.err);
        output_free(&output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_help_names_all),
        cmocka_unit_test(test_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
