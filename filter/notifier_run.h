/* The process that tells people of rates. Single-threaded; what it is told comes from the daemon.
 */
#ifndef FILTER_NOTIFIER_RUN_H
#define FILTER_NOTIFIER_RUN_H

#include <stddef.h>

/* Octets of one event with its targets. */
#define FILTER_NOTIFIER_PACKET_MAX ((size_t)16 * 1024)
/* Seconds for one program, or one mail. */
#define FILTER_NOTIFIER_SECONDS 10

/* Until the other end of `fd` is closed. */
void filter_notifier_run(int fd, const char *helo);

#endif
