/* Sessions that rates count, in an embedded store. */
#ifndef TESTS_UNIT_POLICY_RATE_WORLD_H
#define TESTS_UNIT_POLICY_RATE_WORLD_H

#include "policy/rate/engine.h"
#include "tests/unit/policy_world.h"

static inline void start(struct world *world, const char *conf)
{
    if (world->env.rates == NULL)
        world->env.rates =
            rate_engine_create(&(struct rate_engine_options){.clock = &world->clock});
    world_configure(world, conf);
}

static inline void stop(struct world *world)
{
    policy_session_destroy(&world->session);
    rate_store_destroy(&world->env.rates);
}

static inline const struct policy_verdict *rcpt(struct world *world, const char *path)
{
    return policy_session_rcpt(world->session, base_text_of(path));
}

static inline const struct policy_verdict *finish(struct world *world)
{
    const struct policy_verdict *verdict;

    world_field(world, "From", " <alice@example.org>");
    verdict = world_finish(world);
    policy_session_accepted(world->session);
    return verdict;
}

/* So many messages of one recipient are accepted. */
static inline void must_accept(struct world *world, const char *login, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        world_mail(world, "<alice@example.org>", login);
        assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_CONTINUE);
        assert_int_equal(finish(world)->action, POLICY_ACTION_CONTINUE);
    }
}

static inline void must_refuse(struct world *world, const char *login)
{
    world_mail(world, "<alice@example.org>", login);
    assert_int_equal(rcpt(world, "<bob@example.net>")->action, POLICY_ACTION_TEMPFAIL);
    policy_session_reset(world->session);
}

/* Units that the key has charged, whoever asks. */
struct asked {
    const char *key;
    int64_t used;
};

static inline void find(void *context, const struct rate_status *status)
{
    struct asked *asked = context;

    if (base_text_equals(status->key, base_text_of(asked->key)))
        asked->used += status->used[0];
}

static inline int64_t used(struct world *world, const char *key)
{
    struct asked asked = {.key = key};

    rate_store_list(world->env.rates, find, &asked);
    return asked.used;
}

/* For a group of tests: its state is the world. */
static inline int set_up(void **state)
{
    static struct world world;

    world_init(&world);
    *state = &world;
    return 0;
}

static inline int tear_down(void **state)
{
    world_deinit(*state);
    return 0;
}

#endif
