/* An evaluation of DMARC, explained to a person. */
#ifndef TOOL_DMARC_PRINT_H
#define TOOL_DMARC_PRINT_H

#include <stdio.h>

struct dmarc_outcome;
struct dmarc_request_facts;

/* The questions asked, each step of the author domain's walk with its record, what decides, the
 * alignment of each identifier, and the result. */
void tool_dmarc_print(const struct dmarc_request_facts *request,
                      const struct dmarc_outcome *outcome, FILE *out);

#endif
