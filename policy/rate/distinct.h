/* How many different values were seen in the last W: exact while they are no more than
 * RATE_EXACT_MAX, then estimated with HyperLogLog (Flajolet, Fusy, Gandouet and Meunier, 2007;
 * 1,024 registers: standard error 3.25%), a set of registers for each sub-window of window.h. A
 * value that is seen again is not counted again, but is remembered from then on. Values are hashes
 * of the caller's, well mixed. What is reserved counts at once and is committed or given back;
 * nothing is taken from a value that another message has charged, too. */
#ifndef POLICY_RATE_DISTINCT_H
#define POLICY_RATE_DISTINCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values counted exactly. A limit up to this is never judged by an estimate. */
#define RATE_EXACT_MAX 1000

struct rate_distinct;

/* `slot` in all of these is rate_window_slot() of now, unless it says otherwise. Never NULL. */
struct rate_distinct *rate_distinct_create(void);
/* Sets *distinct to NULL; NULL inside is fine. */
void rate_distinct_destroy(struct rate_distinct **distinct);

/* Octets that it takes. */
size_t rate_distinct_size(const struct rate_distinct *distinct);
/* Octets that one more value may make it grow by. */
size_t rate_distinct_growth(const struct rate_distinct *distinct);
int64_t rate_distinct_used(struct rate_distinct *distinct, int64_t slot);
/* The value counts already: reserving it adds nothing. Estimates never say so. */
bool rate_distinct_has(const struct rate_distinct *distinct, uint64_t value, int64_t slot);
void rate_distinct_reserve(struct rate_distinct *distinct, uint64_t value, int64_t slot);
/* What was reserved is seen at `charged`, or is given back. */
void rate_distinct_commit(struct rate_distinct *distinct, uint64_t value, int64_t charged);
void rate_distinct_give_back(struct rate_distinct *distinct, uint64_t value);
/* The sub-window of the value that will be forgotten first; `slot` if there is none. */
int64_t rate_distinct_oldest(const struct rate_distinct *distinct, int64_t slot);

#endif
