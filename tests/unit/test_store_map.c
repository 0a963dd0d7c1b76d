/* store/map and store/maps: text maps, what is refused and what is told; maps in a row. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "store/maps.h"

#include "tests/unit/store_files.h"

static void test_names(void **state)
{
    static const struct {
        const char *name;
        const char *want;
    } cases[] = {
        {"", "no map"},
        {"/etc/map", "no map"},
        {"hash:/etc/map", "\"lmdb:/path\" for what postmap"},
        {"file:", "without a path"},
        {"lmdb:", "without a path"},
        {"file:/nowhere/map", "/nowhere/map: cannot open"},
        {"lmdb:/nowhere/map",
         "/nowhere/map.lmdb: cannot open: No such file or directory: write it"},
        {"file:/tmp", "not a regular file"},
        {"lmdb:/dev/null.lmdb", "cannot open"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};

        assert_null(store_map_open(cases[i].name, NULL, &error));
        if (strstr(error.text, cases[i].want) == NULL)
            fail_msg("%s: %s", cases[i].name, error.text);
    }
}

static void test_find(void **state)
{
    static const char text[] = "# owners\n"
                               "alice@example.org alice, Bob\n"
                               "@Example.ORG\n  carol,\n# and\n\tdave\n"
                               "J\xc3\x96RG@example.org j\n"
                               "x y\n";
    static const struct {
        const char *key;
        /* NULL: none. */
        const char *want;
    } cases[] = {
        {"alice@example.org", "alice, Bob"},
        {"ALICE@EXAMPLE.org", "alice, Bob"},
        {"@example.org", "carol,\tdave"},
        {"j\xc3\xb6rg@example.org", "j"},
        {"x", "y"},
        {"y", NULL},
        {"alice@example.or", NULL},
        {"alice@example.org.", NULL},
        {"alice, Bob", NULL},
        {"#", NULL},
        {"", NULL},
    };
    struct files *files = *state;
    struct store_map *map;
    struct store_map_run run;
    struct base_error error = {""};
    struct base_buf value;

    files_write(files, "map", base_text_of(text), 0644);
    map = store_map_open(files_name(files, "file:", "map"), NULL, &error);
    assert_non_null(map);
    assert_string_equal(store_map_name(map), files_name(files, "file:", "map"));
    assert_true(store_map_begin(map, &run, &error));
    base_buf_init(&value, NULL, 64);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum store_map_answer answer =
            store_map_find(&run, base_text_of(cases[i].key), &value, &error);

        assert_int_equal(answer, cases[i].want != NULL ? STORE_MAP_FOUND : STORE_MAP_NONE);
        if (cases[i].want != NULL)
            assert_string_equal(base_buf_cstr(&value), cases[i].want);
    }
    assert_int_equal(store_map_find(&run, BASE_TEXT("x\0"), &value, &error), STORE_MAP_NONE);
    store_map_end(&run);
    base_buf_deinit(&value);
    store_map_destroy(&map);
    assert_null(map);
}

/* A key of as many octets as are looked at, and one more; a value of as many as there is room. */
static void test_caps(void **state)
{
    struct files *files = *state;
    struct base_error error = {""};
    struct base_buf text, value;
    struct store_map *map;
    struct store_map_run run;
    char key[STORE_MAP_KEY_MAX + 2];

    memset(key, 'k', sizeof(key));
    base_buf_init(&text, NULL, 1 << 16);
    base_buf_append(&text, key, STORE_MAP_KEY_MAX);
    base_buf_append_cstr(&text, " 12345678\n");
    base_buf_append(&text, key, STORE_MAP_KEY_MAX + 1);
    base_buf_append_cstr(&text, " y\n");
    files_write(files, "map", base_buf_text(&text), 0644);
    map = store_map_open(files_name(files, "texthash:", "map"), NULL, &error);
    assert_non_null(map);
    assert_true(store_map_begin(map, &run, &error));
    base_buf_init(&value, NULL, 8);
    assert_int_equal(
        store_map_find(&run, (struct base_text){key, STORE_MAP_KEY_MAX}, &value, &error),
        STORE_MAP_FOUND);
    assert_int_equal(
        store_map_find(&run, (struct base_text){key, STORE_MAP_KEY_MAX + 1}, &value, &error),
        STORE_MAP_NONE);
    base_buf_deinit(&value);
    base_buf_init(&value, NULL, 7);
    assert_int_equal(
        store_map_find(&run, (struct base_text){key, STORE_MAP_KEY_MAX}, &value, &error),
        STORE_MAP_FAULT);
    assert_non_null(strstr(error.text, "is too long"));
    store_map_end(&run);
    base_buf_deinit(&value);
    base_buf_deinit(&text);
    store_map_destroy(&map);
}

