/* libmilter's side: the callbacks, and the thread that runs them. One filter a process, because
 * libmilter has one. */
#ifndef FILTER_CALLBACKS_H
#define FILTER_CALLBACKS_H

#include <stdbool.h>
#include <stdint.h>

struct filter_daemon;

/* Tells libmilter everything that must be set before the socket is opened. `listen` as in the
 * configuration, `mta_timeout_ms`: how long one command may be waited for. The daemon is borrowed
 * for the life of the process. False: libmilter refused. */
__attribute__((warn_unused_result)) bool filter_callbacks_register(struct filter_daemon *daemon,
                                                                   const char *listen,
                                                                   int64_t mta_timeout_ms);

#endif
