/* A zone, a client and one check_host(), for tests of policy/spf. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_SPF_WORLD_H
#define TESTS_UNIT_SPF_WORLD_H

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/mem.h"
#include "dns/lookups.h"
#include "dns/resolver.h"
#include "policy/spf/spf.h"

#define SPF_WORLD_TIME 1795348800

/* What is not said: client 192.0.2.1, "user" of example.org, HELO mx.example.net. */
struct spf_setting {
    const char *zone;
    const char *client;
    const char *domain;
    const char *local;
    const char *helo;
    size_t memory;
};

struct spf_world {
    struct base_clock clock;
    struct dns_budget budget;
    struct dns_resolver *resolver;
    struct base_arena *arena;
    struct spf_request request;
    struct spf_outcome outcome;
};

static inline struct base_text spf_world_text(const char *text, const char *fallback)
{
    return base_text_of(text == NULL ? fallback : text);
}

static inline void spf_world_client(struct spf_client *client, const char *text)
{
    unsigned char octets[16];

    if (inet_pton(AF_INET, text, octets) == 1)
        spf_client_set(client, octets, 4);
    else if (inet_pton(AF_INET6, text, octets) == 1)
        spf_client_set(client, octets, 16);
    else
        fail_msg("%s is no address", text);
}

/* The zone's names are below example.org. where they do not end in a dot. */
static inline void spf_world_init(struct spf_world *world, const struct spf_setting *setting)
{
    struct dns_lookups_options options = {.max_questions = 400};
    struct base_error error;
    struct base_buf zone;

    *world =
        (struct spf_world){.clock = base_clock_manual(SPF_WORLD_TIME), .budget = {BASE_NS_PER_S}};
    base_buf_init(&zone, NULL, (size_t)4 << 20);
    base_buf_append_cstr(&zone, "$ORIGIN example.org.\n$TTL 300\n");
    base_buf_append_cstr(&zone, setting->zone);
    world->resolver = dns_zone_create(base_buf_text(&zone), "zone", &error);
    base_buf_deinit(&zone);
    if (world->resolver == NULL)
        fail_msg("%s\n%s", error.text, setting->zone);
    world->arena =
        base_arena_create(setting->memory == 0 ? (size_t)2 << 20 : setting->memory, NULL);
    options.resolver = world->resolver;
    options.clock = &world->clock;
    world->request = (struct spf_request){
        .arena = world->arena,
        .lookups = dns_lookups_create(world->arena, &options),
        .domain = spf_world_text(setting->domain, "example.org"),
        .local_part = spf_world_text(setting->local, "user"),
        .helo = spf_world_text(setting->helo, "mx.example.net"),
        .receiver = BASE_TEXT("mx.example.com"),
        .now_s = SPF_WORLD_TIME,
        .max_terms = SPF_TERMS_MAX,
        .max_voids = 2,
        .want_explanation = true,
    };
    assert_non_null(world->request.lookups);
    dns_lookups_set_budget(world->request.lookups, &world->budget);
    spf_world_client(&world->request.client,
                     setting->client == NULL ? "192.0.2.1" : setting->client);
}

static inline void spf_world_run(struct spf_world *world, const struct spf_setting *setting)
{
    spf_world_init(world, setting);
    spf_check_host(&world->request, &world->outcome);
}

static inline size_t spf_world_questions(const struct spf_world *world)
{
    return dns_lookups_count(world->request.lookups);
}

static inline void spf_world_deinit(struct spf_world *world)
{
    dns_lookups_destroy(&world->request.lookups);
    base_arena_destroy(&world->arena);
    dns_resolver_destroy(&world->resolver);
}

#endif
