/* conf/source: how much is read, and where relative paths lead. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/source.h"
#include "tests/unit/conf_files.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void test_resolve(void **state)
{
    static const struct {
        const char *path;
        const char *from;
        const char *want;
    } cases[] = {
        {"a", "/etc/postseal/x.conf", "/etc/postseal/a"},
        {"b/a", "/etc/postseal/x.conf", "/etc/postseal/b/a"},
        {"../a", "/etc/postseal/x.conf", "/etc/postseal/../a"},
        {"/a", "/etc/postseal/x.conf", "/a"},
        {"a", "x.conf", "a"},
        {"a", "./x.conf", "./a"},
        {"a", "/x.conf", "/a"},
        {"", "d/x.conf", "d/"},
    };
    struct base_arena *arena = base_arena_create(65536, NULL);
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_string_equal(conf_source_resolve(cases[i].path, cases[i].from, arena),
                            cases[i].want);
    base_arena_destroy(&arena);
}

static bool check_length(struct conf_budget *budget, size_t length, struct base_error *error)
{
    char *text = malloc(length + 1);
    assert_non_null(text);
    memset(text, ' ', length);
    bool is_good = conf_source_check(budget, (struct base_text){text, length}, "x.conf", error);
    free(text);
    return is_good;
}

static void test_caps(void **state)
{
    struct conf_budget budget = {0, 0};
    struct base_error error;
    (void)state;
    assert_false(check_length(&budget, CONF_SOURCE_FILE_MAX + 1, &error));
    assert_non_null(strstr(error.text, "x.conf: larger than 16 MiB"));
    for (int i = 0; i < 4; i++)
        assert_true(check_length(&budget, CONF_SOURCE_FILE_MAX, &error));
    assert_true(check_length(&budget, 0, &error));
    assert_false(check_length(&budget, 1, &error));
    assert_non_null(strstr(error.text, "x.conf: with this file the configuration is larger than "
                                       "64 MiB"));
}

static void test_file_count(void **state)
{
    struct conf_budget budget = {0, 0};
    struct base_error error;
    (void)state;
    for (size_t i = 0; i < CONF_SOURCE_FILES_MAX; i++)
        assert_true(check_length(&budget, 0, &error));
    assert_false(check_length(&budget, 0, &error));
    assert_non_null(strstr(error.text, "x.conf: the configuration reads more than 10000 files"));
}

static void test_read(void **state)
{
    struct conf_budget budget = {0, 0};
    struct base_error error;
    struct base_text text;
    struct base_arena *arena = base_arena_create(SIZE_MAX / 2, NULL);
    struct conf_where nobody = {NULL, 0};
    const char *path = conf_files_put(*state, "a", "abc\n");
    assert_true(conf_source_read(&budget, path, nobody, arena, &text, &error));
    assert_true(base_text_equals(text, BASE_TEXT("abc\n")));
    assert_int_equal(text.data[4], '\0');
    assert_int_equal(budget.used, 4);

    char *large = calloc(1, CONF_SOURCE_FILE_MAX + 1);
    memset(large, ' ', CONF_SOURCE_FILE_MAX + 1);
    path = conf_files_write(*state, "b", large, CONF_SOURCE_FILE_MAX, 0644);
    assert_true(conf_source_read(&budget, path, nobody, arena, &text, &error));
    assert_int_equal(text.length, CONF_SOURCE_FILE_MAX);
    path = conf_files_write(*state, "b", large, CONF_SOURCE_FILE_MAX + 1, 0644);
    struct conf_where from = {"x.conf", 3};
    assert_false(conf_source_read(&budget, path, from, arena, &text, &error));
    assert_non_null(strstr(error.text, "x.conf:3: "));
    assert_non_null(strstr(error.text, "larger than"));
    free(large);
    base_arena_destroy(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resolve),
        cmocka_unit_test(test_caps),
        cmocka_unit_test(test_file_count),
        cmocka_unit_test_setup_teardown(test_read, conf_files_setup, conf_files_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
