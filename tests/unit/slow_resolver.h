/* A resolver over a zone whose answers come when the test lets them. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_SLOW_RESOLVER_H
#define TESTS_UNIT_SLOW_RESOLVER_H

#include <string.h>

#include "base/mem.h"
#include "dns/resolver.h"

struct slow_resolver {
    struct dns_resolver resolver;
    struct dns_resolver *zone;
    /* No answer is there. */
    bool is_silent;
    unsigned asked;
    unsigned open;
};

struct slow_pending {
    struct slow_resolver *slow;
    struct dns_pending *inner;
};

static inline struct dns_pending *slow_ask(struct dns_resolver *resolver,
                                           const struct dns_name *name, enum dns_type type)
{
    struct slow_resolver *slow = (struct slow_resolver *)resolver;
    struct slow_pending *pending = base_mem_alloc_zero(1, sizeof(*pending));

    slow->asked++;
    slow->open++;
    pending->slow = slow;
    pending->inner = slow->zone->ops->ask(slow->zone, name, type);
    return (struct dns_pending *)(void *)pending;
}

static inline struct dns_answer *slow_wait(struct dns_pending *pending, int64_t timeout_ns)
{
    struct slow_pending *it = (struct slow_pending *)(void *)pending;

    return it->slow->is_silent ? NULL : it->slow->zone->ops->wait(it->inner, timeout_ns);
}

static inline void slow_drop(struct dns_pending **pending)
{
    struct slow_pending *it = (struct slow_pending *)(void *)*pending;

    it->slow->open--;
    it->slow->zone->ops->drop(&it->inner);
    base_mem_free(it);
    *pending = NULL;
}

static inline void slow_init(struct slow_resolver *slow, const char *zone)
{
    static const struct dns_resolver_ops ops = {
        .name = "slow", .ask = slow_ask, .wait = slow_wait, .drop = slow_drop};
    struct base_error error;

    memset(slow, 0, sizeof(*slow));
    slow->resolver.ops = &ops;
    slow->zone = dns_zone_create(base_text_of(zone), "test.zone", &error);
    if (slow->zone == NULL)
        fail_msg("%s", error.text);
}

static inline void slow_deinit(struct slow_resolver *slow)
{
    assert_int_equal(slow->open, 0);
    dns_resolver_destroy(&slow->zone);
}

#endif
