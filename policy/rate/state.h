/* What rates count, kept over a restart and over a crash to within a second: what is accepted is
 * queued, and a thread of its own writes it to the disk twice a second; no message waits for it. Is
 * the disk full or too slow, mail goes on, and what found no room is not kept. What was only
 * reserved is never kept: a message that was under way when the process was killed comes again.
 *
 * Within one boot of the machine the time is that of the monotonic clock, so that a wall clock that
 * is set between two starts frees nobody; over a boot it is the wall clock's. */
#ifndef POLICY_RATE_STATE_H
#define POLICY_RATE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "policy/rate/engine.h"

struct base_clock;
struct rate_state;

/* Octets that wait for the disk. */
#define RATE_STATE_QUEUE_MAX ((size_t)32 << 20)

/* NULL and *error_r: the file cannot be used. Blocks on the disk. */
__attribute__((warn_unused_result)) struct rate_state *rate_state_open(const char *path,
                                                                       struct base_error *error_r);
/* Fills in seed, epoch, and whom to tell of changes; `options->clock` is set. */
void rate_state_prepare(struct rate_state *state, struct rate_engine_options *options);
/* Once the engine is made: hands it what was kept, and begins to write. The thread blocks all
 * signals. */
__attribute__((warn_unused_result)) bool rate_state_start(struct rate_state *state,
                                                          struct rate_store *store,
                                                          struct base_error *error_r);
/* Writes what waits now, on the calling thread. For the tests, and for the end. */
__attribute__((warn_unused_result)) bool rate_state_flush(struct rate_state *state,
                                                          struct base_error *error_r);
/* Changes that were not kept, since the start. */
uint64_t rate_state_dropped(struct rate_state *state);
/* Stops the thread after a last write; the engine must be idle, or gone. Sets *state to NULL; NULL
 * inside is fine. */
void rate_state_close(struct rate_state **state);

#endif
