/* policy/dmarc/walk: RFC 9989 sections 4.10 and 4.10.2. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "policy/dmarc/walk.h"
#include "tests/unit/dmarc_world.h"

#define MEMORY 65536

static void check_plan(const char *start, const char *const want[])
{
    struct dns_name name = dmarc_world_name(start);
    struct dmarc_walk walk;
    size_t i;

    dmarc_walk_plan(&walk, &name);
    assert_false(walk.is_temporary);
    for (i = 0; want[i] != NULL; i++) {
        assert_true(i < walk.count);
        assert_string_equal(walk.steps[i].domain.text, want[i]);
        assert_false(walk.steps[i].has_record);
    }
    assert_int_equal(i, walk.count);
}

static void test_plan(void **state)
{
    static const char *const one[] = {"com", NULL};
    static const char *const three[] = {"a.example.com", "example.com", "com", NULL};
    static const char *const seven[] = {"1.2.3.4.5.6.7", "2.3.4.5.6.7", "3.4.5.6.7", "4.5.6.7",
                                        "5.6.7",         "6.7",         "7",         NULL};
    static const char *const eight[] = {
        "0.1.2.3.4.5.6.7", "1.2.3.4.5.6.7", "2.3.4.5.6.7", "3.4.5.6.7", "4.5.6.7",
        "5.6.7",           "6.7",           "7",           NULL};
    static const char *const nine[] = {"x.0.1.2.3.4.5.6.7",
                                       "1.2.3.4.5.6.7",
                                       "2.3.4.5.6.7",
                                       "3.4.5.6.7",
                                       "4.5.6.7",
                                       "5.6.7",
                                       "6.7",
                                       "7",
                                       NULL};
    static const char *const rfc[] = {"a.b.c.d.e.f.g.h.i.j.mail.example.com",
                                      "g.h.i.j.mail.example.com",
                                      "h.i.j.mail.example.com",
                                      "i.j.mail.example.com",
                                      "j.mail.example.com",
                                      "mail.example.com",
                                      "example.com",
                                      "com",
                                      NULL};

    (void)state;
    check_plan(one[0], one);
    check_plan(three[0], three);
    check_plan(seven[0], seven);
    check_plan(eight[0], eight);
    check_plan(nine[0], nine);
    check_plan(rfc[0], rfc);
}

struct row {
    const char *name;
    const char *zone;
    const char *start;
    const char *want;
    /* Names that were asked for. */
    size_t questions;
    bool is_temporary;
};

#define R(name, tags) "_dmarc." name ". TXT \"v=DMARC1;" tags "\"\n"

static const struct row rows[] = {
    {"nothing: the start", "x. A 10.0.0.1\n", "a.b.example.com", "a.b.example.com", 4, false},
    {"the start's own", R("a.example.com", "p=none"), "a.example.com", "a.example.com", 3, false},
    {"the fewest labels", R("a.example.com", "p=none") R("example.com", "p=none"), "a.example.com",
     "example.com", 3, false},
    {"a record at the single label", R("com", "p=none"), "a.example.com", "com", 3, false},
    {"psd=n ends it", R("b.example.com", "psd=n") R("example.com", "p=none"), "a.b.example.com",
     "b.example.com", 2, false},
    {"psd=n at the start", R("a.example.com", "psd=n") R("example.com", "p=none"), "a.example.com",
     "a.example.com", 1, false},
    {"psd=y: one label below", R("com", "psd=y"), "a.b.example.com", "example.com", 4, false},
    {"psd=y: before a longer one", R("a.b.example.com", "p=none") R("com", "psd=y"),
     "a.b.example.com", "example.com", 4, false},
    {"psd=y right above", R("example.com", "psd=y"), "a.example.com", "a.example.com", 2, false},
    {"psd=y at the start", R("co.uk", "psd=y"), "co.uk", "co.uk", 1, false},
    {"psd=y two labels", R("co.uk", "psd=y") R("uk", "p=none"), "a.example.co.uk", "example.co.uk",
     3, false},
    {"psd=u goes on", R("example.com", "psd=u") R("com", "psd=y"), "a.example.com", "example.com",
     3, false},
    {"two records are none", R("example.com", "p=none") R("example.com", "p=none"), "a.example.com",
     "a.example.com", 3, false},
    {"two with psd=n do not end it",
     R("example.com", "psd=n") R("example.com", "psd=n") R("com", "p=none"), "a.example.com", "com",
     3, false},
    {"a record that cannot be used is one", R("example.com", "p=bad"), "a.example.com",
     "example.com", 3, false},
    {"names between 8 and 7 labels are not asked for", R("2.3.4.5.6.7.8.9", "psd=n"),
     "1.2.3.4.5.6.7.8.9", "1.2.3.4.5.6.7.8.9", 8, false},
    {"psd=y far above a long name", R("9", "psd=y"), "1.2.3.4.5.6.7.8.9", "8.9", 8, false},
    {"psd=y at seven of nine labels", R("3.4.5.6.7.8.9", "psd=y"), "1.2.3.4.5.6.7.8.9",
     "2.3.4.5.6.7.8.9", 2, false},
    {"a failure", R("example.com", "p=none") "$FAULT _dmarc.a.example.com. TXT SERVFAIL\n",
     "a.example.com", "example.com", 3, true},
    {"a failure at the top", R("example.com", "p=none") "$FAULT _dmarc.com. TXT TIMEOUT\n",
     "a.example.com", "example.com", 3, true},
    {"not reached", R("example.com", "psd=n") "$FAULT _dmarc.com. TXT TIMEOUT\n", "a.example.com",
     "example.com", 2, false},
    {"NXDOMAIN is no failure", R("com", "psd=y") "$FAULT _dmarc.example.com. TXT NXDOMAIN\n",
     "a.example.com", "example.com", 3, false},
};

