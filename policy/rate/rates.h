/* `rate` blocks of the configuration, checked and compiled; immutable and shared by threads. */
#ifndef POLICY_RATE_RATES_H
#define POLICY_RATE_RATES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/rate/events.h"
#include "policy/rate/growth.h"
#include "policy/rate/key.h"
#include "policy/rate/limits.h"
#include "policy/rules-private.h"

struct conf_snapshot;
struct conf_table;

enum rate_count {
    RATE_COUNT_MESSAGES,
    RATE_COUNT_RECIPIENTS,
    RATE_COUNT_BYTES,
    RATE_COUNT_DISTINCT_RECIPIENTS,
    RATE_COUNT_DISTINCT_RECIPIENT_DOMAINS,
    RATE_COUNT_DISTINCT_CLIENTS,
    RATE_COUNT_DISTINCT_CLIENT_NETS,
    RATE_COUNT_REJECTED,
    RATE_COUNT_BOUNCES,
};

enum rate_action {
    RATE_ACTION_TEMPFAIL,
    RATE_ACTION_REJECT,
    RATE_ACTION_DISCARD,
    RATE_ACTION_MARK,
    RATE_ACTION_HOLD,
};

/* The configuration's words: "distinct-recipients", "hold". */
const char *rate_count_text(enum rate_count count);
const char *rate_action_text(enum rate_action action);
/* What is counted, for people: "different recipients", "octets". */
const char *rate_count_words(enum rate_count count);

struct rate_rule {
    const char *name;
    /* Its conditions; its stage is the one where it is judged: RCPT, or end of message for what is
     * not known before. */
    struct policy_rule rule;
    struct rate_key key;
    enum rate_count count;
    enum rate_action action;
    enum policy_rule_mode mode;
    /* Bounces that name no message of a login are those of the sender they come back to. */
    bool is_by_sender;
    struct rate_windows windows;
    /* The name of what its windows are shares of; NULL: they are no shares. */
    char *whole_name;
    /* Of shares: with fewer bounces nobody is over. */
    int64_t at_least;
    /* Of the first of them. */
    bool has_growth;
    struct rate_growth growth;
    unsigned warn_percent;
    /* 0: it does not hold; -1: until it is released. */
    int64_t hold_ns;
    struct rate_exempt *exempt;
    /* NULL: no key has limits of its own. */
    struct rate_limits_map *limits;
    /* Whom to tell; borrowed from the configuration. */
    const struct conf_list *notify;
    const char *notify_smtp;
};

struct rate_rules {
    size_t count;
    struct rate_rule *items;
};

extern const struct conf_table rate_table;

/* NULL and *error_r (file, line, rate, option, value, mend) on the first fault. Those with mode =
 * off are checked, and left out. */
__attribute__((warn_unused_result)) struct rate_rules *rate_rules_create(
    const struct conf_snapshot *conf, struct base_error *error_r);
/* Sets *rules to NULL; NULL inside is fine. */
void rate_rules_destroy(struct rate_rules **rules);

/* Bit 1 << stage: an enforced rate may refuse something there. */
unsigned rate_rules_deciding_stages(const struct rate_rules *rules);
/* The windows of the key then: its own, or those of the rate; in `room`, or borrowed. */
const struct rate_windows *rate_rule_windows(const struct rate_rule *rule, struct base_text key,
                                             int64_t wall_s, struct rate_windows *room);
/* Its windows are shares: bounces of what was sent. */
bool rate_rule_is_share(const struct rate_rule *rule);
/* What windows of shares are of: as long as they are, and never full. */
void rate_windows_make_whole(const struct rate_windows *shares, struct rate_windows *whole_r);
/* The most that one of these windows of the key can ever come to: a limit that grows ends there. */
int64_t rate_rule_most(const struct rate_rule *rule, struct base_text key,
                       const struct rate_windows *windows, unsigned window);
/* Counts values, not units. */
bool rate_rule_is_distinct(const struct rate_rule *rule);
/* One that is over keeps the recipient, or the message, from being accepted. */
bool rate_rule_is_refusing(const struct rate_rule *rule);
/* Some rate counts that. */
bool rate_rules_count(const struct rate_rules *rules, enum rate_count count);
/* It is counted when it happens, and asked about beforehand. */
bool rate_rule_is_of_events(const struct rate_rule *rule);
/* Some rate has `notify`. */
bool rate_rules_want_notifier(const struct rate_rules *rules);
/* The one of that name; NULL: none. */
const struct rate_rule *rate_rules_find(const struct rate_rules *rules, struct base_text name);
/* Tells what `event` says of the rate, if it has whom to tell. `watch` may be NULL. */
void rate_rule_tell(const struct rate_rule *rule, const struct rate_watch *watch,
                    struct rate_event *event);

#endif
