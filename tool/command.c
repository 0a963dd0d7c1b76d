#include "tool/command.h"

#include <stdarg.h>
#include <string.h>

#include "tool/bulk.h"
#include "tool/check.h"
#include "tool/dkim_sign.h"
#include "tool/dkim_verify.h"
#include "tool/dmarc.h"
#include "tool/dmarc_lint.h"
#include "tool/eval.h"
#include "tool/key_list.h"
#include "tool/key_new.h"
#include "tool/key_publish.h"
#include "tool/log.h"
#include "tool/rates.h"
#include "tool/reload.h"
#include "tool/spf.h"
#include "tool/spf_lint.h"
#include "tool/status.h"
#include "tool/test.h"

/* clang-format off */
const struct tool_command *const tool_commands[] = {
    &tool_eval,
    &tool_test,
    &tool_spf,
    &tool_spf_lint,
    &tool_dmarc,
    &tool_dmarc_lint,
    &tool_dkim_sign,
    &tool_dkim_verify,
    &tool_key_new,
    &tool_key_list,
    &tool_key_publish,
    &tool_check,
    &tool_status_command,
    &tool_reload,
    &tool_log,
    &tool_rates,
    &tool_bulk,
    &tool_release,
    NULL,
};
/* clang-format on */

/* A name has at most one blank. */
static int match(const char *name, int count, const char *const *words)
{
    const char *blank = strchr(name, ' ');
    size_t length = blank == NULL ? strlen(name) : (size_t)(blank - name);

    if (count < 1 || strlen(words[0]) != length || strncmp(name, words[0], length) != 0)
        return 0;
    if (blank == NULL)
        return 1;
    return count >= 2 && strcmp(blank + 1, words[1]) == 0 ? 2 : 0;
}

const struct tool_command *tool_command_find(int count, const char *const *words, int *words_r)
{
    const struct tool_command *found = NULL;

    /* "dmarc lint" before "dmarc". */
    *words_r = 0;
    for (size_t i = 0; tool_commands[i] != NULL; i++) {
        int used = match(tool_commands[i]->name, count, words);

        if (used <= *words_r)
            continue;
        *words_r = used;
        found = tool_commands[i];
    }
    return found;
}

static void print_line(const struct tool_io *io, const char *prefix, const char *format,
                       va_list arguments)
{
    (void)fputs(prefix, io->err);
    (void)vfprintf(io->err, format, arguments);
    (void)fputc('\n', io->err);
}

enum tool_status tool_fail(const struct tool_io *io, enum tool_status status, const char *format,
                           ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(io, "postseal: ", format, arguments);
    va_end(arguments);
    return status;
}

void tool_warn(const struct tool_io *io, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(io, "postseal: warning: ", format, arguments);
    va_end(arguments);
}