static void collect(void *context, const char *text)
{
    struct base_buf *all = context;
    const char *slash = strrchr(text, '/');

    base_buf_appendf(all, "%s|", slash != NULL ? slash + 1 : text);
}

static void test_warnings(void **state)
{
    static const struct {
        const char *text;
        const char *want;
    } cases[] = {
        {"a b\n", ""},
        {"a b\nA c\n", "map:2: the key was given before, the first counts: \"a\"|"},
        {"a b\nc\n\nd e\n", "map:2: a key without a value|"},
        {"a: b\n", "map:1: the key ends in a colon: is this a file of aliases?: \"a:\"|"},
        {"a\na\na\na\na\na\na\na\na\na\n",
         "map:1: a key without a value|map:2: a key without a value|map:3: a key without a value|"
         "map:4: a key without a value|map:5: a key without a value|map:6: a key without a value|"
         "map:7: a key without a value|map:8: a key without a value|map:9: a key without a value|"
         "map:10: a key without a value|"},
    };
    struct files *files = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_buf all;
        struct store_map_options options = {.warn = collect, .context = &all};
        struct base_error error;
        struct store_map *map;

        base_buf_init(&all, NULL, 4096);
        files_write(files, "map", base_text_of(cases[i].text), 0644);
        map = store_map_open(files_name(files, "file:", "map"), &options, &error);
        assert_non_null(map);
        assert_string_equal(base_buf_cstr(&all), cases[i].want);
        base_buf_deinit(&all);
        store_map_destroy(&map);
    }
}

static void test_many_warnings(void **state)
{
    struct files *files = *state;
    struct base_buf all;
    struct store_map_options options = {.warn = collect, .context = &all};
    struct base_error error;
    struct store_map *map;

    base_buf_init(&all, NULL, 4096);
    files_write(files, "map", BASE_TEXT("a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\n"), 0644);
    map = store_map_open(files_name(files, "file:", "map"), &options, &error);
    assert_non_null(map);
    assert_non_null(strstr(base_buf_cstr(&all), "map:10: "));
    assert_null(strstr(base_buf_cstr(&all), "map:11: "));
    assert_non_null(strstr(base_buf_cstr(&all), "map: 2 more lines of that kind|"));
    base_buf_deinit(&all);
    store_map_destroy(&map);
}

/* Files that others can write say nothing here. */
static void test_untrusted(void **state)
{
    static const struct {
        const char *kind;
        const char *file;
    } cases[] = {{"file:", "map"}, {"lmdb:", "map.lmdb"}};
    struct files *files = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};

        files_write(files, cases[i].file, BASE_TEXT("a b\n"), 0666);
        assert_null(store_map_open(files_name(files, cases[i].kind, "map"), NULL, &error));
        assert_non_null(strstr(error.text, "chmod go-w"));
    }
}

