/* The control socket's command about the bulk-sender meter: which author domain sends how much to
 * which provider. */
#ifndef FILTER_BULK_H
#define FILTER_BULK_H

struct filter_control;
struct filter_daemon;

/* Counts that one answer shows. */
#define FILTER_BULK_SHOWN 100

/* `daemon` must outlive the control. */
void filter_bulk_register(struct filter_control *control, struct filter_daemon *daemon);

#endif