static void test_organizational(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct dns_name start = dmarc_world_name(rows[i].start);
        struct dmarc_world world;
        struct dmarc_walk walk;
        struct dns_name storage;

        dmarc_world_init(&world, rows[i].zone, MEMORY);
        dmarc_walk_run(&walk, world.lookups, &start);
        const struct dns_name *got = dmarc_walk_organizational(&walk, &storage);
        if (strcmp(got->text, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, got->text);
        if (walk.is_temporary != rows[i].is_temporary)
            fail_msg("%s: temporary %d", rows[i].name, walk.is_temporary);
        if (dns_lookups_count(world.lookups) != rows[i].questions ||
            walk.count != rows[i].questions)
            fail_msg("%s: %zu questions", rows[i].name, dns_lookups_count(world.lookups));
        dmarc_world_deinit(&world);
    }
}

/* A domain before which "_dmarc." has no room has no record, and is no reason to stop. */
static void test_long(void **state)
{
    static const char zone[] = R("example.com", "p=none");
    char text[DNS_NAME_MAX + 1];
    struct dmarc_world world;
    struct dmarc_walk walk;
    struct dns_name storage;
    size_t length = 0;

    (void)state;
    for (; length < 240; length += 60) {
        memset(text + length, 'x', 59);
        text[length + 59] = '.';
    }
    memcpy(text + length, "example.com", sizeof("example.com"));
    struct dns_name start = dmarc_world_name(text);
    dmarc_world_init(&world, zone, MEMORY);
    dmarc_walk_run(&walk, world.lookups, &start);
    assert_string_equal(dmarc_walk_organizational(&walk, &storage)->text, "example.com");
    assert_false(walk.is_temporary);
    assert_int_equal(dns_lookups_count(world.lookups), walk.count - 1);
    dmarc_world_deinit(&world);
}

static void test_prefetch(void **state)
{
    struct dns_name start = dmarc_world_name("1.2.3.4.5.6.7.8.9");
    struct dmarc_world world;
    struct dmarc_walk walk;

    (void)state;
    dmarc_world_init(&world, "x. A 10.0.0.1\n", MEMORY);
    dmarc_walk_prefetch(world.lookups, &start);
    assert_int_equal(dns_lookups_count(world.lookups), 8);
    dmarc_walk_run(&walk, world.lookups, &start);
    assert_int_equal(dns_lookups_count(world.lookups), 8);
    dmarc_world_deinit(&world);
}

static void test_find(void **state)
{
    struct dns_name start = dmarc_world_name("a.example.com");
    struct dns_name org = dmarc_world_name("example.com");
    struct dns_name other = dmarc_world_name("b.example.com");
    struct dmarc_world world;
    struct dmarc_walk walk;

    (void)state;
    dmarc_world_init(&world, R("example.com", "p=reject"), MEMORY);
    dmarc_walk_run(&walk, world.lookups, &start);
    assert_non_null(dmarc_walk_find(&walk, &start));
    assert_false(dmarc_walk_find(&walk, &start)->has_record);
    assert_true(dmarc_walk_find(&walk, &org)->has_record);
    assert_int_equal(dmarc_walk_find(&walk, &org)->record.p.policy, DMARC_POLICY_REJECT);
    assert_null(dmarc_walk_find(&walk, &other));
    dmarc_world_deinit(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plan), cmocka_unit_test(test_organizational),
        cmocka_unit_test(test_long), cmocka_unit_test(test_prefetch),
        cmocka_unit_test(test_find),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
