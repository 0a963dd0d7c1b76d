/* The answer to `status` (postseal(1), STATUS) for people, and as one object. */
#ifndef TOOL_STATUS_PRINT_H
#define TOOL_STATUS_PRINT_H

#include <stdio.h>

struct base_json;

/* `rows`: the array of the control socket's results. What a newer or older daemon does not say, or
 * says beyond, is left out. */
void tool_status_print(const struct base_json *rows, FILE *out);
void tool_status_print_json(const struct base_json *rows, FILE *out);

#endif
