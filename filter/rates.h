/* The control socket's commands about rates: which keys are fullest, which are held and why, and
 * letting them go. */
#ifndef FILTER_RATES_H
#define FILTER_RATES_H

struct filter_control;
struct filter_daemon;

/* Keys that one answer shows. */
#define FILTER_RATES_SHOWN 100

/* Tells of keys whose time to be held is over. Once a second. */
void filter_rates_end_holds(struct filter_daemon *daemon);
/* `daemon` must outlive the control. */
void filter_rates_register(struct filter_control *control, struct filter_daemon *daemon);

#endif
