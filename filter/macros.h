/* What the MTA should have told us and did not: named once in the log, with the line of its
 * configuration that sends it. The lists are asked for when the session is negotiated
 * (filter/negotiate.h), so that an MTA of today needs no such line; one that cannot be asked, or
 * that does not know the macro, does. */
#ifndef FILTER_MACROS_H
#define FILTER_MACROS_H

#include <stdatomic.h>

#include "filter/mta.h"

/* The macros that are missed when they are not there. */
enum filter_macro {
    FILTER_MACRO_MTA_NAME,
    FILTER_MACRO_DAEMON_NAME,
    FILTER_MACRO_DAEMON_PORT,
    FILTER_MACRO_QUEUE_ID,
    FILTER_MACRO_VERIFY,
    FILTER_MACRO_COUNT,
};

/* Which of them were named. Zero to begin with. */
struct filter_macros {
    atomic_uint named;
};

/* Called where the macro is due and was not there. Thread-safe; writes a line the first time. */
void filter_macros_miss(struct filter_macros *macros, enum filter_macro macro);

#endif
