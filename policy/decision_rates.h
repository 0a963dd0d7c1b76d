/* What rates said of a message, for its record. */
#ifndef POLICY_DECISION_RATES_H
#define POLICY_DECISION_RATES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/text.h"
#include "policy/rate/store.h"
#include "policy/rules.h"

struct base_json;
struct base_log_line;
struct policy_decision;

/* Rates and keys of one message that are recorded; past it only what is over. */
#define POLICY_RATE_HITS_MAX 100

/* One key of one rate, as it was judged last. Lives with its message. */
struct policy_rate_hit {
    /* Borrowed from the configuration. */
    const char *name;
    struct base_text key;
    /* The configuration's words. */
    const char *count;
    const char *action;
    enum policy_rule_mode mode;
    enum rate_answer answer;
    /* The fullest window, and what it counts with this message. */
    struct rate_limit limit;
    int64_t used;
    /* Of a share: what was sent in that window. */
    int64_t whole;
    /* Until it fits; -1: never of itself. */
    int64_t wait_ns;
    struct policy_rate_hit *next;
};

/* "free", "over", "held", "net-blocked". */
const char *policy_rate_answer_text(enum rate_answer answer);
void policy_decision_log_rates(const struct policy_decision *decision, struct base_log_line *line);
/* Sets "rates". */
void policy_decision_json_rates(const struct policy_decision *decision, struct base_json *object);

#endif
