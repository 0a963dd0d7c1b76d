/* What one milter connection lets us ask of the MTA and tell it, as an ops table: libmilter behind
 * it in the daemon (filter/callbacks.c), a fake in the tests. Nothing else in filter/ calls a
 * libmilter function about a session. */
#ifndef FILTER_MTA_H
#define FILTER_MTA_H

#include <stdbool.h>

/* Lines of one reply. */
#define FILTER_MTA_LINES_MAX 8

struct filter_mta_ops {
    /* The value of a macro, borrowed until the next command; NULL when the MTA did not send it. */
    const char *(*macro)(void *context, const char *name);
    /* For the verdict that is returned next. The lines, 1 to FILTER_MTA_LINES_MAX of them and
     * then NULL, have their '%' doubled. False: it was refused. */
    bool (*set_reply)(void *context, const char *code, const char *enhanced,
                      const char *const *lines);
    /* At end of message only. False: the MTA cannot be told. */
    bool (*delete_field)(void *context, const char *name, unsigned index);
    bool (*insert_field)(void *context, const char *name, const char *value);
    bool (*quarantine)(void *context, const char *reason);
    /* Tells the MTA that we are still at it; at end of message only. */
    void (*progress)(void *context);
};

/* A value; `context` is libmilter's for this session. */
struct filter_mta {
    const struct filter_mta_ops *ops;
    void *context;
};

#endif
