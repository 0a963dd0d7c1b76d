/* Work on a mapped file that somebody else may cut off or overwrite while it is read: what is gone
 * is a fault of that work, and not the end of the process. mmap(2) gives SIGBUS to who reads behind
 * the end of a file; within such work it ends the work alone, and elsewhere the process, as ever.
 * Thread-safe. */
#ifndef STORE_GUARD_H
#define STORE_GUARD_H

#include <stdbool.h>

/* Takes the process's SIGBUS; once more does no harm. */
void store_guard_install(void);
/* Runs `work`, which must hold nothing that it would have to give back: it is left where it stands.
 * False: it was. One at a time in a thread. */
__attribute__((warn_unused_result)) bool store_guard_run(void (*work)(void *context),
                                                         void *context);
/* Leaves the work that this thread is in; returns if it is in none. */
void store_guard_leave(void);

#endif
