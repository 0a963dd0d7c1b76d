/* conf/list: items, and files of items. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "conf/list.h"
#include "tests/unit/conf_files.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

struct fixture {
    struct base_arena *arena;
    struct conf_budget budget;
    struct conf_list_builder builder;
};

static void begin(struct fixture *fixture)
{
    memset(fixture, 0, sizeof(*fixture));
    fixture->arena = base_arena_create(SIZE_MAX / 2, NULL);
    conf_list_init(&fixture->builder, fixture->arena, &fixture->budget);
}

static void end(struct fixture *fixture)
{
    conf_list_deinit(&fixture->builder);
    base_arena_destroy(&fixture->arena);
}

/* Reads `text` as a file called "list" that line 7 of "x.conf" beside it names. */
static bool add_file(struct fixture *fixture, const struct conf_files *files, const char *text,
                     size_t length, struct base_error *error)
{
    conf_files_write(files, "list", text, length, 0644);
    struct conf_item item = {"file:list", {conf_files_path(files, "x.conf"), 7}};
    error->text[0] = '\0';
    return conf_list_add(&fixture->builder, item, error);
}

static void test_files(void **state)
{
    static const struct {
        struct base_text text;
        /* Each item as "LINE<text>", or what is in the error. */
        const char *want;
        bool is_bad;
    } cases[] = {
        {BASE_TEXT(""), "", false},
        {BASE_TEXT("a"), "1<a>", false},
        {BASE_TEXT("a\nb\n"), "1<a>2<b>", false},
        {BASE_TEXT("a\r\nb\r\n"), "1<a>2<b>", false},
        {BASE_TEXT("\n \t\n# c\n  # c\na # c\n\tb\t#c\n"), "5<a>6<b>", false},
        {BASE_TEXT("a#b\n"), "1<a#b>", false},
        {BASE_TEXT("a b\n\"c\"\n"), "1<a b>2<\"c\">", false},
        {BASE_TEXT("a\\nb, c; {d}\n"), "1<a\\nb, c; {d}>", false},
        {BASE_TEXT("\xef\xbb\xbf"
                   "a\n"),
         "1<a>", false},
        {BASE_TEXT("\xef\xbb\xbf"), "", false},
        {BASE_TEXT("d\xc3\xb6rfl.example"), "1<d\xc3\xb6rfl.example>", false},
        {BASE_TEXT("a\n${HOME}\n"), "list:2: \"${\" is refused", true},
        {BASE_TEXT("a\n\nb\x01"), "list:3: control character 0x01", true},
        {BASE_TEXT("a\tb"), "list:1: control character 0x09", true},
        {BASE_TEXT("a\rb"), "list:1: control character 0x0d", true},
        {BASE_TEXT("a\n\xff"), "list:2: octets that are not UTF-8", true},
        {BASE_TEXT("a\n\0"), "list:2: a NUL octet", true},
        {BASE_TEXT("file:other\n"), "list:1: file:other: a file of items cannot name", true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        struct base_error error;
        char storage[512];
        struct base_buf out;
        begin(&fixture);
        base_buf_init_fixed(&out, storage, sizeof(storage));
        bool is_good = add_file(&fixture, *state, cases[i].text.data, cases[i].text.length, &error);
        assert_int_equal(is_good, !cases[i].is_bad);
        struct conf_list list = conf_list_finish(&fixture.builder);
        for (size_t at = 0; at < list.count; at++)
            base_buf_appendf(&out, "%d<%s>", list.items[at].where.line, list.items[at].text);
        if (is_good)
            assert_string_equal(base_buf_cstr(&out), cases[i].want);
        else if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("%s\n  want: %s", error.text, cases[i].want);
        end(&fixture);
    }
}

static void test_order(void **state)
{
    struct fixture fixture;
    struct base_error error;
    static const char *const want[] = {"a", "one", "two", "b"};
    begin(&fixture);
    struct conf_where where = {"x.conf", 3};
    assert_true(conf_list_add(&fixture.builder, (struct conf_item){"a", where}, &error));
    assert_true(add_file(&fixture, *state, "one\ntwo", 7, &error));
    assert_true(conf_list_add(&fixture.builder, (struct conf_item){"b", where}, &error));
    struct conf_list list = conf_list_finish(&fixture.builder);
    assert_int_equal(list.count, 4);
    for (size_t i = 0; i < 4; i++)
        assert_string_equal(list.items[i].text, want[i]);
    assert_string_equal(list.items[3].where.file, "x.conf");
    assert_string_equal(list.items[1].where.file, conf_files_path(*state, "list"));
    end(&fixture);
}

static void test_access(void **state)
{
    const struct conf_files *files = *state;
    static const struct {
        const char *item;
        const char *want;
    } cases[] = {
        {"file:", "x.conf:7: \"file:\" without a path"},
        {"file:nowhere", "x.conf:7: "},
        {"file:/nowhere/at/all", "x.conf:7: /nowhere/at/all: cannot open: No such file"},
        {"file:open", "chmod go-w "},
        {"file:.", "not a regular file"},
    };
    conf_files_write(files, "open", "a", 1, 0666);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        struct base_error error;
        begin(&fixture);
        struct conf_item item = {cases[i].item, {conf_files_path(files, "x.conf"), 7}};
        assert_false(conf_list_add(&fixture.builder, item, &error));
        if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("%s\n  want: %s", error.text, cases[i].want);
        end(&fixture);
    }
}

