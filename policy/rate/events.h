/* What rates have to tell people: a key is near its limit, is blocked or held, was released. */
#ifndef POLICY_RATE_EVENTS_H
#define POLICY_RATE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/window.h"

struct conf_list;

enum rate_event_kind {
    RATE_EVENT_WARNING,
    RATE_EVENT_BLOCK,
    RATE_EVENT_RELEASE,
};

/* Valid within the call. */
struct rate_event {
    enum rate_event_kind kind;
    const char *rate;
    struct base_text key;
    /* What is counted, and what happens to what is over: the configuration's words. */
    const char *count;
    const char *action;
    struct rate_limit limit;
    int64_t used;
    /* Of a share: what was sent. */
    int64_t whole;
    int64_t time_s;
    /* Whom to tell: "exec:/path", "mail:address"; and how often at most: once in this time. */
    const struct conf_list *targets;
    /* The mail server for those, "host:port". */
    const char *smtp;
    int64_t period_s;
};

/* Who tells them. Thread-safe, and never waits. */
struct rate_watch {
    void (*tell)(void *context, const struct rate_event *event);
    void *context;
    /* HELO of mail that tells of rates, and is therefore not counted; a secret. {NULL, 0}: none. */
    struct base_text helo;
};

/* "warning", "block", "release". */
const char *rate_event_text(enum rate_event_kind kind);

/* What is wrong with a target of `notify`, in words with the mend; NULL: nothing. */
const char *rate_event_check_target(const char *target);

/* Splits "host:port" or "[2001:db8::1]:port"; false: it is not that. */
bool rate_event_split_smtp(const char *smtp, char host[256], char port[16]);

#endif
