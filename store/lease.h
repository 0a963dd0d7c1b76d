/* The shared lock of an open file, for all threads of the process together: the first who joins
 * takes it, and it is kept for a moment after the last has left, for two system calls cost more
 * than a look-up. Once STORE_LEASE_NS are over no new one joins until the lock has been given back,
 * so that whoever wants the exclusive lock waits that long, and for those who are in, no more.
 *
 * The lock belongs to the open file (F_OFD_SETLK), for the locks of a process would be gone as soon
 * as any of its threads let go of one. Thread-safe. */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include <stdbool.h>
#include <stdint.h>

/* How long the lock is held while it is in demand, or after it was. */
#define STORE_LEASE_NS INT64_C(20000000)

struct store_lease;

/* `fd` is borrowed and must outlive the lease. Starts a thread when the lock is first taken. Never
 * NULL. */
struct store_lease *store_lease_create(int fd);
/* Nobody may be in. Sets *lease to NULL; NULL inside is fine. */
void store_lease_destroy(struct store_lease **lease);

/* Waits while somebody else has the exclusive lock, for five seconds at most. False, with errno:
 * the lock was not to be had. */
__attribute__((warn_unused_result)) bool store_lease_join(struct store_lease *lease);
void store_lease_leave(struct store_lease *lease);

#endif