static void test_longest_line(void **state)
{
    char text[CONF_LIST_LINE_MAX + 3];
    struct fixture fixture;
    struct base_error error;
    memset(text, 'a', sizeof(text));
    begin(&fixture);
    /* Blanks around it do not count. */
    text[0] = text[CONF_LIST_LINE_MAX + 1] = ' ';
    assert_true(add_file(&fixture, *state, text, CONF_LIST_LINE_MAX + 2, &error));
    text[0] = 'a';
    assert_false(add_file(&fixture, *state, text, CONF_LIST_LINE_MAX + 2, &error));
    assert_non_null(strstr(error.text, "4097 octets: at most 4096"));
    end(&fixture);
}

static void test_many_lines(void **state)
{
    struct fixture fixture;
    struct base_error error;
    struct base_buf text;
    base_buf_init(&text, NULL, 16 << 20);
    for (size_t i = 0; i < 100000; i++)
        base_buf_appendf(&text, "domain%zu.example\n", i);
    begin(&fixture);
    assert_true(add_file(&fixture, *state, text.data, text.length, &error));
    struct conf_list list = conf_list_finish(&fixture.builder);
    assert_int_equal(list.count, 100000);
    assert_string_equal(list.items[99999].text, "domain99999.example");
    assert_int_equal(list.items[99999].where.line, 100000);
    end(&fixture);
    base_buf_deinit(&text);
}

static void test_most_items(void **state)
{
    struct fixture fixture;
    struct base_error error = {""};
    struct conf_item item = {"a", {"x.conf", 1}};
    (void)state;
    begin(&fixture);
    for (size_t i = 0; i < CONF_LIST_ITEMS_MAX; i++)
        assert_true(conf_list_add(&fixture.builder, item, &error));
    assert_false(conf_list_add(&fixture.builder, item, &error));
    assert_non_null(strstr(error.text, "x.conf:1: more than 2000000 items"));
    end(&fixture);
}

#define FILE_TEST(test) cmocka_unit_test_setup_teardown(test, conf_files_setup, conf_files_teardown)

/* Names of maps: the path is made whole, and nothing is read. */
static void test_maps(void **state)
{
    static const struct {
        const char *item;
        const char *file;
        const char *want;
    } cases[] = {
        {"file:/a/b", "/etc/x/conf", "file:/a/b"},
        {"file:b", "/etc/x/conf", "file:/etc/x/b"},
        {"lmdb:sub/b", "/etc/x/conf", "lmdb:/etc/x/sub/b"},
        {"file:b", "conf", "file:b"},
        {"file:", "/etc/x/conf", "file:"},
        {"b", "/etc/x/conf", "b"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture fixture;
        struct base_error error;
        struct conf_item item = {cases[i].item, {cases[i].file, 3}};

        begin(&fixture);
        assert_true(conf_list_add_map(&fixture.builder, item, &error));
        struct conf_list list = conf_list_finish(&fixture.builder);

        assert_int_equal(list.count, 1);
        assert_string_equal(list.items[0].text, cases[i].want);
        assert_int_equal(list.items[0].where.line, 3);
        end(&fixture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_files),        FILE_TEST(test_order),      FILE_TEST(test_access),
        FILE_TEST(test_longest_line), FILE_TEST(test_many_lines), cmocka_unit_test(test_most_items),
        cmocka_unit_test(test_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
