/* The subcommands of `postseal` and their flags, as tables: what parses them, what prints --help
 * and what proves that the manual page is complete all walk the same rows. */
#ifndef TOOL_COMMAND_H
#define TOOL_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct tool_args;

/* Exit statuses, those of sysexits(3) where it has one. */
enum tool_status {
    /* The question was answered, whatever the answer. */
    TOOL_ANSWERED = 0,
    /* A checking command found a fault. */
    TOOL_FAULT = 1,
    TOOL_USAGE = 64,
    TOOL_INPUT = 65,
    TOOL_SERVICE = 69,
    TOOL_CONFIG = 78,
};

/* Injected, so that tests read what is printed. Borrowed. */
struct tool_io {
    FILE *in;
    FILE *out;
    FILE *err;
};

struct tool_flag {
    /* Without the dashes. */
    const char *name;
    /* The short form; 0: none. */
    char letter;
    /* What stands for its value in the help; NULL: it has none. */
    const char *argument;
    const char *help;
    bool is_required;
    /* May be given more than once. */
    bool is_repeatable;
};

struct tool_command {
    /* One or two words: "check", "key new". */
    const char *name;
    /* As the help shows them, "" for none. */
    const char *operands;
    size_t operands_min;
    size_t operands_max;
    const char *summary;
    const struct tool_flag *flags;
    size_t flag_count;
    enum tool_status (*run)(const struct tool_args *args, const struct tool_io *io);
};

/* Ended by NULL, in the order of the help. */
extern const struct tool_command *const tool_commands[];

/* The command that the words name; *words_r: how many words its name took. NULL: none. */
const struct tool_command *tool_command_find(int count, const char *const *words, int *words_r);

/* Prints "postseal: " and one line to io->err, and returns `status`. */
enum tool_status tool_fail(const struct tool_io *io, enum tool_status status, const char *format,
                           ...) __attribute__((format(printf, 3, 4)));

/* Prints "postseal: warning: " and one line to io->err. */
void tool_warn(const struct tool_io *io, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Flags that several commands share, so that they are spelled and explained once. */
#define TOOL_FLAG_CONF                                                                           \
    {                                                                                            \
        "config", 'c', "FILE", "the configuration file (" POSTSEAL_SYSCONFDIR "/postseal.conf)", \
            false, false                                                                         \
    }
#define TOOL_FLAG_ZONE                                                                             \
    {                                                                                              \
        "zone", 0, "FILE", "answer DNS from this master file, and from nothing else", false, false \
    }
#define TOOL_FLAG_TIME                                                                            \
    {                                                                                             \
        "time", 0, "RFC3339", "let the clock stand at this time, as 2026-11-22T12:00:00Z", false, \
            false                                                                                 \
    }
#define TOOL_FLAG_JSON                                         \
    {                                                          \
        "json", 0, NULL, "print one JSON object", false, false \
    }

#define TOOL_CONF_DEFAULT POSTSEAL_SYSCONFDIR "/postseal.conf"

#endif
