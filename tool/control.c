#include "tool/control.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "conf/conf.h"
#include "conf/daemon.h"
#include "tool/args.h"
#include "tool/open.h"

#define TIMEOUT_S     60
#define TIMEOUT_MAX_S 86400

static enum tool_status find_socket(const struct tool_args *args, const struct tool_io *io,
                                    char path_r[PATH_MAX])
{
    const char *given = tool_args_get(args, "socket");
    struct conf_snapshot *conf = NULL;
    enum tool_status status;

    if (given != NULL) {
        (void)snprintf(path_r, PATH_MAX, "%s", given);
        return TOOL_ANSWERED;
    }
    status = tool_open_conf_or_defaults(args, io, &conf);
    if (status == TOOL_ANSWERED)
        (void)snprintf(path_r, PATH_MAX, "%s/%s", conf_daemon_get(conf)->state_dir,
                       CONF_CONTROL_NAME);
    conf_snapshot_unref(&conf);
    return status;
}

/* What the daemon's words for failures mean to whoever runs the command. */
static enum tool_status status_of(const char *code, enum tool_status refused)
{
    if (strcmp(code, "refused") == 0)
        return refused;
    return strcmp(code, "usage") == 0 || strcmp(code, "unknown") == 0 ? TOOL_USAGE : TOOL_SERVICE;
}

enum tool_status tool_control_ask(const struct tool_args *args, const struct tool_io *io,
                                  const char *const *words, size_t count, enum tool_status refused,
                                  struct base_control_answer *answer_r)
{
    const char *timeout = tool_args_get(args, "timeout");
    struct base_error error = {""};
    uint64_t seconds = TIMEOUT_S;
    char path[PATH_MAX];
    enum tool_status status;

    if (timeout != NULL &&
        (!base_text_to_uint(base_text_of(timeout), TIMEOUT_MAX_S, &seconds) || seconds == 0))
        return tool_fail(io, TOOL_USAGE, "--timeout: \"%s\": write seconds, 1 to %d", timeout,
                         TIMEOUT_MAX_S);
    status = find_socket(args, io, path);
    if (status != TOOL_ANSWERED) {
        tool_warn(io, "the daemon was not asked; with --socket PATH it is, whatever the file says");
        return status;
    }
    if (!base_control_ask(path, words, count, (int64_t)seconds * BASE_NS_PER_S, answer_r, &error))
        return tool_fail(io, TOOL_SERVICE, "%s", error.text);
    if (answer_r->is_ok) {
        if (answer_r->is_cut)
            tool_warn(io, "the answer was too long, its end is missing");
        return TOOL_ANSWERED;
    }
    status =
        tool_fail(io, status_of(answer_r->code, refused), "%s: %s", words[0], answer_r->error.text);
    base_control_answer_deinit(answer_r);
    return status;
}
