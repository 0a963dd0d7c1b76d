/* The service manager: told when we are ready, reload and stop (sd_notify(3)); asked how often it
 * wants to hear that the main thread lives. Without one every call does nothing. */
#ifndef FILTER_NOTIFY_H
#define FILTER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* We were started by a service manager that listens. */
bool filter_notify_is_managed(void);
void filter_notify_ready(uint64_t generation);
/* `mono_ns`: the monotonic clock now. */
void filter_notify_reloading(int64_t mono_ns);
void filter_notify_stopping(void);
void filter_notify_alive(void);
/* Milliseconds between two calls of filter_notify_alive(); -1: no watchdog. */
int filter_notify_interval_ms(void);

#endif
