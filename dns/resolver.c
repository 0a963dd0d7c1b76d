#include "dns/resolver.h"

#include <stddef.h>

void dns_resolver_destroy(struct dns_resolver **resolver)
{
    struct dns_resolver *old = *resolver;

    *resolver = NULL;
    if (old != NULL)
        old->ops->destroy(old);
}
