/* policy/edits: the one order on which both MTAs agree, and our own list of fields kept in step. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "policy/edits.h"
#include "policy/header.h"

struct fixture {
    struct base_arena *arena;
    struct policy_header header;
    struct policy_edits edits;
};

static const struct policy_header_caps caps = {.max_fields = 100, .max_octets = 10000};

static int setup(void **state)
{
    static struct fixture fixture;

    fixture.arena = base_arena_create(1 << 16, NULL);
    policy_header_init(&fixture.header, fixture.arena);
    policy_edits_init(&fixture.edits, fixture.arena);
    for (unsigned i = 0; i < 5; i++) {
        policy_header_append(&fixture.header, &caps, BASE_TEXT("A-R"), BASE_TEXT(" a"));
        policy_header_append(&fixture.header, &caps, BASE_TEXT("Other"), BASE_TEXT(" o"));
    }
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *it = *state;

    base_arena_destroy(&it->arena);
    return 0;
}

static struct policy_field *nth(struct fixture *it, const char *name, unsigned index)
{
    for (size_t i = 0; i < it->header.count; i++)
        if (it->header.fields[i].index == index &&
            base_text_equals_nocase(it->header.fields[i].name, base_text_of(name)))
            return &it->header.fields[i];
    return NULL;
}

static void assert_edits(const struct fixture *it, const char *want)
{
    char storage[512];
    struct base_buf got;

    base_buf_init_fixed(&got, storage, sizeof(storage));
    for (const struct policy_edit *edit = it->edits.first; edit != NULL; edit = edit->next)
        base_buf_appendf(&got, "%s %s %u%s;", edit->op == POLICY_EDIT_DELETE ? "del" : "ins",
                         edit->name.data, edit->index,
                         edit->value.data != NULL ? edit->value.data : "");
    assert_string_equal(base_buf_cstr(&got), want);
}

static void test_order(void **state)
{
    struct fixture *it = *state;

    assert_true(policy_edits_delete(&it->edits, nth(it, "a-r", 2)));
    assert_true(policy_edits_insert(&it->edits, &it->header, BASE_TEXT("S"), BASE_TEXT(" 1")));
    assert_true(policy_edits_delete(&it->edits, nth(it, "a-r", 4)));
    assert_true(policy_edits_insert(&it->edits, &it->header, BASE_TEXT("S"), BASE_TEXT(" 2")));
    assert_true(policy_edits_delete(&it->edits, nth(it, "a-r", 1)));
    assert_true(policy_edits_delete(&it->edits, nth(it, "other", 3)));
    assert_edits(it, "del A-R 4;del Other 3;del A-R 2;del A-R 1;ins S 0 1;ins S 0 2;");
    assert_int_equal(it->edits.count, 6);
}

static void test_header_follows(void **state)
{
    struct fixture *it = *state;

    assert_true(policy_edits_insert(&it->edits, &it->header, BASE_TEXT("S"), BASE_TEXT(" 1")));
    assert_true(policy_edits_insert(&it->edits, &it->header, BASE_TEXT("T"), BASE_TEXT(" 2")));
    assert_true(policy_edits_delete(&it->edits, nth(it, "A-R", 3)));
    assert_int_equal(it->header.count, 12);
    assert_string_equal(it->header.fields[0].name.data, "T");
    assert_string_equal(it->header.fields[1].name.data, "S");
    assert_int_equal(it->header.fields[0].index, 0);
    assert_int_equal(policy_header_count(&it->header, BASE_TEXT("A-R")), 4);
    /* Ours are no target of deletions; what is removed is removed once. */
    assert_false(policy_edits_delete(&it->edits, &it->header.fields[0]));
    struct policy_field *removed = nth(it, "A-R", 3);
    assert_true(removed->is_removed);
    assert_true(policy_edits_delete(&it->edits, removed));
    assert_int_equal(it->edits.count, 3);
}

static void test_values(void **state)
{
    static const struct {
        struct base_text value;
        bool want;
    } cases[] = {
        {BASE_TEXT(""), true},          {BASE_TEXT(" a"), true},
        {BASE_TEXT(" a\n\tb"), true},   {BASE_TEXT(" a\n b\n c"), true},
        {BASE_TEXT(" \xc3\xa4"), true}, {BASE_TEXT(" a\nb"), false},
        {BASE_TEXT(" a\n"), false},     {BASE_TEXT(" a\r\n b"), false},
        {BASE_TEXT(" a\rb"), false},    {BASE_TEXT(" a\0b"), false},
        {BASE_TEXT("\n\n a"), false},
    };
    struct fixture *it = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t count = it->edits.count, fields = it->header.count;
        bool got = policy_edits_insert(&it->edits, &it->header, BASE_TEXT("S"), cases[i].value);
        if (got != cases[i].want)
            fail_msg("case %zu", i);
        assert_int_equal(it->edits.count, count + (got ? 1 : 0));
        assert_int_equal(it->header.count, fields + (got ? 1 : 0));
    }
}

static void test_exhausted(void **state)
{
    struct fixture *it = *state;
    bool got = true;

    while (got)
        got = policy_edits_insert(&it->edits, &it->header, BASE_TEXT("Some-Name"),
                                  BASE_TEXT(" some value of some length, to come to the end"));
    assert_true(base_arena_is_exhausted(it->arena));
    size_t edits = 0;
    for (const struct policy_edit *edit = it->edits.first; edit != NULL; edit = edit->next)
        edits++;
    assert_int_equal(edits, it->edits.count);
    assert_int_equal(it->header.count, 10 + edits);
    while (base_arena_alloc(it->arena, 1) != NULL)
        continue;
    assert_false(policy_edits_delete(&it->edits, nth(it, "A-R", 1)));
    assert_false(nth(it, "A-R", 1)->is_removed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_header_follows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_exhausted, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
