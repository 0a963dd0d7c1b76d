/* base/json: what is written, what is read back, and what is refused. */
#include <stdarg.h>
#include <stddef.h>

#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"

static void check_text(struct base_json *json, const char *want)
{
    char storage[4096];
    struct base_buf out;

    base_buf_init_fixed(&out, storage, sizeof(storage));
    base_json_append_to(json, &out);
    assert_string_equal(base_buf_cstr(&out), want);
}

static void test_order(void **state)
{
    struct base_json *object = base_json_object();
    struct base_json *array = base_json_array();

    (void)state;
    base_json_set_int(object, "zebra", -9007199254740993);
    base_json_set_bool(object, "yak", true);
    base_json_set_null(object, "x");
    base_json_set_cstr(object, "wolf", "w");
    base_json_set_cstr(object, "none", NULL);
    base_json_set_real(object, "real", 0.5);
    base_json_set_real(object, "nan", (double)NAN);
    base_json_append_int(array, 1);
    base_json_append_text(array, BASE_TEXT("two"));
    base_json_append(array, base_json_object());
    base_json_set(object, "array", array);
    base_json_set_bool(object, "yak", false);
    check_text(object, "{\"zebra\":-9007199254740993,\"yak\":false,\"x\":null,\"wolf\":\"w\","
                       "\"none\":null,\"real\":0.5,\"nan\":null,\"array\":[1,\"two\",{}]}");
    base_json_destroy(&object);
    assert_null(object);
    base_json_destroy(&object);
}

static void test_text(void **state)
{
    static const struct {
        struct base_text input;
        const char *want;
    } cases[] = {
        {BASE_TEXT("plain"), "[\"plain\"]"},
        {BASE_TEXT(""), "[\"\"]"},
        {{NULL, 0}, "[\"\"]"},
        {BASE_TEXT("a\"b\\c\nd"), "[\"a\\\"b\\\\c\\nd\"]"},
        {BASE_TEXT("nul\0x"), "[\"nul\\u0000x\"]"},
        {BASE_TEXT("\xc3\xa4\xc2\x9b"), "[\"\\u00E4\\u009B\"]"},
        {BASE_TEXT("\xf0\x9f\x93\xa7"), "[\"\\uD83D\\uDCE7\"]"},
        {BASE_TEXT("a\xff\xc3\xa4"), "[\"a\\uFFFD\\uFFFD\\uFFFD\"]"},
        {BASE_TEXT("\xc0\x80"), "[\"\\uFFFD\\uFFFD\"]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_json *array = base_json_array();

        base_json_append_text(array, cases[i].input);
        check_text(array, cases[i].want);
        base_json_destroy(&array);
    }
}

static void test_print(void **state)
{
    struct base_json *object = base_json_object();
    char *data = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&data, &length);

    (void)state;
    base_json_set_int(object, "a", 1);
    base_json_set(object, "b", base_json_array());
    base_json_print(object, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(data, "{\n  \"a\": 1,\n  \"b\": []\n}\n");
    base_mem_free(data);
    base_json_destroy(&object);
}

static void test_read(void **state)
{
    struct base_error error;
    struct base_json *json = base_json_parse(
        BASE_TEXT("{\"t\": \"x\\u0000y\", \"n\": -5, \"b\": true, \"z\": null, \"a\": [1, 2.5]}"),
        &error);
    struct base_json *value;
    int64_t number = 0;
    bool truth = false;

    (void)state;
    assert_non_null(json);
    assert_int_equal(base_json_count(json), 5);
    assert_true(base_text_equals(base_json_text(base_json_get(json, "t")), BASE_TEXT("x\0y")));
    assert_true(base_json_int(base_json_get(json, "n"), &number) && number == -5);
    assert_true(base_json_bool(base_json_get(json, "b"), &truth) && truth);
    assert_true(base_json_is_null(base_json_get(json, "z")));
    assert_string_equal(base_json_member(json, 4, &value), "a");
    assert_int_equal(base_json_count(value), 2);
    assert_true(base_json_int(base_json_at(value, 0), &number) && number == 1);
    /* What is not there, or of another kind. */
    assert_false(base_json_int(base_json_at(value, 1), &number));
    assert_null(base_json_at(value, 2));
    assert_null(base_json_at(json, 0));
    assert_null(base_json_get(value, "t"));
    assert_null(base_json_get(json, "absent"));
    assert_null(base_json_get(NULL, "t"));
    assert_null(base_json_member(json, 5, &value));
    assert_null(value);
    assert_null(base_json_text(base_json_get(json, "n")).data);
    assert_false(base_json_bool(base_json_get(json, "n"), &truth));
    assert_false(base_json_is_null(NULL));
    assert_int_equal(base_json_count(base_json_get(json, "n")), 0);
    base_json_destroy(&json);
}

static void test_refused(void **state)
{
    static const char *const cases[] = {
        "", "{", "[1,]", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "[\"\xff\"]", "nul", "[01]", "{a:1}",
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct base_error error = {""};

        assert_null(base_json_parse(base_text_of(cases[i]), &error));
        assert_memory_equal(error.text, "JSON, line ", 11);
        assert_null(base_json_parse(base_text_of(cases[i]), NULL));
    }
}

static void test_depth(void **state)
{
    char text[200];
    struct base_error error;

    (void)state;
    memset(text, '[', 65);
    memset(text + 65, ']', 65);
    assert_null(base_json_parse((struct base_text){text, 130}, &error));
    assert_string_equal(error.text, "JSON nested deeper than 64 levels");
    struct base_json *json = base_json_parse((struct base_text){text + 1, 128}, &error);

    assert_non_null(json);
    base_json_destroy(&json);
    /* Brackets within strings are no levels. */
    memset(text, '[', sizeof(text));
    memcpy(text, "[\"\\\"", 4);
    memcpy(text + 198, "\"]", 2);
    json = base_json_parse((struct base_text){text, sizeof(text)}, &error);
    assert_non_null(json);
    base_json_destroy(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order), cmocka_unit_test(test_text),    cmocka_unit_test(test_print),
        cmocka_unit_test(test_read),  cmocka_unit_test(test_refused), cmocka_unit_test(test_depth),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
