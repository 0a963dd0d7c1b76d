#include "filter/control_commands.h"

#include <inttypes.h>
#include <stddef.h>

#include "base/json.h"
#include "base/log.h"
#include "filter/control.h"
#include "filter/daemon.h"
#include "filter/status.h"
#include "policy/snapshot.h"

static void run_status(void *context, const struct filter_control_request *request,
                       struct filter_control_answer *answer)
{
    const struct filter_control_context *control = context;

    (void)request;
    filter_status_answer(control->daemon, answer);
}

static void run_log(void *context, const struct filter_control_request *request,
                    struct filter_control_answer *answer)
{
    enum base_log_level level;
    struct base_json *row;

    (void)context;
    if (request->count > 0) {
        if (!base_log_level_parse(request->arguments[0], &level)) {
            filter_control_answer_fail(answer, "usage",
                                       "\"%.40s\" is no level: debug, info, warning or error",
                                       request->arguments[0].data);
            return;
        }
        base_log_set_level(level);
    }
    row = base_json_object();
    base_json_set_cstr(row, "log_level", base_log_level_text(base_log_get_level()));
    (void)filter_control_answer_add(answer, row);
}

static void run_reload(void *context, const struct filter_control_request *request,
                       struct filter_control_answer *answer)
{
    const struct filter_control_context *control = context;
    struct base_error error = {""};
    struct base_json *warnings = base_json_array();
    bool is_good = control->reload(control->process, warnings, &error);
    struct policy_snapshot *snapshot = filter_snapshot_get(&control->daemon->snapshot);
    uint64_t generation = policy_snapshot_generation(snapshot);
    struct base_json *row = base_json_object();

    (void)request;
    policy_snapshot_unref(&snapshot);
    base_json_set_int(row, "generation", (int64_t)generation);
    base_json_set(row, "warnings", warnings);
    (void)filter_control_answer_add(answer, row);
    if (!is_good) {
        filter_control_answer_fail(answer, "refused",
                                   "configuration %" PRIu64 " stays in force: %s", generation,
                                   error.text);
    }
}

void filter_control_commands_register(struct filter_control *control,
                                      struct filter_control_context *context)
{
    static const struct filter_control_command commands[] = {
        {.name = "status", .help = "show what the daemon does", .run = run_status},
        {.name = "reload",
         .help = "read the configuration and the keys again",
         .is_privileged = true,
         .is_main = true,
         .run = run_reload},
        {.name = "log",
         .arguments = "[LEVEL]",
         .help = "show or change what is logged, until the next reload",
         .arguments_max = 1,
         .is_privileged = true,
         .run = run_log},
    };

    filter_control_register(control, commands, sizeof commands / sizeof *commands, context);
}
