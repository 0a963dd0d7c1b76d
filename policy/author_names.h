/* Whether From names one of a set of domains at all: for rules that guard those domains, where the
 * one author domain (author.h) is not enough. Thread-safe, takes no memory. */
#ifndef POLICY_AUTHOR_NAMES_H
#define POLICY_AUTHOR_NAMES_H

#include <stdbool.h>

struct policy_domains;
struct policy_header;

/* An address of any From field that is not removed is in the set; of a field that cannot be read,
 * anything behind an "@". */
bool policy_author_names(const struct policy_header *header, const struct policy_domains *domains);

#endif
