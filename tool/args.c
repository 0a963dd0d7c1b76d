#include "tool/args.h"

#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "base/text.h"
#include "conf/conf.h"
#include "tool/command.h"

/* Flags of one command that a suggestion looks through. */
#define NAMES_MAX 64

struct given {
    const struct tool_flag *flag;
    const char *value;
};

struct tool_args {
    const struct tool_command *command;
    /* As many as there are words, at most; likewise the operands. */
    struct given *given;
    size_t given_count;
    const char **operands;
    size_t operand_count;
};

/* The words not yet looked at. */
struct cursor {
    int left;
    const char *const *words;
};

static const struct tool_flag *flag_by_name(const struct tool_command *command,
                                            struct base_text name)
{
    for (size_t i = 0; i < command->flag_count; i++) {
        if (base_text_equals(base_text_of(command->flags[i].name), name))
            return &command->flags[i];
    }
    return NULL;
}

static const struct tool_flag *flag_by_letter(const struct tool_command *command, char letter)
{
    for (size_t i = 0; i < command->flag_count; i++) {
        if (letter != '\0' && command->flags[i].letter == letter)
            return &command->flags[i];
    }
    return NULL;
}

static void unknown_flag(const struct tool_command *command, const char *word,
                         struct base_error *error_r)
{
    const char *names[NAMES_MAX + 1] = {NULL};
    const char *nearest;

    for (size_t i = 0; i < command->flag_count && i < NAMES_MAX; i++)
        names[i] = command->flags[i].name;
    nearest = word[0] == '-' && word[1] == '-' ? conf_nearest(word + 2, names) : NULL;
    if (nearest != NULL)
        base_error_set(error_r, "%s: there is no such flag; did you mean --%s?", word, nearest);
    else
        base_error_set(error_r, "%s: there is no such flag; see postseal %s --help", word,
                       command->name);
}

static bool add_given(struct tool_args *args, const struct tool_flag *flag, const char *value,
                      struct base_error *error_r)
{
    if (!flag->is_repeatable && tool_args_has(args, flag->name)) {
        base_error_set(error_r, "--%s: given twice", flag->name);
        return false;
    }
    args->given[args->given_count++] = (struct given){flag, value};
    return true;
}

/* `attached`: what stands in the same word ("=VALUE", or behind the letter), or NULL. */
static bool take_value(struct tool_args *args, const struct tool_flag *flag, const char *attached,
                       struct cursor *cursor, struct base_error *error_r)
{
    const char *value = attached;

    if (flag->argument == NULL) {
        if (attached != NULL) {
            base_error_set(error_r, "--%s: takes no value", flag->name);
            return false;
        }
        return add_given(args, flag, "", error_r);
    }
    if (value == NULL && cursor->left > 0) {
        value = *cursor->words++;
        cursor->left--;
    }
    if (value == NULL) {
        base_error_set(error_r, "--%s: needs its value, %s", flag->name, flag->argument);
        return false;
    }
    return add_given(args, flag, value, error_r);
}

static bool take_long(struct tool_args *args, const char *word, struct cursor *cursor,
                      struct base_error *error_r)
{
    struct base_text rest = base_text_of(word + 2);
    struct base_text name = base_text_split(&rest, '=');
    const struct tool_flag *flag = flag_by_name(args->command, name);

    if (flag == NULL) {
        unknown_flag(args->command, word, error_r);
        return false;
    }
    return take_value(args, flag, rest.data, cursor, error_r);
}

static bool take_short(struct tool_args *args, const char *word, struct cursor *cursor,
                       struct base_error *error_r)
{
    const struct tool_flag *flag = flag_by_letter(args->command, word[1]);

    if (flag == NULL) {
        unknown_flag(args->command, word, error_r);
        return false;
    }
    return take_value(args, flag, word[2] == '\0' ? NULL : word + 2, cursor, error_r);
}

static bool take_words(struct tool_args *args, struct cursor *cursor, struct base_error *error_r)
{
    bool is_flags_over = false;

    while (cursor->left > 0) {
        const char *word = *cursor->words++;

        cursor->left--;
        if (is_flags_over || word[0] != '-' || word[1] == '\0') {
            args->operands[args->operand_count++] = word;
        } else if (strcmp(word, "--") == 0) {
            is_flags_over = true;
        } else if (word[1] == '-') {
            if (!take_long(args, word, cursor, error_r))
                return false;
        } else if (!take_short(args, word, cursor, error_r)) {
            return false;
        }
    }
    return true;
}

static bool is_complete(const struct tool_args *args, struct base_error *error_r)
{
    const struct tool_command *command = args->command;

    for (size_t i = 0; i < command->flag_count; i++) {
        if (command->flags[i].is_required && !tool_args_has(args, command->flags[i].name)) {
            base_error_set(error_r, "--%s %s is missing", command->flags[i].name,
                           command->flags[i].argument);
            return false;
        }
    }
    if (args->operand_count < command->operands_min) {
        base_error_set(error_r, "%s is missing", command->operands);
        return false;
    }
    if (args->operand_count > command->operands_max) {
        base_error_set(error_r, "\"%s\" is one operand too many; see postseal %s --help",
                       args->operands[command->operands_max], command->name);
        return false;
    }
    return true;
}

struct tool_args *tool_args_parse(const struct tool_command *command, int count,
                                  const char *const *words, struct base_error *error_r)
{
    struct tool_args *args = base_mem_alloc_zero(1, sizeof(*args));
    struct cursor cursor = {count, words};

    args->command = command;
    args->given = base_mem_alloc_zero((size_t)count + 1, sizeof(*args->given));
    args->operands = base_mem_alloc_zero((size_t)count + 1, sizeof(*args->operands));
    if (!take_words(args, &cursor, error_r) || !is_complete(args, error_r))
        tool_args_destroy(&args);
    return args;
}

void tool_args_destroy(struct tool_args **args)
{
    if (*args == NULL)
        return;
    base_mem_free((*args)->given);
    base_mem_free((*args)->operands);
    base_mem_free(*args);
    *args = NULL;
}

const char *tool_args_at(const struct tool_args *args, const char *name, size_t index)
{
    const struct tool_flag *flag = flag_by_name(args->command, base_text_of(name));

    if (flag == NULL)
        base_panic("postseal %s: no flag --%s in its table", args->command->name, name);
    for (size_t i = 0; i < args->given_count; i++) {
        if (args->given[i].flag == flag && index-- == 0)
            return args->given[i].value;
    }
    return NULL;
}

const char *tool_args_get(const struct tool_args *args, const char *name)
{
    return tool_args_at(args, name, 0);
}

bool tool_args_has(const struct tool_args *args, const char *name)
{
    return tool_args_get(args, name) != NULL;
}

const char *tool_args_operand(const struct tool_args *args, size_t index)
{
    return index < args->operand_count ? args->operands[index] : NULL;
}
