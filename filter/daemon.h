/* What the process has one of. Made by filter/main.c before the first session, never destroyed
 * while one may be open. */
#ifndef FILTER_DAEMON_H
#define FILTER_DAEMON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "filter/count.h"
#include "filter/macros.h"
#include "filter/snapshot.h"
#include "filter/status.h"
#include "policy/session.h"

struct base_budget;

struct filter_daemon {
    struct base_clock clock;
    struct base_budget *budget;
    struct policy_env env;
    struct filter_count count;
    /* Said to be missing. */
    struct filter_macros macros;
    struct filter_snapshot snapshot;
    struct filter_status_facts facts;
    /* The listening socket is TCP's. */
    bool is_inet;
    /* Sessions refused for `sessions-max` since it was last said, and when that was. */
    _Atomic unsigned refused_sessions;
    _Atomic int64_t refused_said_ns;
};

#endif
