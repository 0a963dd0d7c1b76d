#include "tool/help.h"

#include <string.h>

#include "tool/command.h"

#define COLUMN 28

static void print_row(FILE *out, const struct tool_command *command)
{
    (void)fprintf(out, "  %-*s %s\n", 14, command->name, command->summary);
}

void tool_help_print_all(FILE *out)
{
    (void)fputs("usage: postseal COMMAND [FLAGS] [OPERANDS]\n\n", out);
    for (size_t i = 0; tool_commands[i] != NULL; i++)
        print_row(out, tool_commands[i]);
    (void)fputs(
        "\npostseal COMMAND --help tells the flags of one; postseal --version the version.\n"
        "Exit status: 0 answered, 1 a check found a fault, 64 usage, 65 the input is\n"
        "unusable, 69 a service is not there, 78 configuration.\n",
        out);
}

void tool_help_print_group(FILE *out, const char *group)
{
    size_t length = strlen(group);

    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        const char *name = tool_commands[i]->name;

        if (strncmp(name, group, length) == 0 && name[length] == ' ')
            print_row(out, tool_commands[i]);
    }
}

static void print_usage(FILE *out, const struct tool_command *command)
{
    bool has_optional = false;

    (void)fprintf(out, "usage: postseal %s", command->name);
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct tool_flag *flag = &command->flags[i];

        if (flag->is_required)
            (void)fprintf(out, " --%s %s%s", flag->name, flag->argument,
                          flag->is_repeatable ? " ..." : "");
        has_optional = has_optional || !flag->is_required;
    }
    (void)fprintf(out, "%s%s%s\n", has_optional ? " [FLAGS]" : "",
                  command->operands[0] == '\0' ? "" : " ", command->operands);
}

void tool_help_print_command(FILE *out, const struct tool_command *command)
{
    print_usage(out, command);
    (void)fprintf(out, "%s\n\n", command->summary);
    for (size_t i = 0; i < command->flag_count; i++) {
        const struct tool_flag *flag = &command->flags[i];
        char left[64];

        (void)snprintf(left, sizeof(left), "%c%c%c --%s %s", flag->letter == 0 ? ' ' : '-',
                       flag->letter == 0 ? ' ' : flag->letter, flag->letter == 0 ? ' ' : ',',
                       flag->name, flag->argument == NULL ? "" : flag->argument);
        (void)fprintf(out, "  %-*s %s%s\n", COLUMN, left, flag->help,
                      flag->is_repeatable ? " (may be given again)" : "");
    }
    (void)fprintf(out, "  %-*s %s\n", COLUMN, "-h, --help", "print this");
}
