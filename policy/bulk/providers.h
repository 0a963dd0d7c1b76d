/* Large mailbox providers: which of them a recipient's domain belongs to, and from how many
 * recipients a day on they treat an author domain as a bulk sender. Immutable, thread-safe. */
#ifndef POLICY_BULK_PROVIDERS_H
#define POLICY_BULK_PROVIDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct bulk_providers;
struct conf_snapshot;
struct conf_table;
struct dns_name;

/* Octets of a provider's name. */
#define BULK_PROVIDER_NAME_MAX 60

/* `bulk-limit` of the top level, and `bulk-provider` blocks. */
extern const struct conf_table bulk_options_table;
extern const struct conf_table bulk_provider_table;

struct bulk_provider {
    /* [a-z0-9.-] */
    const char *name;
    /* Recipients in 24 hours. */
    int64_t limit;
};

/* The built-in ones with what `conf` adds. NULL and *error_r on the first fault. */
__attribute__((warn_unused_result)) struct bulk_providers *bulk_providers_create(
    const struct conf_snapshot *conf, struct base_error *error_r);
/* Sets *providers to NULL; NULL inside is fine. */
void bulk_providers_destroy(struct bulk_providers **providers);

/* Borrowed; NULL: none has this domain. What the configuration says of a domain goes before what is
 * built in, and a domain itself before ".domain". */
const struct bulk_provider *bulk_providers_find(const struct bulk_providers *providers,
                                                const struct dns_name *domain);
/* Some provider has `mx`: MX records are worth asking for. */
bool bulk_providers_want_mx(const struct bulk_providers *providers);
/* The same as bulk_providers_find() by the name of a mail exchanger. */
const struct bulk_provider *bulk_providers_find_mx(const struct bulk_providers *providers,
                                                   const struct dns_name *host);
/* Borrowed; NULL: there is none of that name. */
const struct bulk_provider *bulk_providers_by_name(const struct bulk_providers *providers,
                                                   struct base_text name);

#endif
