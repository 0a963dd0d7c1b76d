/* policy/path: what an MTA that is not strict takes for a path. The readings are those of Postfix;
 * tests/mta sends them through it. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "policy/path.h"

struct row {
    const char *path;
    /* NULL: it is none. */
    const char *want;
};

static const struct row rows[] = {
    /* As policy_address_parse() reads them. */
    {"<alice@example.org>", "alice@example.org"},
    {"<@a.test,@b.test:alice@example.org>", "alice@example.org"},
    {"<\"al\\ice\"@example.org>", "\"al\\ice\"@example.org"},
    {"<>", ""},
    {"<postmaster>", "postmaster"},
    /* As others do. */
    {"<al\\ice@example.org>", "alice@example.org"},
    {"<\\alice@example.org>", "alice@example.org"},
    {"<alice@example\\.org>", "alice@example.org"},
    {"<(c)alice@example.org>", "alice@example.org"},
    {"<alice(c(d)\\))@example.org>", "alice@example.org"},
    {"<alice@(c)example.org>", "alice@example.org"},
    {"<alice@example.org(c)>", "alice@example.org"},
    {"alice@example.org (c)", "alice@example.org"},
    {"<alice @ example . org>", "alice@example.org"},
    {"<Alice <alice@example.org>>", "alice@example.org"},
    {"<\"<x@y>\" <alice@example.org> (c)>", "alice@example.org"},
    {"<eve@example.net <alice@example.org>>", "alice@example.org"},
    {"<Alice <@a.test:alice@example.org>>", "alice@example.org"},
    {"<(c)@a.test, @b.test: alice@example.org>", "alice@example.org"},
    {"<\"al\".ice@example.org>", "al.ice@example.org"},
    {"<\"a b\".c@example.org>", "\"a b.c\"@example.org"},
    {"<a\\ b@example.org>", "\"a b\"@example.org"},
    {"<not an address>", "\"not an address\""},
    {"<al(c)ice  x . y@example.org>", "\"al ice x.y\"@example.org"},
    {"<alice@\"example.org\">", "alice@example.org"},
    {"<alice@x@example.org>", "\"alice@x\"@example.org"},
    {"<a:alice@example.org>", "\"a:alice\"@example.org"},
    {"<a:;alice@example.org>", "alice@example.org"},
    {"<a:alice@example.org;>", "alice@example.org"},
    {"<\\alice>", "alice"},
    {"<(c)alice@[192.0.2.1]>", "alice@[192.0.2.1]"},
    {"<\"a\tb\"@example.org>", "\"a b\"@example.org"},
    {"<\"a\x01\\\r\"@example.org>", "a??@example.org"},
    {"<alice\x7f@example.org>", "alice?@example.org"},
    {"<alice@exam\x01ple.org>", NULL},
    {"<\"\"alice@example.org>", "alice@example.org"},
    {"<(c)\"\"@example.org>", "\"\"@example.org"},
    {"<\"a\\\\b\".c@example.org>", "\"a\\\\b.c\"@example.org"},
    {"<a\\\"b@example.org>", "\"a\\\"b\"@example.org"},
    {"<(c)j\xc3\xb6rg@example.org>", "j\xc3\xb6rg@example.org"},
    /* Nobody does. */
    {"<alice@example.org", NULL},
    {"<(calice@example.org>", NULL},
    {"<alice)@example.org>", NULL},
    {"<\"alice@example.org>", NULL},
    {"<alice@example.org\\>", NULL},
    {"<alice@example.org;>", NULL},
    {"<alice@example.org,bob@example.org>", NULL},
    {"<A <alice@example.org>, B <bob@example.org>>", NULL},
    {"<A <alice@example.org> bob@example.org>", NULL},
    {"<A <<alice@example.org>>>", NULL},
    {"<a:alice@example.org;bob@example.org>", NULL},
    {"<(c)alice@example..org>", NULL},
    {"<(c)alice@>", NULL},
    {"<alice@exam ple.org>", NULL},
    {"<(c)\xff@example.org>", NULL},
    {"<(c)@example.org>", "\"\"@example.org"},
};

static void test_paths(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct policy_address got;
        enum policy_address_kind kind = policy_path_read(arena, base_text_of(rows[i].path), &got);

        if (kind != got.kind || (kind == POLICY_ADDRESS_INVALID) != (rows[i].want == NULL))
            fail_msg("%s: kind %d", rows[i].path, (int)kind);
        if (rows[i].want != NULL && !base_text_equals(got.text, base_text_of(rows[i].want)))
            fail_msg("%s: %.*s", rows[i].path, (int)got.text.length, got.text.data);
    }
    base_arena_destroy(&arena);
}

/* What it writes is a path, at every length. */
static void test_lengths(void **state)
{
    struct base_arena *arena = base_arena_create(1 << 24, NULL);
    char path[POLICY_ADDRESS_MAX + 64];
    struct policy_address got, again;

    (void)state;
    for (size_t length = 20; length < sizeof(path); length++) {
        memset(path, 'a', length);
        memcpy(path, "<\\\"\\\"", 5);
        memcpy(path + length - 13, "@example.org>", 13);
        enum policy_address_kind kind =
            policy_path_read(arena, (struct base_text){path, length}, &got);
        bool fits = length - 2 <= POLICY_ADDRESS_MAX - 2;

        if ((kind == POLICY_ADDRESS_DOMAIN) != fits)
            fail_msg("%zu octets: kind %d", length, (int)kind);
        if (fits)
            assert_int_equal(policy_address_parse(got.text, &again), POLICY_ADDRESS_DOMAIN);
    }
    base_arena_destroy(&arena);
}

static void test_no_memory(void **state)
{
    struct base_arena *arena = base_arena_create(1, NULL);
    struct policy_address got;

    (void)state;
    assert_int_equal(policy_path_read(arena, BASE_TEXT("<(c)alice@example.org>"), &got),
                     POLICY_ADDRESS_INVALID);
    assert_true(base_text_equals(got.text, BASE_TEXT("(c)alice@example.org")));
    base_arena_destroy(&arena);
}

/* What the MTA says of a path that is none. */
static void test_told(void **state)
{
    static const struct {
        const char *path;
        const char *told;
        const char *want;
        bool is_known;
    } cases[] = {
        {"<alice@example.org>", "bob@example.net", "alice@example.org", true},
        {"<>", "bob@example.net", "", true},
        {"<x <alice@example.org>,>", "alice@example.org", "alice@example.org", true},
        {"<(c)alice@example.org>", "bob@example.net", "bob@example.net", true},
        /* Sendmail: of a domain of its own. */
        {"<(c)alice@example.org>", "Alice", "alice@example.org", true},
        {"<(c)alice@example.org>", "bob", "bob", true},
        {"<x <alice@example.org>,>", "alice", "alice", true},
        {"<(c)alice@stranger.example>", "alice@stranger.example.", "alice@stranger.example.", true},
        /* It says nothing, or nothing that could be read. */
        {"<(c)alice@example.org>", "", "alice@example.org", false},
        {"<(c)alice@example.org>", "x <y", "alice@example.org", false},
        {"<x <alice@example.org>,>", "", "x <alice@example.org>,", false},
    };
    struct base_arena *arena = base_arena_create(1 << 20, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_address got;
        bool is_known = policy_path_settle(arena, base_text_of(cases[i].path),
                                           base_text_of(cases[i].told), &got);

        if (is_known != cases[i].is_known ||
            !base_text_equals(got.text, base_text_of(cases[i].want)))
            fail_msg("%s: %d %.*s", cases[i].path, is_known, (int)got.text.length, got.text.data);
    }
    base_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
