/* An SPF evaluation as a tree: records, their terms, and what each term asked DNS. */
#ifndef TOOL_SPF_TREE_H
#define TOOL_SPF_TREE_H

#include <stdio.h>

struct dns_lookups;
struct spf_outcome;

/* `address`: the client's, 4 or 16 octets. Questions are looked up in `lookups`, which
 * must be those of the evaluation; none is asked. */
void tool_spf_tree_print(FILE *out, const struct spf_outcome *outcome, struct dns_lookups *lookups,
                         const unsigned char *address, size_t length);

#endif
