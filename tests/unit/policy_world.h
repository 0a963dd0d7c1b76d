/* A world for tests of sessions: a key made on the spot, a configuration, a zone, a clock that
 * stands still. Include after <cmocka.h>. */
#ifndef TESTS_UNIT_POLICY_WORLD_H
#define TESTS_UNIT_POLICY_WORLD_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "conf/conf.h"
#include "dns/resolver.h"
#include "keys/store.h"
#include "policy/session.h"
#include "policy/snapshot.h"

#define WORLD_TIME INT64_C(1795348800)

struct world {
    char key_dir[64];
    struct base_clock clock;
    struct dns_resolver *resolver;
    struct policy_snapshot *snapshot;
    struct policy_env env;
    struct policy_session *session;
};

static inline void world_make_key(const struct world *world, const char *selector)
{
    struct dns_name domain;
    struct base_error error;

    assert_int_equal(dns_name_make(&domain, BASE_TEXT("example.org")), DNS_NAME_OK);
    struct keys_new_options options = {
        .key_dir = world->key_dir,
        .domain = &domain,
        .selector = selector,
        .type = KEYS_TYPE_ED25519,
        .gid = getegid(),
    };
    struct keys_key *key = keys_store_new(&options, &error);
    if (key == NULL)
        fail_msg("%s", error.text);
    keys_key_unref(&key);
}

static inline struct policy_snapshot *world_snapshot(const struct world *world, const char *more,
                                                     struct base_error *error_r)
{
    struct policy_snapshot_options options = {.want_keys = true};
    size_t table_count = 0;
    const struct conf_table *const *tables = policy_tables(&table_count);
    struct base_buf text;

    base_buf_init(&text, NULL, 65536);
    base_buf_appendf(&text, "authserv-id = \"mx.example.org\"\nkey-dir = \"%s\"\n%s\n",
                     world->key_dir, more);
    struct conf_snapshot *conf =
        conf_read_text(base_buf_cstr(&text), "test.conf", tables, table_count, error_r);
    base_buf_deinit(&text);
    if (conf == NULL)
        return NULL;
    struct policy_snapshot *snapshot = policy_snapshot_create(conf, &options, error_r);
    conf_snapshot_unref(&conf);
    return snapshot;
}

/* Keys s1 and s2 of example.org. */
static inline void world_init(struct world *world)
{
    struct base_error error;

    *world = (struct world){.clock = base_clock_manual(WORLD_TIME)};
    snprintf(world->key_dir, sizeof(world->key_dir), "/tmp/test_policy.XXXXXX");
    assert_non_null(mkdtemp(world->key_dir));
    world_make_key(world, "s1");
    world_make_key(world, "s2");
    world->resolver =
        dns_zone_create(BASE_TEXT("example.org. 300 IN A 192.0.2.1\n"), "test.zone", &error);
    if (world->resolver == NULL)
        fail_msg("%s", error.text);
    world->env = (struct policy_env){.resolver = world->resolver, .clock = &world->clock};
}

#define WORLD_SIGN "sign \"example.org\" { keys = { \"s1\", \"s2\" } }\n"

/* A new configuration and a new session under it. */
static inline void world_configure(struct world *world, const char *more)
{
    struct base_error error;

    policy_session_destroy(&world->session);
    policy_snapshot_unref(&world->snapshot);
    world->snapshot = world_snapshot(world, more, &error);
    if (world->snapshot == NULL)
        fail_msg("%s", error.text);
    world->session = policy_session_create(&world->env, world->snapshot);
}

static inline void world_deinit(struct world *world)
{
    char command[128];

    policy_session_destroy(&world->session);
    policy_snapshot_unref(&world->snapshot);
    dns_resolver_destroy(&world->resolver);
    snprintf(command, sizeof(command), "rm -rf '%s'", world->key_dir);
    assert_int_equal(system(command), 0);
}

static inline void world_connect(struct world *world, const char *address, const char *daemon)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(40000)};
    struct policy_connect_facts facts = {
        .address = (const struct sockaddr *)&in,
        .client_name = BASE_TEXT("client.example"),
        .mta_name = BASE_TEXT("j.example.org"),
        .daemon_name = base_text_of(daemon),
    };

    assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
    assert_int_equal(policy_session_connect(world->session, &facts)->action,
                     POLICY_ACTION_CONTINUE);
}

static inline void world_mail(struct world *world, const char *path, const char *login)
{
    struct policy_mail_facts facts = {
        .reverse_path = base_text_of(path),
        .auth_authen = base_text_of(login),
    };

    assert_int_equal(policy_session_mail(world->session, &facts)->action, POLICY_ACTION_CONTINUE);
}

static inline void world_field(struct world *world, const char *name, const char *value)
{
    policy_session_field(world->session, base_text_of(name), base_text_of(value));
}

static inline const struct policy_verdict *world_finish(struct world *world)
{
    policy_session_eoh(world->session);
    policy_session_body(world->session, BASE_TEXT("Hello.\r\n"));
    return policy_session_eom(world->session, NULL, NULL);
}

#endif