/* Every key of a large map is found, and none that is not there. */
static void test_many_keys(void **state)
{
    enum {
        COUNT = 20000
    };
    struct files *files = *state;
    struct base_buf text, value;
    struct base_error error = {""};
    struct store_map *map;
    struct store_map_run run;

    base_buf_init(&text, NULL, (size_t)8 << 20);
    base_buf_init(&value, NULL, 64);
    for (unsigned i = 0; i < COUNT; i++)
        base_buf_appendf(&text, "User%u@example%u.org login%u\n", i, i % 7, i);
    files_write(files, "map", base_buf_text(&text), 0644);
    map = store_map_open(files_name(files, "file:", "map"), NULL, &error);
    assert_non_null(map);
    assert_true(store_map_begin(map, &run, &error));
    for (unsigned i = 0; i < COUNT; i++) {
        char key[64], want[64];

        snprintf(key, sizeof(key), "user%u@example%u.org", i, i % 7);
        snprintf(want, sizeof(want), "login%u", i);
        assert_int_equal(store_map_find(&run, base_text_of(key), &value, &error), STORE_MAP_FOUND);
        assert_string_equal(base_buf_cstr(&value), want);
        snprintf(key, sizeof(key), "user%u@example%u.org", i, (i + 1) % 7);
        assert_int_equal(store_map_find(&run, base_text_of(key), &value, &error), STORE_MAP_NONE);
    }
    store_map_end(&run);
    base_buf_deinit(&value);
    base_buf_deinit(&text);
    store_map_destroy(&map);
}

static void test_maps(void **state)
{
    static const struct {
        const char *key;
        const char *want;
    } cases[] = {{"a", "1"}, {"b", "2"}, {"c", "3"}, {"d", NULL}};
    struct files *files = *state;
    struct base_error error = {""};
    struct base_buf value;
    struct store_maps_run run;
    size_t failed = 9;

    files_write(files, "one", BASE_TEXT("a 1\n"), 0644);
    files_write(files, "two", BASE_TEXT("a 9\nb 2\nc 3\n"), 0644);
    const char *names[] = {files_name(files, "file:", "one"), files_name(files, "file:", "two")};
    struct store_maps *maps = store_maps_open(names, 2, NULL, &failed, &error);

    assert_non_null(maps);
    assert_int_equal(store_maps_count(maps), 2);
    base_buf_init(&value, NULL, 64);
    store_maps_begin(maps, &run);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        enum store_map_answer answer =
            store_maps_find(&run, base_text_of(cases[i].key), &value, &error);

        assert_int_equal(answer, cases[i].want != NULL ? STORE_MAP_FOUND : STORE_MAP_NONE);
        if (cases[i].want != NULL)
            assert_string_equal(base_buf_cstr(&value), cases[i].want);
    }
    store_maps_end(&run);
    base_buf_deinit(&value);
    store_maps_destroy(&maps);
    assert_null(maps);

    names[1] = "file:/nowhere";
    assert_null(store_maps_open(names, 2, NULL, &failed, &error));
    assert_int_equal(failed, 1);
    maps = store_maps_open(NULL, 0, NULL, &failed, &error);
    assert_non_null(maps);
    store_maps_begin(maps, &run);
    assert_int_equal(store_maps_find(&run, BASE_TEXT("a"), &value, &error), STORE_MAP_NONE);
    store_maps_end(&run);
    store_maps_destroy(&maps);
}

static void test_too_many_maps(void **state)
{
    struct files *files = *state;
    const char *names[STORE_MAPS_MAX + 1];
    struct base_error error = {""};
    struct store_maps *maps;
    size_t failed = 0;

    files_write(files, "one", BASE_TEXT("a 1\n"), 0644);
    for (size_t i = 0; i <= STORE_MAPS_MAX; i++)
        names[i] = files_name(files, "file:", "one");
    assert_null(store_maps_open(names, STORE_MAPS_MAX + 1, NULL, &failed, &error));
    assert_int_equal(failed, STORE_MAPS_MAX);
    maps = store_maps_open(names, STORE_MAPS_MAX, NULL, &failed, &error);
    assert_non_null(maps);
    store_maps_destroy(&maps);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, files_setup, files_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), TEST(test_find),          TEST(test_caps),
        TEST(test_warnings),          TEST(test_many_warnings), TEST(test_untrusted),
        TEST(test_many_keys),         TEST(test_maps),          TEST(test_too_many_maps),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
