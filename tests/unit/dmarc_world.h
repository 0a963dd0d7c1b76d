/* A zone and one evaluation, for tests of policy/dmarc. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_DMARC_WORLD_H
#define TESTS_UNIT_DMARC_WORLD_H

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/dmarc/dmarc.h"

#define DMARC_WORLD_TIME 1795348800

struct dmarc_world {
    struct base_clock clock;
    struct dns_budget budget;
    struct dns_resolver *resolver;
    struct base_arena *arena;
    struct dns_lookups *lookups;
};

static inline void dmarc_world_init(struct dmarc_world *world, const char *zone, size_t memory)
{
    struct dns_lookups_options options = {.max_questions = 400};
    struct base_error error;

    *world = (struct dmarc_world){.clock = base_clock_manual(DMARC_WORLD_TIME),
                                  .budget = {BASE_NS_PER_S}};
    world->resolver = dns_zone_create(base_text_of(zone), "zone", &error);
    if (world->resolver == NULL)
        fail_msg("%s\n%s", error.text, zone);
    world->arena = base_arena_create(memory, NULL);
    options.resolver = world->resolver;
    options.clock = &world->clock;
    world->lookups = dns_lookups_create(world->arena, &options);
    assert_non_null(world->lookups);
    dns_lookups_set_budget(world->lookups, &world->budget);
}

static inline void dmarc_world_deinit(struct dmarc_world *world)
{
    dns_lookups_destroy(&world->lookups);
    base_arena_destroy(&world->arena);
    dns_resolver_destroy(&world->resolver);
}

static inline struct dns_name dmarc_world_name(const char *text)
{
    struct dns_name name;

    if (dns_name_make(&name, base_text_of(text)) != DNS_NAME_OK)
        fail_msg("%s is no name", text);
    return name;
}

#endif
