/* What happened since the start, in numbers: each rule's, each verdict's, each result's. One table
 * a process; a rule is known by its name and stage, so that its numbers outlive a reload which
 * keeps both. Thread-safe: counting takes no lock but where a rule is met for the first time. */
#ifndef POLICY_COUNTERS_H
#define POLICY_COUNTERS_H

#include <stdint.h>

#include "policy/verdict.h"

struct base_json;
struct policy_counters;
struct policy_decision;

/* Rules told apart; what is past it is not counted. */
#define POLICY_COUNTERS_RULES_MAX 65536

/* Of a rule. At RCPT each recipient counts, else each message or, before MAIL, each greeting. */
enum policy_counter {
    /* Its conditions held. */
    POLICY_COUNTER_MATCHED,
    /* It decided, and that was done. */
    POLICY_COUNTER_DECIDED,
    /* It, or everything, is observed: it would have decided. */
    POLICY_COUNTER_WOULD,
    /* It would have refused mail of a mailbox that stays reachable (`reserved-mailboxes`). */
    POLICY_COUNTER_SPARED,
    /* Its `tempfail-for` is over. */
    POLICY_COUNTER_OVERDUE,
    POLICY_COUNTER_COUNT,
};

/* "matched", ... */
const char *policy_counter_text(enum policy_counter counter);

/* Never NULL. */
struct policy_counters *policy_counters_create(void);
/* Sets *counters to NULL; NULL inside is fine. */
void policy_counters_destroy(struct policy_counters **counters);

/* One more. `counters` may be NULL, here and below: nothing is counted. */
void policy_counters_add(struct policy_counters *counters, const char *rule,
                         enum policy_stage stage, enum policy_counter counter);
uint64_t policy_counters_read(const struct policy_counters *counters, const char *rule,
                              enum policy_stage stage, enum policy_counter counter);

/* A message was decided, or broken off: its verdict and what was found of it. */
void policy_counters_note(struct policy_counters *counters, const struct policy_decision *decision);

/* Sets the documented members (postseal(1), STATUS): verdicts, would, results, ... */
void policy_counters_json(const struct policy_counters *counters, struct base_json *object);

#endif
