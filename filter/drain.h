/* The end of the process: what is under way is finished, nothing new is begun. */
#ifndef FILTER_DRAIN_H
#define FILTER_DRAIN_H

struct filter_daemon;
struct filter_listener;

/* Stops accepting; messages under way have `shutdown-timeout` to finish, new ones on open sessions
 * get 451 4.3.2. Returns when all is answered, when the time is up, or at a second SIGTERM
 * (`signal_fd`). Sessions that are then still open are idle: the MTA finds them closed. */
void filter_drain(struct filter_daemon *daemon, struct filter_listener *listener, int signal_fd);

#endif
