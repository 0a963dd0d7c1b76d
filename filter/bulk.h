/* The control socket's command about the bulk-sender meter: which author domain sends how much to
 * which provider. */
#ifndef FILTER_BULK_H
#define FILTER_BULK_H

#include <stdbool.h>

struct filter_control;
struct filter_daemon;

/* Counts that one answer shows. */
#define FILTER_BULK_SHOWN 100

/* `daemon` must outlive the control. */
void filter_bulk_register(struct filter_control *control, struct filter_daemon *daemon);
/* How often filter_bulk_settle() is to be called. */
#define FILTER_BULK_SETTLE_MS 1000
/* Main thread: counts what waited for the name of its author; with `is_last` all of it. */
void filter_bulk_settle(struct filter_daemon *daemon, bool is_last);

#endif
