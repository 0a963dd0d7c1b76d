/* What `postseal status` shows. */
#ifndef FILTER_STATUS_H
#define FILTER_STATUS_H

#include <stdbool.h>
#include <stdint.h>

struct filter_control_answer;
struct filter_daemon;

/* What only the main thread knows, told once before the control socket is up. */
struct filter_status_facts {
    /* Borrowed. */
    const char *config_path;
    /* NULL: none. */
    const char *zone_path;
    bool has_fixed_time;
    int64_t started_s;
    int64_t started_ns;
};

/* The documented lines (postseald(8), "Control socket"). Thread-safe, does not block. */
void filter_status_answer(struct filter_daemon *daemon, struct filter_control_answer *answer);

#endif
