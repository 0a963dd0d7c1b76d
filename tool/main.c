/* postseal: the administrator's command. */
#include <signal.h>
#include <sys/resource.h>

#include "base/log.h"
#include "tool/run.h"

int main(int argc, char **argv)
{
    const struct tool_io io = {stdin, stdout, stderr};
    const struct base_log_options log = {
        .ident = "postseal", .target = BASE_LOG_STDERR, .level = BASE_LOG_WARNING};

    const struct rlimit no_core = {0, 0};

    base_log_init(&log);
    /* Private keys are in our memory. */
    (void)setrlimit(RLIMIT_CORE, &no_core);
    /* A reader that goes away is an error of writing, not a reason to die without a word. */
    (void)signal(SIGPIPE, SIG_IGN);
    return (int)tool_run(argc, (const char *const *)argv, &io);
}
