/* policy/header: caps, indexes as smfi_chgheader counts them, and marks for what was left out. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "policy/header.h"

static const struct policy_header_caps wide = {.max_fields = 1000, .max_octets = 262144};

static int setup(void **state)
{
    *state = base_arena_create(1 << 20, NULL);
    return 0;
}

static int teardown(void **state)
{
    struct base_arena *arena = *state;

    base_arena_destroy(&arena);
    return 0;
}

static void append(struct policy_header *header, const char *name, const char *value)
{
    policy_header_append(header, &wide, base_text_of(name), base_text_of(value));
}

static void test_index(void **state)
{
    static const struct {
        const char *name;
        unsigned want;
    } fields[] = {
        {"Received", 1}, {"Subject", 1},  {"received", 2}, {"SUBJECT", 2},
        {"X", 1},        {"Received", 3}, {"X ", 2},       {"X\t ", 3},
    };
    struct policy_header header;

    policy_header_init(&header, *state);
    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        append(&header, fields[i].name, " v");
        assert_int_equal(header.fields[i].index, fields[i].want);
    }
    assert_int_equal(header.fields[7].name.length, 1);
    assert_int_equal(policy_header_count(&header, BASE_TEXT("RECEIVED")), 3);
    assert_int_equal(policy_header_count(&header, BASE_TEXT("Receive")), 0);
    assert_false(header.is_cut);
}

static void test_next_skips_removed(void **state)
{
    struct policy_header header;
    size_t position = 0;

    policy_header_init(&header, *state);
    append(&header, "A", " 1");
    append(&header, "B", " 2");
    append(&header, "a", " 3");
    header.fields[0].is_removed = true;
    struct policy_field *field = policy_header_next(&header, BASE_TEXT("A"), &position);
    assert_non_null(field);
    assert_int_equal(field->index, 2);
    assert_string_equal(field->value.data, " 3");
    assert_null(policy_header_next(&header, BASE_TEXT("A"), &position));
    assert_int_equal(policy_header_count(&header, BASE_TEXT("A")), 1);
}

static void test_grows(void **state)
{
    struct policy_header header;

    policy_header_init(&header, *state);
    for (unsigned i = 0; i < 1000; i++)
        append(&header, "X-Flood", " v");
    assert_false(header.is_cut);
    assert_int_equal(header.count, 1000);
    assert_int_equal(header.fields[999].index, 1000);
    append(&header, "X-Flood", " v");
    assert_true(header.is_cut);
    assert_int_equal(header.count, 1000);
}

static void test_octets_cap(void **state)
{
    static const struct policy_header_caps caps = {.max_fields = 10, .max_octets = 20};
    struct policy_header header;

    policy_header_init(&header, *state);
    policy_header_append(&header, &caps, BASE_TEXT("A"), BASE_TEXT("123456789"));
    policy_header_append(&header, &caps, BASE_TEXT("B"), BASE_TEXT("123456789"));
    assert_false(header.is_cut);
    assert_int_equal(header.octets, 20);
    policy_header_append(&header, &caps, BASE_TEXT("C"), BASE_TEXT(""));
    assert_true(header.is_cut);
    assert_int_equal(header.count, 2);
    /* What follows a field that was left out is left out, too: the list is a prefix. */
    header.octets = 0;
    policy_header_append(&header, &caps, BASE_TEXT("D"), BASE_TEXT(""));
    assert_int_equal(header.count, 2);
}

static void test_value_with_any_octet(void **state)
{
    struct policy_header header;

    policy_header_init(&header, *state);
    policy_header_append(&header, &wide, BASE_TEXT("A"), BASE_TEXT(" a\0b\n\tc\xff"));
    assert_int_equal(header.fields[0].value.length, 8);
    assert_memory_equal(header.fields[0].value.data, " a\0b\n\tc\xff", 9);
    policy_header_append(&header, &wide, (struct base_text){NULL, 0}, (struct base_text){NULL, 0});
    assert_int_equal(header.count, 2);
    assert_int_equal(header.fields[1].value.length, 0);
}

static void test_arena_exhausted(void **state)
{
    struct base_arena *small = base_arena_create(8192, NULL);
    struct policy_header header;

    (void)state;
    policy_header_init(&header, small);
    for (unsigned i = 0; i < 1000 && !header.is_cut; i++)
        append(&header, "Subject", " some words that take room");
    assert_true(header.is_cut);
    assert_true(header.count > 10);
    assert_true(base_arena_is_exhausted(small));
    base_arena_destroy(&small);
}

static void test_marks(void **state)
{
    static const struct policy_header_caps caps = {.max_fields = 2, .max_octets = 1000};
    struct policy_header header;

    policy_header_init(&header, *state);
    policy_header_append(&header, &caps, BASE_TEXT("From"), BASE_TEXT(" a@b.example"));
    policy_header_append(&header, &caps, BASE_TEXT("X"), BASE_TEXT(" x"));
    policy_header_append(&header, &caps, BASE_TEXT("From"), BASE_TEXT(" c@d.example"));
    assert_int_equal(policy_header_count(&header, BASE_TEXT("From")), 1);
    assert_true(policy_header_append_mark(&header, BASE_TEXT("FROM")));
    assert_int_equal(policy_header_count(&header, BASE_TEXT("From")), 2);
    assert_int_equal(header.fields[2].index, 2);
    assert_true(header.fields[2].is_left_out);
    assert_int_equal(header.fields[2].value.length, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_next_skips_removed, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grows, setup, teardown),
        cmocka_unit_test_setup_teardown(test_octets_cap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_value_with_any_octet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arena_exhausted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_marks, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
