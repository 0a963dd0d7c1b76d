/* What a rate does not count. Immutable, thread-safe. */
#ifndef POLICY_RATE_EXEMPT_H
#define POLICY_RATE_EXEMPT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/text.h"

struct conf_list;
struct policy_client;
struct rate_exempt;

/* Items: a value of a part (a login, an address, a domain with or without '@'), or a network. */
__attribute__((warn_unused_result)) struct rate_exempt *rate_exempt_create(
    const struct conf_list *list, struct base_error *error_r);
/* Sets *exempt to NULL; NULL inside is fine. */
void rate_exempt_destroy(struct rate_exempt **exempt);
/* A part of a key in its canonical form; of an address its domain, too. `exempt` may be NULL. */
bool rate_exempt_has(const struct rate_exempt *exempt, struct base_text value);
/* The client is in one of the networks. `exempt` may be NULL. */
bool rate_exempt_has_client(const struct rate_exempt *exempt, const struct policy_client *client);

#endif
