#include "filter/session.h"

#include <inttypes.h>

#include "base/log.h"
#include "base/mem.h"
#include "conf/daemon.h"
#include "filter/daemon.h"
#include "filter/message.h"
#include "policy/session.h"
#include "policy/snapshot.h"

static const struct policy_verdict too_many_sessions = {
    .stage = POLICY_STAGE_CONNECT,
    .action = POLICY_ACTION_TEMPFAIL,
    .code = "451",
    .enhanced = "4.3.2",
    .text = "Too many sessions, please try again later",
    .rule = "",
};

/* Once a second at most: whoever opens too many sessions must not fill the log too. */
static void warn_of_too_many(struct filter_daemon *daemon, int64_t max)
{
    int64_t now_ns = base_clock_mono_ns(&daemon->clock);
    int64_t said_ns = daemon->refused_said_ns;

    daemon->refused_sessions++;
    if ((said_ns == 0 || now_ns - said_ns >= BASE_NS_PER_S) &&
        __atomic_compare_exchange_n(&daemon->refused_said_ns, &said_ns, now_ns, false,
                                    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        unsigned refused = __atomic_exchange_n(&daemon->refused_sessions, 0, __ATOMIC_SEQ_CST);

        base_log_warning("sessions-max = %" PRId64 " is reached: %u session%s got 451 4.3.2", max,
                         refused, refused == 1 ? "" : "s");
    }
}

struct filter_session *filter_session_create(struct filter_daemon *daemon,
                                             const struct filter_offer *offer)
{
    struct policy_snapshot *snapshot = filter_snapshot_get(&daemon->snapshot);
    int64_t max = conf_daemon_get(policy_snapshot_conf(snapshot))->sessions_max;
    struct filter_wishes wishes = {.needs = policy_snapshot_needs(snapshot),
                                   .is_refused = !filter_count_begin_session(&daemon->count, max),
                                   .is_inet = daemon->is_inet};
    struct filter_session *session = base_mem_alloc_zero(1, sizeof *session);

    session->daemon = daemon;
    session->policy = policy_session_create(&daemon->env, snapshot);
    policy_snapshot_unref(&snapshot);
    session->needs_port = wishes.needs.has_port;
    if (wishes.is_refused) {
        session->connect_verdict = &too_many_sessions;
        warn_of_too_many(daemon, max);
    }
    if (!filter_negotiate(offer, &wishes, &session->protocol)) {
        base_log_error("the MTA offers actions 0x%lx, but adding and deleting fields (0x%lx) are "
                       "needed: its session is refused",
                       offer->actions, session->protocol.actions);
        filter_session_destroy(&session);
    }
    return session;
}

void filter_session_destroy(struct filter_session **session)
{
    if (*session == NULL) {
        return;
    }
    filter_message_end(*session, NULL);
    policy_session_destroy(&(*session)->policy);
    filter_count_end_session(&(*session)->daemon->count);
    base_mem_free(*session);
    *session = NULL;
}

const struct policy_verdict *filter_session_latched(const struct filter_session *session)
{
    if (session->connect_verdict != NULL) {
        return session->connect_verdict;
    }
    return session->helo_verdict != NULL ? session->helo_verdict : session->message_verdict;
}

void filter_session_latch(struct filter_session *session, enum policy_stage stage,
                          const struct policy_verdict *verdict)
{
    const struct policy_verdict **latch = &session->message_verdict;

    if (stage == POLICY_STAGE_CONNECT) {
        latch = &session->connect_verdict;
    } else if (stage == POLICY_STAGE_HELO) {
        latch = &session->helo_verdict;
    }
    if (*latch == NULL) {
        *latch = verdict;
    }
}
